"""The screen's picture of the world: what the stream said so far, and how the link to the daemon is.

Plain state, changed only by `hear`, `lost` and `forget`; it reads no clock: `mono` is this process's monotonic
time in ms. A firing that is gone from the daemon stays as a resolved one until the list lets go of it, so that a
row never vanishes under somebody's cursor. `serials` rise with each change of a firing and key the caches of
rows; `shape` rises only with changes that counters, order or filter can see, so that moving values cost neither.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, assert_never

import msgspec

from rtmd.wire import Beat, Changes, FiringView, Snapshot, StatusView
from tui.states import Condition, condition, is_open, urgency
from tui.view.moment import Moment

Message: TypeAlias = Snapshot | Changes | Beat

# Beats come each second: three of them missing is no hiccup any more.
STALE_AFTER = 3_000


class LinkState(StrEnum):
    """CONNECTING: nothing was heard yet; LOST: there is a last picture, or a problem to tell."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"


@dataclass(slots=True)
class Link:
    """The connection as an operator sees it."""

    state: LinkState = LinkState.CONNECTING
    problem: str = ""
    heard: int = 0  # mono of the last message
    retry_at: int = 0  # mono

    def stale(self, mono: int) -> bool:
        """Lost, or silent for too long: what is shown may be wrong."""
        return self.state is LinkState.LOST or (self.state is LinkState.LIVE and mono - self.heard > STALE_AFTER)


@dataclass(slots=True)
class Counts:
    """The figures of the header."""

    severity: Counter[str] = field(default_factory=Counter)
    new: int = 0
    acked: int = 0
    silenced: int = 0
    open: int = 0
    next_end: int | None = None  # wall time


@dataclass(slots=True)
class Picture:
    """Everything known about the daemon."""

    firings: dict[str, FiringView] = field(default_factory=dict)
    serials: dict[str, int] = field(default_factory=dict)
    shape: int = 0
    gone: set[str] = field(default_factory=set)
    status: StatusView | None = None
    link: Link = field(default_factory=Link)
    you: str = ""
    role: str = ""
    utc: bool = True
    resyncs: int = 0  # whole pictures after the first: something had been missed
    started_wall: int = 0  # this machine's wall time at mono 0: all there is before the first message
    _status_mono: int = 0
    _serial: int = 0
    _counted: tuple[int, Counts] | None = None

    def moment(self, mono: int) -> Moment:
        """Now, by the daemon's clocks."""
        if self.status is None:
            wall = self.started_wall + mono
            return Moment(mono, wall, wall, self.utc)
        passed = mono - self._status_mono
        return Moment(mono, self.status.wall + passed, self.status.at + passed, self.utc)

    def hear(self, message: Message, mono: int) -> None:
        """Take in what the stream said."""
        self.link.state, self.link.problem, self.link.heard = LinkState.LIVE, "", mono
        match message:
            case Snapshot():
                self.resyncs += self.status is not None
                self.you, self.role = message.you, message.role
                self._status(message.status, mono)
                self._take(message.firings)
                self._end(self.firings.keys() - {firing.id for firing in message.firings} - self.gone, mono)
            case Changes():
                self._take(message.firings)
                self._end(message.gone, mono)
            case Beat():
                self._status(message.status, mono)
            case _:
                assert_never(message)

    def lost(self, problem: str, retry_at: int) -> None:
        """The link broke, or could not be made."""
        self.link.state, self.link.problem, self.link.retry_at = LinkState.LOST, problem, retry_at

    def forget(self, kept: set[str]) -> None:
        """Let go of firings that the daemon does not have any more, except those still shown."""
        for firing_id in self.gone - kept:
            self.firings.pop(firing_id, None)
            self.serials.pop(firing_id, None)
            self.gone.discard(firing_id)
            self.shape += 1

    def counts(self) -> Counts:
        """Count the open firings; silenced ones count only as silenced."""
        if self._counted is None or self._counted[0] != self.shape:
            self._counted = (self.shape, self._count())
        return self._counted[1]

    def _count(self) -> Counts:
        counts = Counts()
        for firing in self.firings.values():
            if not is_open(firing):
                continue
            counts.open += 1
            state = condition(firing)
            if state is Condition.SILENCED:
                counts.silenced += 1
                ends = firing.silenced_until
                if ends is not None and (counts.next_end is None or ends < counts.next_end):
                    counts.next_end = ends
                continue
            counts.severity[firing.severity] += 1
            counts.new += state is Condition.NEW
            counts.acked += state is Condition.ACKED
        return counts

    def _status(self, status: StatusView, mono: int) -> None:
        self.status, self._status_mono = status, mono

    def _take(self, firings: list[FiringView]) -> None:
        for firing in firings:
            self._put(firing)
            self.gone.discard(firing.id)

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
        before = self.firings.get(firing.id)
        if before is None or _outline(before) != _outline(firing):
            self.shape += 1
        self.firings[firing.id] = firing
        self.serials[firing.id] = self._serial


def _outline(firing: FiringView) -> tuple[object, ...]:
    """Everything that counters, order and filter look at."""
    return (
        urgency(firing),
        condition(firing),
        firing.flags,
        firing.silenced_until,
        firing.resolved_at,
        firing.rule,
        firing.title,
        firing.labels,
    )
