"""The screen's picture of the world: what the stream said so far, and how the link to the daemon is.

Plain state, changed only by `hear`, `lost` and `forget`; it reads no clock: `mono` is this process's monotonic
time in ms. A firing that is gone from the daemon stays as a resolved one until the list lets go of it, so that a
row never vanishes under somebody's cursor. `serials` rise with each change of a firing and key the caches of
rows. What counters, order and filter look at is worked out once for each change: `shape` rises only with those that
they can see, and `changed` names the firings, until the list has taken them in. So moving values cost neither, and
a storm costs what changed, not what there is.

`hearing` takes a message in piece by piece, so that a picture of ten thousand firings does not stop the screen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import TypeAlias, assert_never

import msgspec
from msgspec import Struct, field

from rtmd.wire import Beat, Changes, FiringView, Snapshot, StatusView
from rtmd.wire.marks import MarkView
from rtmd.wire.watchers import WatcherView
from tui.counts import Counts
from tui.states import Condition, Urgency, condition, is_open, to_decide, urgency
from tui.view.moment import Moment

Message: TypeAlias = Snapshot | Changes | Beat

# Beats come each second: three of them missing is no hiccup any more.
STALE_AFTER = 3_000
MOST_MARKS = 1_000  # kept, the latest
PIECE = 250  # firings taken in at once


class LinkState(StrEnum):
    """CONNECTING: nothing was heard yet; LOST: there is a last picture, or a problem to tell."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"


class Link(Struct):
    """The connection as an operator sees it."""

    state: LinkState = LinkState.CONNECTING
    problem: str = ""
    heard: int = 0  # mono of the last message
    retry_at: int = 0  # mono

    def stale(self, mono: int) -> bool:
        """Lost, or silent for too long: what is shown may be wrong."""
        return self.state is LinkState.LOST or (self.state is LinkState.LIVE and mono - self.heard > STALE_AFTER)


class Picture(Struct):
    """Everything known about the daemon."""

    firings: dict[str, FiringView] = field(default_factory=dict)
    serials: dict[str, int] = field(default_factory=dict)
    conditions: dict[str, Condition] = field(default_factory=dict)
    urgencies: dict[str, Urgency] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    shape: int = 0
    changed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    status: StatusView | None = None
    link: Link = field(default_factory=Link)
    you: str = ""
    role: str = ""
    utc: bool = True
    marks: list[MarkView] = field(default_factory=list)  # what was reported lately, as it came
    resyncs: int = 0  # whole pictures after the first: something had been missed
    started_wall: int = 0  # this machine's wall time at mono 0: all there is before the first message
    _status_mono: int = 0
    _serial: int = 0

    @property
    def others(self) -> list[WatcherView]:
        """Who else looks."""
        return [each for each in self.status.watching if each.name != self.you] if self.status is not None else []

    def moment(self, mono: int) -> Moment:
        """Now, by the daemon's clocks."""
        if self.status is None:
            wall = self.started_wall + mono
            return Moment(mono, wall, wall, self.utc)
        passed = mono - self._status_mono
        return Moment(mono, self.status.wall + passed, self.status.at + passed, self.utc)

    def hear(self, message: Message, mono: int) -> None:
        """Take in what the stream said."""
        for _ in self.hearing(message, mono):
            pass

    def hearing(self, message: Message, mono: int) -> Iterator[None]:
        """The same, with a pause after each piece."""
        self.link.state, self.link.problem, self.link.heard = LinkState.LIVE, "", mono
        match message:
            case Snapshot():
                self.resyncs += self.status is not None
                self.you, self.role = message.you, message.role
                self._status(message.status, mono)
                self.marks = message.marks[-MOST_MARKS:]
                yield from self._take(message.firings)
                self._end(self.firings.keys() - {firing.id for firing in message.firings} - self.gone, mono)
            case Changes():
                self.marks = [*self.marks, *message.marks][-MOST_MARKS:]
                yield from self._take(message.firings)
                self._end(message.gone, mono)
            case Beat():
                self._status(message.status, mono)
            case _:
                assert_never(message)

    def lost(self, problem: str, retry_at: int) -> None:
        """The link broke, or could not be made."""
        self.link.state, self.link.problem, self.link.retry_at = LinkState.LOST, problem, retry_at

    def forget(self, kept: Collection[str]) -> None:
        """Let go of firings that the daemon does not have any more, except those still shown."""
        for firing_id in [one for one in self.gone if one not in kept]:
            firing, state = self.firings.pop(firing_id), self.conditions.pop(firing_id)
            self.counts.add(firing, state, -1)
            del self.serials[firing_id], self.urgencies[firing_id]
            self.gone.discard(firing_id)
            self.changed.add(firing_id)
            self.shape += 1

    def _status(self, status: StatusView, mono: int) -> None:
        self.status, self._status_mono = status, mono

    def _take(self, firings: list[FiringView]) -> Iterator[None]:
        for start in range(0, len(firings), PIECE):
            for firing in firings[start : start + PIECE]:
                self._put(firing)
                self.gone.discard(firing.id)
            yield

    def _end(self, ids: list[str] | set[str], mono: int) -> None:
        at = self.moment(mono).at
        for firing_id in ids:
            firing = self.firings.get(firing_id)
            if firing is None:
                continue
            self.gone.add(firing_id)
            if is_open(firing):
                self._put(msgspec.structs.replace(firing, state="resolved", resolved_at=at))

    def _put(self, firing: FiringView) -> None:
        self._serial += 1
        firing_id = firing.id
        before, self.firings[firing_id] = self.firings.get(firing_id), firing
        self.serials[firing_id] = self._serial
        if before is not None and _outline(before) == _outline(firing):
            return
        if before is not None:
            self.counts.add(before, self.conditions[firing_id], -1)
        state = self.conditions[firing_id] = condition(firing)
        self.urgencies[firing_id] = urgency(firing)
        self.counts.add(firing, state)
        self.shape += 1
        self.changed.add(firing_id)


def _outline(firing: FiringView) -> tuple[object, ...]:
    """Everything that counters, order and filter look at; rule and labels of a firing never change."""
    return (
        firing.version,
        firing.state,
        firing.severity,
        firing.stage,
        firing.fired_at,
        firing.resolved_at,
        firing.silenced_until,
        firing.silenced_by,
        firing.ack,
        firing.flags,
        firing.title,
        to_decide(firing),
    )
