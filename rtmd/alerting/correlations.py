"""Firings of correlations (semantics S8): when they open, rise, fall back and end, and who takes part.

There is one for each place at which all rules of a correlation fire and none of those that forbid it does. Its stage
is the lowest of its rules' highest stages; it ends when some rule has no firing there that counts, and within `reopen`
it is the same firing again. Everything is judged once an instant, when all that happens in it has happened: what leaves
and comes back at once leaves no trace.

A firing of a correlation remembers the first hundred that took part, each written down when it joins; who takes part
now follows from the firings themselves (`alerting.members`). It is an ordinary firing in every other way, and is
restored, never made anew. A removed correlation's firings stay for a minute, as a rule's do (semantics S11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from rtmd.alerting.brakes import Brake
from rtmd.alerting.members import Members, News, Place
from rtmd.model.change import Change, ChangeKind
from rtmd.model.display import number
from rtmd.model.firing import Clause, Evidence, Exemplar, Firing, Member, StageRecord, StageState, firing_id
from rtmd.model.labels import get
from rtmd.model.replace import replace
from rtmd.model.rule import HOUR, ORPHANED_FOR, SEVERITY, Correlation, StageName
from rtmd.model.title import render_title
from rtmd.ports import Correlator

_REMEMBERED = HOUR  # a resolved firing stays visible this long (or `reopen`, where that is longer)
_MEMBERS = 100
_EXEMPLARS = 5
UNIT = "firings"


class Correlations:
    """All firings of correlations that are open, or were lately. `find` gives any other firing by its id."""

    def __init__(self, correlator: Correlator, find: Callable[[str], Firing | None]) -> None:
        self.firings: dict[str, Firing] = {}
        self.correlator = correlator
        self.members = Members(correlator)
        self._find = find
        self._latest: dict[Place, str] = {}
        self._orphans: dict[str, tuple[Correlation | None, int]] = {}  # gone, with open firings; and since when
        self._anew: set[str] = set()  # those that join anew since the instant began

    def __repr__(self) -> str:
        return f"<Correlations {len(self.members.correlations)}, {len(self.firings)} firings, {self.members!r}>"

    def correlation(self, name: str) -> Correlation | None:
        """A correlation in force, or lately removed."""
        return self.members.correlations.get(name) or self._orphans.get(name, (None, 0))[0]

    def is_orphan(self, name: str) -> bool:
        """Whether it was removed and its firings wait for its return."""
        return name in self._orphans

    def at(self, place: Place) -> Firing | None:
        """The latest firing at a place, open or not."""
        latest = self._latest.get(place)
        return self.firings[latest] if latest else None

    def of(self, firing: Firing) -> list[Firing]:
        """The firings of correlations in which a firing takes part, or took part as it is when they ended."""
        found = (self.at(place) for place in self.members.places_of(firing))
        return [each for each in found if each is not None]

    def takes_part(self, firing: Firing, whole: Firing) -> bool:
        """Whether a firing takes part in one of a correlation now."""
        return (whole.rule, whole.labels) in self.members.places_of(firing)

    def size(self, firing: Firing) -> int:
        """How many firings take part in one of a correlation now."""
        correlation = self.members.correlations.get(firing.rule)
        place = (firing.rule, firing.labels)
        return sum(self.members.count(place, rule) for rule in correlation.all) if correlation else 0

    def brake_of(self, firing: Firing) -> Brake | None:
        """What one of a correlation stops, for firings with its labels, while it is open."""
        correlation = self.correlation(firing.rule)
        if correlation is None or not correlation.brake or not firing.open or firing.shadow:
            return None
        labels = tuple((name, get(firing.labels, name)) for name in correlation.on)
        return Brake(firing.id, firing.rule, frozenset(correlation.brake), labels)

    def next_due(self) -> int | None:
        """When the grace of the next removed correlation ends."""
        return min((since + ORPHANED_FOR for _, since in self._orphans.values()), default=None)

    def load(self, correlations: Mapping[str, Correlation], firings: Iterable[Firing], at: int) -> None:
        """Put these in force; `firings` are all open ones. What that changes is seen when the instant is judged."""
        firing_names = {firing.rule for firing in self.firings.values() if firing.open}
        before = self.members.correlations
        for name in sorted(firing_names & (before.keys() - correlations.keys())):
            self._orphans[name] = (before[name], at)
        self._anew |= self.members.load(correlations, firings)
        for name in correlations:
            self._orphans.pop(name, None)
        for place in self._open_places():  # wherever one is open that joins anew, somebody has to look
            if place[0] in self._anew:
                self.members.news.setdefault(place, News())

    def restore(self, firings: Iterable[Firing], others: Iterable[Firing], at: int) -> None:
        """Take up firings of an earlier run; from the `others` it follows who takes part."""
        for firing in sorted(firings, key=lambda each: (each.fired_at, each.id)):
            self._keep(firing)
        for other in others:
            self.members.put(other)
        self.members.news.clear()  # decided before
        self._anew.clear()
        for name in sorted({name for name, _ in self._open_places()} - self.members.correlations.keys()):
            self._orphans[name] = (None, at)

    def replace(self, firing: Firing) -> None:
        """Put a changed firing (an ack, say) in the place of the one with its id."""
        self.firings[firing.id] = firing

    def shift(self, gap: int) -> None:
        """Nobody watched for `gap` ms."""
        self._orphans = {name: (each, since + gap) for name, (each, since) in self._orphans.items()}

    def judge(self, at: int) -> Iterator[Change]:
        """All places at which something changed, in order; then those whose grace is over."""
        news, self.members.news = self.members.news, {}
        for place in sorted(news):
            if place[0] in self.members.correlations:
                yield from self._judge(place, news[place].joined, at)
        for name in sorted(name for name, (_, since) in self._orphans.items() if at >= since + ORPHANED_FOR):
            for place in self._open_places():
                if place[0] == name:
                    yield from self._end(place, "rule_removed", at)
            del self._orphans[name]
        self._anew.clear()

    def forget(self, at: int) -> list[Firing]:
        """Let go of firings that resolved long ago; gives those that went."""
        gone = [firing for firing in self.firings.values() if self._is_history(firing, at)]
        for firing in gone:
            del self.firings[firing.id]
            place = (firing.rule, firing.labels)
            if self._latest[place] == firing.id:
                del self._latest[place]
        return gone

    def _is_history(self, firing: Firing, at: int) -> bool:
        if firing.resolved_at is None:
            return False
        correlation = self.correlation(firing.rule)
        return at - firing.resolved_at > max(_REMEMBERED, correlation.reopen if correlation else 0)

    def _open_places(self) -> list[Place]:
        return sorted((firing.rule, firing.labels) for firing in self.firings.values() if firing.open)

    def _judge(self, place: Place, joined: list[str], at: int) -> Iterator[Change]:
        firing, missing = self.at(place), self.members.missing(place)
        is_open = firing is not None and firing.open
        if missing and is_open:
            yield from self._end(place, "rule_changed" if place[0] in self._anew else missing, at)
        elif missing:
            return
        elif firing is None or not is_open:
            yield from self._open(place, firing, at)
        else:
            yield from self._go_on(firing, joined, at)

    def _open(self, place: Place, before: Firing | None, at: int) -> Iterator[Change]:
        correlation, stage = self.members.correlations[place[0]], self.members.stage(place)
        again = before is not None and before.resolved_at is not None and at - before.resolved_at <= correlation.reopen
        if before is not None and again:
            kind = ChangeKind.REOPENED
            firing = replace(before, resolved_at=None, episodes=before.episodes + 1)
        else:
            kind = ChangeKind.OPENED
            firing = _blank(correlation, place, stage, at)
        firing = self._joined(firing, self.members.at(place))
        firing = self._at_stage(correlation, replace(firing, reason=correlation.met), stage, at)
        yield self._changed(kind, firing, at)
        yield Change(ChangeKind.STAGE_FIRED, firing, at, stage, firing.reason)

    def _go_on(self, firing: Firing, joined: list[str], at: int) -> Iterator[Change]:
        place = (firing.rule, firing.labels)
        correlation, stage = self.members.correlations[place[0]], self.members.stage(place)
        known = len(firing.members)
        firing = self._joined(firing, joined)
        if stage is firing.stage:
            if len(firing.members) > known:
                names = ", ".join(f"{each.rule} ({each.id})" for each in firing.members[known:])
                yield self._changed(ChangeKind.JOINED, firing, at, names)
            return
        was, rises = firing.stage, stage.rank > firing.stage.rank
        firing = self._at_stage(correlation, replace(firing, reason=f"all of them at {stage} or higher"), stage, at)
        if rises and firing.ack:
            firing = replace(firing, ack=replace(firing.ack, raised=True))
        if rises:
            yield self._changed(ChangeKind.STAGE_FIRED, firing, at)
        else:
            yield Change(ChangeKind.STAGE_ENDED, firing, at, was, firing.reason)
        yield self._changed(ChangeKind.RAISED if rises else ChangeKind.FELL, firing, at)

    def _end(self, place: Place, reason: str, at: int) -> Iterator[Change]:
        firing = self.at(place)
        if firing is None:
            return
        stages = tuple(_ended(record, at) for record in firing.stages)
        ended = replace(firing, version=firing.version + 1, stages=stages, resolved_at=at, reason=reason)
        yield self._changed(ChangeKind.STAGE_ENDED, ended, at)
        yield self._changed(ChangeKind.RESOLVED, ended, at)

    def _changed(self, kind: ChangeKind, firing: Firing, at: int, reason: str = "") -> Change:
        self._keep(firing)
        return Change(kind, firing, at, firing.stage, reason or firing.reason)

    def _keep(self, firing: Firing) -> None:
        self.firings[firing.id] = firing
        self._latest[firing.rule, firing.labels] = firing.id

    def _joined(self, firing: Firing, ids: Iterable[str]) -> Firing:
        """With those that joined, in the order in which they fired, while there is room."""
        if len(firing.members) == _MEMBERS:
            return firing
        known = {member.id for member in firing.members}
        found = self._in_order(each for each in ids if each not in known)[: _MEMBERS - len(known)]
        new = (Member(each.id, each.rule, each.labels, each.stage) for each in found)
        return replace(firing, members=(*firing.members, *new))

    def _in_order(self, ids: Iterable[str]) -> list[Firing]:
        """These firings, first come first."""
        found = (each for each in map(self._find, ids) if each is not None)
        return sorted(found, key=lambda each: (each.fired_at, each.id))

    def _at_stage(self, correlation: Correlation, firing: Firing, stage: StageName, at: int) -> Firing:
        """The firing at a stage: those below burn with it, those above have ended."""
        place = (firing.rule, firing.labels)
        count = float(sum(self.members.count(place, rule) for rule in correlation.all))
        old = firing.record(stage)
        if old is None or not old.state.burning:
            seen = self._evidence(correlation, place, at)
            old = StageRecord(stage, StageState.FIRING, active_at=at, fired_at=at, evidence=seen)
        fresh = replace(old, value=count, peak=max(count, old.peak or 0))
        others = {each.name: _ended(each, at) if each.name.rank > stage.rank else each for each in firing.stages}
        stages = sorted((others | {stage: fresh}).values(), key=lambda each: each.name.rank)
        values = {"value": number(count), "threshold": "", "stage": str(stage), "unit": UNIT}
        return replace(
            firing,
            version=firing.version + 1,
            stage=stage,
            stages=tuple(stages),
            title=render_title(correlation.title, (*correlation.labels, *firing.labels), values),
            severity=correlation.severity or SEVERITY[stage],
            kind=correlation.kind,
            owner=correlation.owner,
            links=correlation.links,
            extra_labels=correlation.labels,
            shadow=correlation.shadow,
        )

    def _evidence(self, correlation: Correlation, place: Place, at: int) -> Evidence:
        """Whose firings meet, how many of each; and the loudest evidence behind them."""
        least = f" at {correlation.at_least} or higher" if correlation.at_least.rank else ""
        counts = {rule: float(self.members.count(place, rule)) for rule in correlation.all}
        clauses = [Clause("all", f"{rule} fires{least}", count, holds=True) for rule, count in counts.items()]
        clauses += [Clause("none", f"{rule} does not fire", None, holds=True) for rule in correlation.none]
        behind = self._in_order(self.members.at(place))[:_MEMBERS]
        found = {each: None for one in behind for each in _exemplars(one)}
        loudest = sorted(found, key=lambda each: -each.reach)[:_EXEMPLARS]
        return Evidence(at, tuple(clauses), tuple(loudest))


def _blank(correlation: Correlation, place: Place, stage: StageName, at: int) -> Firing:
    """A firing that opens at a place, before it is said what it is like."""
    return Firing(
        id=firing_id(place, at),
        version=0,
        rule=correlation.name,
        labels=place[1],
        kind=correlation.kind,
        title="",
        severity=SEVERITY[stage],
        stage=stage,
        stages=(),
        active_at=at,
        fired_at=at,
        unit=UNIT,
    )


def _ended(record: StageRecord, at: int) -> StageRecord:
    if not record.state.burning:
        return record
    return replace(record, state=StageState.INACTIVE, active_at=None, ended_at=at)


def _exemplars(firing: Firing) -> Iterator[Exemplar]:
    for record in firing.stages:
        if record.evidence is not None:
            yield from record.evidence.exemplars
