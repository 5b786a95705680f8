"""Alerts that others raise, as Alertmanager takes them: merged, timed out, and made firings of.

Identity is the label set. What is posted again replaces what was posted before or, where their times overlap, is
merged with it: the earliest start, and an end that its sender named outlasts one of ours. An alert is over when its
sender says so or does not post it again in time. One that its sender says to have begun before it was over was not:
the same firing goes on.

Its stage is what its label or else its annotation `stage` says, and otherwise the configuration's; its severity is read
off the same way. To matchers all labels are what was posted (`exposed`).

Time here is people's. After a time that nobody watched every sender has the resolve timeout to be heard again: nothing
resolves because rtmd was away. So an end is worth a row on disk only where it is further ahead than that; what is
posted again and again with nothing new costs a look-up.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from rtmd.model.change import Change, ChangeKind
from rtmd.model.effects import Answered, FiringSaved
from rtmd.model.external import ExternalPolicy, Origin, PostedAlert
from rtmd.model.firing import Firing, StageRecord, StageState, firing_id
from rtmd.model.inputs import AlertsPosted
from rtmd.model.labels import Labels, get
from rtmd.model.replace import replace
from rtmd.model.rule import HOUR, SEVERITY, Kind, Severity, StageName

REMEMBERED = HOUR  # after it resolved

# Something happened to a firing, or what is said of it is something else; and the answer.
Heard: TypeAlias = Change | FiringSaved | Answered

_UNNAMED = "alert"  # the rule of an alert without an alertname
_STAGES = {str(stage): stage for stage in StageName}
_SEVERITIES = {
    **{str(severity): severity for severity in Severity},
    "none": Severity.INFO,
    "warn": Severity.WARNING,
    "page": Severity.CRITICAL,
    "emergency": Severity.CRITICAL,
}


class Externals:
    """The firings of others, open and lately resolved, by id. What was posted is counted under ("alerts", what)."""

    def __init__(self, counts: Counter[tuple[str, str]]) -> None:
        self.firings: dict[str, Firing] = {}
        self.policy = ExternalPolicy()
        self._counts = counts
        self._latest: dict[Labels, str] = {}  # ids
        self._heard: dict[str, Origin] = {}  # what was heard last of those that are open
        self._ends: list[tuple[int, str]] = []  # none later than the end it stands for
        self._waited_for: dict[str, int] = {}  # the first entry of each there

    def __repr__(self) -> str:
        return f"<Externals {len(self._heard)} open, {len(self.firings)} known>"

    def origin(self, firing: Firing) -> Origin | None:
        """What was heard last of a firing; None for one of our own."""
        return self._heard.get(firing.id, firing.origin)

    def restore(self, firings: Iterable[Firing]) -> None:
        """Take up what an earlier run left."""
        for firing in sorted(firings, key=lambda each: (each.fired_at, each.id)):
            self._keep(firing)
            if firing.open and firing.origin:
                self._hear(firing.id, firing.origin)

    def post(self, given: AlertsPosted, at: int, wall: int) -> Iterator[Heard]:
        """Take what was posted, alert by alert; new ones that there is no room for are refused, and the rest counts."""
        before = self._counts["alerts", "refused"]
        for alert in given.alerts:
            yield from self._take(alert, given.sender, at=at, wall=wall)
        refused = self._counts["alerts", "refused"] - before
        problem = f"limits.external_alerts: no room for {refused} of {len(given.alerts)} alerts" if refused else ""
        yield Answered(given.request, 400 if refused else 200, error=problem)

    def _take(self, alert: PostedAlert, sender: str, *, at: int, wall: int) -> Iterator[Heard]:
        new = _as_posted(alert, sender, wall, self.policy.resolve_timeout)
        self._counts["alerts", "resolved" if new.over(wall) else "firing"] += 1
        known = self.firings.get(self._latest.get(alert.labels, ""))
        old = self.origin(known) if known else None
        if known is None or old is None or not known.open:
            if new.over(wall):
                return  # nobody heard of it
            if len(self._heard) >= self.policy.most:
                self._counts["alerts", "refused"] += 1
            else:
                yield self._begin(alert, new, known, at)
            return
        new = merged(old, new, wall)
        if new.over(wall):
            yield self._end(known, new, at, f"{new.sender} says it is over")
        else:
            yield from self._go_on(known, new, at, wall)

    def next_end(self) -> int | None:
        """When, in wall time, the next one is over unless it is posted again."""
        while self._ends:
            entry, id_ = self._ends[0]
            heard = self._heard.get(id_)
            if heard is not None and heard.ends_at == entry:
                return entry
            heapq.heappop(self._ends)
            if self._waited_for.get(id_) == entry:
                del self._waited_for[id_]
                if heard is not None:
                    self._await_end(id_, heard.ends_at)
        return None

    def end_due(self, at: int, wall: int) -> Iterator[Change]:
        """End what was not posted again in time."""
        while (ends_at := self.next_end()) is not None and ends_at <= wall:
            firing = self.firings[self._ends[0][1]]
            heard = self._heard[firing.id]
            yield self._end(firing, heard, at, f"{heard.sender} did not post it again in time")

    def pause(self, wall: int) -> None:
        """Nobody listened until `wall`: every sender may be heard again. An end that this puts off is ours."""
        by = wall + self.policy.resolve_timeout
        for id_, heard in self._heard.items():
            if heard.ends_at < by:
                self._hear(id_, replace(heard, ends_at=by, timeout=True))

    def replace(self, firing: Firing) -> None:
        """Put a changed firing (an ack, say) in the place of the one with its id."""
        self.firings[firing.id] = firing

    def forget(self, at: int) -> list[Firing]:
        """Let go of what resolved long ago."""
        gone = [
            firing
            for firing in self.firings.values()
            if firing.resolved_at is not None and at - firing.resolved_at > REMEMBERED
        ]
        for firing in gone:
            del self.firings[firing.id]
            if self._latest.get(firing.labels) == firing.id:
                del self._latest[firing.labels]
        return gone

    def _begin(self, alert: PostedAlert, new: Origin, known: Firing | None, at: int) -> Change:
        stage = _stage(alert.labels, new.annotations, self.policy.stage)
        record = StageRecord(stage, StageState.FIRING, active_at=at, fired_at=at)
        before = known.origin if known else None
        fresh = _fresh(alert.labels, record, at, f"posted by {new.sender}")
        # Of one instant there is one firing: another would have its id.
        anew = before is not None and new.starts_at >= before.ends_at and fresh.id not in self.firings
        if known is None or before is None or anew:
            kind, reason = ChangeKind.OPENED, fresh.reason
            firing = replace(fresh, active_at=at - max(0, new.updated_at - new.starts_at))
        else:
            kind, reason = ChangeKind.REOPENED, f"posted again by {new.sender}"
            new = replace(new, starts_at=min(new.starts_at, before.starts_at))
            firing = replace(known, resolved_at=None, episodes=known.episodes + 1, stage=stage, stages=(record,))
        firing = _dressed(replace(firing, version=firing.version + 1, reason=reason), new)
        self._keep(firing)
        self._hear(firing.id, new)
        return Change(kind, firing, at, stage, reason)

    def _go_on(self, known: Firing, new: Origin, at: int, wall: int) -> Iterator[Heard]:
        self._hear(known.id, new)
        saved = known.origin or new
        stage = _stage(known.labels, new.annotations, self.policy.stage)
        severity = _severity(known.labels, new.annotations, stage)
        if (stage, severity) != (known.stage, known.severity):
            yield self._move(known, new, stage, at)
        elif (new.annotations, new.url, new.starts_at) != (saved.annotations, saved.url, saved.starts_at) or (
            new.ends_at > max(saved.ends_at, wall + self.policy.resolve_timeout)
        ):
            self.firings[known.id] = _dressed(known, new)
            yield FiringSaved(self.firings[known.id])

    def _move(self, known: Firing, new: Origin, stage: StageName, at: int) -> Change:
        """Its sender says another stage or severity of it."""
        reason = f"so says {new.sender}"
        stages = known.stages
        if stage is not known.stage:
            ended = [_ended(record, at) for record in stages if record.name is not stage]
            record = StageRecord(stage, StageState.FIRING, active_at=at, fired_at=at)
            stages = tuple(sorted([*ended, record], key=lambda each: each.name.rank))
        kind = ChangeKind.STAGE_MOVED
        if stage is not known.stage:
            kind = ChangeKind.RAISED if stage.rank > known.stage.rank else ChangeKind.FELL
        ack = known.ack
        if ack and kind is ChangeKind.RAISED:
            ack = replace(ack, raised=True)
        moved = replace(known, version=known.version + 1, stage=stage, stages=stages, reason=reason, ack=ack)
        self.firings[known.id] = _dressed(moved, new)
        return Change(kind, self.firings[known.id], at, stage, reason)

    def _end(self, firing: Firing, last: Origin, at: int, reason: str) -> Change:
        del self._heard[firing.id]
        stages = tuple(_ended(record, at) for record in firing.stages)
        over = replace(firing, version=firing.version + 1, resolved_at=at, stages=stages, reason=reason)
        self.firings[firing.id] = over = _dressed(over, last)
        return Change(ChangeKind.RESOLVED, over, at, over.stage, reason)

    def _keep(self, firing: Firing) -> None:
        self.firings[firing.id] = firing
        self._latest[firing.labels] = firing.id

    def _hear(self, id_: str, origin: Origin) -> None:
        self._heard[id_] = origin
        self._await_end(id_, origin.ends_at)

    def _await_end(self, id_: str, ends_at: int) -> None:
        """Look at it by then; what is put off is found to be so when its first end comes."""
        waited_for = self._waited_for.get(id_)
        if waited_for is None or ends_at < waited_for:
            self._waited_for[id_] = ends_at
            heapq.heappush(self._ends, (ends_at, id_))


def merged(old: Origin, new: Origin, wall: int) -> Origin:
    """What stands once an alert is posted again, at wall time `wall`."""
    overlap = old.starts_at < new.ends_at < old.ends_at or old.starts_at < new.starts_at < old.ends_at
    if not overlap:
        return new
    starts_at = min(old.starts_at, new.starts_at)
    if new.over(wall):
        outlasts = old.over(wall) and old.ends_at > new.ends_at
    else:
        outlasts = not old.timeout and old.ends_at > new.ends_at
    return replace(new, starts_at=starts_at, ends_at=old.ends_at if outlasts else new.ends_at)


def _as_posted(alert: PostedAlert, sender: str, wall: int, timeout: int) -> Origin:
    """A missing start is now, or its end; a missing end is ours."""
    ends_at = wall + timeout if alert.ends_at is None else alert.ends_at
    starts_at = alert.starts_at
    if starts_at is None:
        starts_at = wall if alert.ends_at is None else alert.ends_at
    return Origin(sender, starts_at, ends_at, alert.ends_at is None, wall, alert.annotations, alert.url)


def _fresh(labels: Labels, record: StageRecord, at: int, reason: str) -> Firing:
    return Firing(
        id=firing_id(("", labels), at),  # no rule has an empty name
        version=0,
        rule=get(labels, "alertname") or _UNNAMED,
        labels=labels,
        kind=_kind(labels),
        title="",
        severity=Severity.WARNING,
        stage=record.name,
        stages=(record,),
        active_at=at,
        fired_at=at,
        reason=reason,
    )


def _dressed(firing: Firing, origin: Origin) -> Firing:
    """What follows from what its sender says: title, links, severity."""
    said = dict(origin.annotations)
    links = [("source", origin.url)] if origin.url else []
    links += [(name.removesuffix("_url"), url) for name, url in origin.annotations if name.endswith("_url")]
    return replace(
        firing,
        origin=origin,
        title=said.get("summary") or said.get("title") or firing.rule,
        links=tuple(links),
        severity=_severity(firing.labels, origin.annotations, firing.stage),
    )


def _stage(labels: Labels, annotations: Labels, default: StageName) -> StageName:
    return _STAGES.get(get(labels, "stage")) or _STAGES.get(get(annotations, "stage")) or default


def _severity(labels: Labels, annotations: Labels, stage: StageName) -> Severity:
    said, noted = get(labels, "severity").lower(), get(annotations, "severity").lower()
    return _SEVERITIES.get(said) or _SEVERITIES.get(noted) or SEVERITY[stage]


def _kind(labels: Labels) -> Kind:
    said = get(labels, "kind")
    return Kind(said) if said in (Kind.OPPORTUNITY, Kind.RISK) else Kind.HEALTH


def _ended(record: StageRecord, at: int) -> StageRecord:
    if not record.state.burning:
        return record
    return replace(record, state=StageState.INACTIVE, active_at=None, ended_at=at)
