"""What happened between two pictures of the world, one event a line: for screen readers and for pipes.

`Telling` takes in the messages of the stream and says what each of them changed. It reads no clock: an event that
bears no time of its own has that of the daemon's latest status. A snapshot after the first one is what a broken link
missed: its differences are told like any others. The stream holds states, not a log, so what came and went between two
messages of it (a tenth of a second) is told as far as the last state shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias, assert_never

import msgspec

from rtmd.cli.output import moment, show_labels
from rtmd.model.display import age, number, safe
from rtmd.model.rule import StageName
from rtmd.wire import Beat, Changes, FiringView, Snapshot, StatusView
from rtmd.wire.marks import MarkView

_STAGES = {str(name): name.rank for name in StageName}
_FLAGS = {
    "unfed": ("no data", "fed again"),
    "flapping": ("flapping", "flapping no more"),
    "rejudging": ("rejudging", "judged again"),
}


class Event(msgspec.Struct, frozen=True):
    """Something happened at wall time `at`; what is not about a firing has no `firing`."""

    at: int
    event: str  # open | opened | raised | lowered | recovering | back | resolved | acked | … | link | mark
    text: str = ""
    firing: str = ""
    rule: str = ""
    labels: dict[str, str] = {}
    severity: str = ""
    stage: str = ""


_Told: TypeAlias = Iterator[tuple[str, str]]


class Telling:
    """Knows every firing as it was told last; tells about those that `wanted` lets through, before or now."""

    def __init__(self, wanted: Callable[[FiringView], bool] = lambda _: True) -> None:
        self._wanted = wanted
        self._known: dict[str, FiringView] = {}
        self._marks: set[str] = set()
        self._status: StatusView | None = None

    def __repr__(self) -> str:
        return f"<Telling of {len(self._known)} firings>"

    @property
    def begun(self) -> bool:
        """Something was heard already."""
        return self._status is not None

    def link(self, text: str) -> Event:
        """Something about the link itself."""
        return Event(self._status.wall if self._status else 0, "link", text)

    def hear(self, message: Snapshot | Changes | Beat) -> Iterator[Event]:
        """What this message tells, oldest first within a firing."""
        match message:
            case Snapshot():
                yield from self._snapshot(message)
            case Changes():
                yield from self._marked(message.marks)
                for firing in message.firings:
                    yield from self._firing(firing)
                yield from self._gone(message.gone)
            case Beat():
                yield from self._beat(message.status)
            case _:
                assert_never(message)

    def _snapshot(self, message: Snapshot) -> Iterator[Event]:
        first, before = not self.begun, self._status
        self._status = message.status
        fired = sum(firing.state != "resolved" for firing in message.firings)
        yield self.link(f"{message.status.name} is followed as {message.you} ({message.role}): {fired} open")
        if first:
            self._marks = {mark.id for mark in message.marks}
            self._known = {firing.id: firing for firing in message.firings}
            for firing in sorted(message.firings, key=lambda one: (one.fired_at, one.id)):
                if firing.state != "resolved" and self._wanted(firing):
                    yield self._about(firing, "open", _standing(firing), at=self._wall(firing.fired_at))
            yield from self._told_of_daemon(None, message.status)
            return
        yield from self._told_of_daemon(before, message.status)
        yield from self._marked(message.marks)
        for firing in message.firings:
            yield from self._firing(firing)
        yield from self._gone(sorted(self._known.keys() - {firing.id for firing in message.firings}))

    def _beat(self, status: StatusView) -> Iterator[Event]:
        before, self._status = self._status, status
        yield from self._told_of_daemon(before, status)

    def _told_of_daemon(self, before: StatusView | None, now: StatusView) -> Iterator[Event]:
        held, hold = before and before.hold, now.hold
        if hold and not held:
            yield Event(hold.at, "held", f"all actions, by {hold.by}: {hold.reason}")
        elif held and not hold:
            yield Event(now.wall, "released", "actions run again")
        known = before.rule_errors if before else []
        for error in now.rule_errors:
            if error not in known:
                yield Event(now.wall, "rule error", f"{error.file}:{error.line}: {error.problem}")

    def _marked(self, marks: list[MarkView]) -> Iterator[Event]:
        for mark in marks:
            if mark.id not in self._marks:
                self._marks.add(mark.id)
                by = f", by {mark.by}" if mark.by else ""
                yield Event(mark.time, "mark", f"{mark.kind} {mark.text}{by}", labels=mark.labels)

    def _gone(self, ids: list[str]) -> Iterator[Event]:
        for firing_id in ids:
            before = self._known.pop(firing_id, None)
            if before is not None and before.state != "resolved" and self._wanted(before):
                yield self._about(before, "resolved", "the daemon has it no more")

    def _firing(self, now: FiringView) -> Iterator[Event]:
        before, self._known[now.id] = self._known.get(now.id), now
        if not (self._wanted(now) or (before is not None and self._wanted(before))):
            return
        if before is None:
            yield self._about(now, "opened", _standing(now), at=self._wall(now.fired_at))
            before = _bare(now)
        for event, text in _differences(before, now):
            yield self._about(now, event, text)
        if now.state == "resolved" != before.state:
            at = now.resolved_at
            lasted = f"after {age((now.fired_at if at is None else at) - now.fired_at)}"
            text = f"{lasted}: {now.reason}" if now.reason else lasted
            yield self._about(now, "resolved", text, at=None if at is None else self._wall(at))

    def _about(self, firing: FiringView, event: str, text: str, *, at: int | None = None) -> Event:
        wall = self._status.wall if self._status else 0
        return Event(
            at=wall if at is None else at,
            event=event,
            text=text,
            firing=firing.id,
            rule=firing.rule,
            labels=firing.labels,
            severity=firing.severity,
            stage=firing.stage,
        )

    def _wall(self, at: int) -> int:
        """Engine time as wall time."""
        return at + (self._status.wall - self._status.at if self._status else 0)


def line(event: Event) -> str:
    """The event as a person reads it, or has it read; nothing in it acts on a terminal."""
    if not event.firing:
        about = [event.text, show_labels(event.labels)]
    else:
        what = " ".join(filter(None, (event.rule, show_labels(event.labels))))
        about = [event.severity, event.stage, f"{what}:", event.text, f"({event.firing})"]
    return safe(" ".join(filter(None, (moment(event.at), f"{event.event}:", *about))), 2_000)


def _bare(firing: FiringView) -> FiringView:
    """A new firing before anything was done about it."""
    return msgspec.structs.replace(
        firing,
        state="firing",
        ack=None,
        silenced_by=[],
        inhibited_by="",
        flags=[],
        proposals=[],
        runs=[],
        verdict="",
    )


def _standing(firing: FiringView) -> str:
    """What it is about: the value and its threshold, and who has it."""
    value = " ".join(filter(None, (number(firing.value), firing.unit, firing.threshold)))
    has = f"ack {firing.ack.by}" if firing.ack else "silenced" if firing.silenced_by else "nobody has it"
    return f"{value}, {has}"


def _differences(before: FiringView, now: FiringView) -> _Told:
    """What changed in a firing, but for its end."""
    yield from _moved(before, now)
    yield from _taken(before, now)
    yield from _muted(before, now)
    yield from _acted(before, now)
    for flag, (begins, ends) in _FLAGS.items():
        if (flag in now.flags) is not (flag in before.flags):
            yield (begins if flag in now.flags else ends), ""
    if now.verdict and now.verdict != before.verdict:
        yield "verdict", f"somebody says that it was {now.verdict}"


def _moved(before: FiringView, now: FiringView) -> _Told:
    old, new = _STAGES.get(before.stage, 0), _STAGES.get(now.stage, 0)
    value = " ".join(filter(None, (number(now.value), now.unit, now.threshold)))
    if old != new:
        yield ("raised" if new > old else "lowered"), f"from {before.stage}: {value}"
    if now.state == "recovering" != before.state:
        yield "recovering", value
    elif now.state == "firing" and before.state == "recovering":
        yield "back", value
    elif now.state != "resolved" == before.state:
        yield "reopened", value


def _taken(before: FiringView, now: FiringView) -> _Told:
    had, has = before.ack, now.ack
    if has and (had is None or (had.by, had.until) != (has.by, has.until)):
        note = f": {has.note}" if has.note else ""
        yield "acked", f"by {has.by} until {moment(has.until)}{note}"
    elif had and has is None and now.state != "resolved":
        yield "unacked", f"{had.by} has it no more"


def _muted(before: FiringView, now: FiringView) -> _Told:
    if now.silenced_by and (not before.silenced_by or before.silenced_until != now.silenced_until):
        until = f" until {moment(now.silenced_until)}" if now.silenced_until is not None else ""
        yield "silenced", f"by {now.silencer or 'somebody'}{until}"
    elif before.silenced_by and not now.silenced_by:
        yield "unsilenced", ""
    if now.inhibited_by and now.inhibited_by != before.inhibited_by:
        yield "inhibited", f"by {now.inhibitor}, which explains it"
    elif before.inhibited_by and not now.inhibited_by:
        yield "inhibited no more", ""


def _acted(before: FiringView, now: FiringView) -> _Told:
    proposals = {each.id: each.state for each in before.proposals}
    for proposal in now.proposals:
        if proposals.get(proposal.id) == proposal.state:
            continue
        by = f" by {proposal.by}" if proposal.by else ""
        reason = f": {proposal.reason}" if proposal.reason else ""
        ends = f", expires {moment(proposal.expires_at)}" if proposal.state == "pending" else ""
        yield "proposal", f"{proposal.action} {proposal.state}{by}{reason}{ends} [{proposal.id}]"
    runs = {each.id: each.state for each in before.runs}
    for run in now.runs:
        if runs.get(run.id) != run.state:
            yield "action", f"{run.action} {run.state}" + (f": {run.detail}" if run.detail else "")
