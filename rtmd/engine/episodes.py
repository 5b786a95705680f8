"""Firings and outcomes: what the stages of one instance mean together (semantics S2).

A firing opens when the first stage of an instance fires and resolves when none is firing or recovering; within
`reopen` it is the same firing again. The next longer stage judges the shorter one: `judge_at` = when it fired +
window(next) + for(next). A stage that fires again before its judgement is in is judged once, counted from its first
firing. A judgement during which nobody watched, the rule changed or nothing was fed is undecided rather than a
false start.

A rule that changes never makes a firing end and begin again (semantics S11): a stage that a longer `for` sends back
to pending keeps its firing open, at its stage, until it fires again or does not. What it ran is undone meanwhile;
nobody is told anything.

A stage that flaps (`flapping`) makes no new firings: until it has calmed, what fires again is the same firing, however
long it was over.

Everything here answers with `Change`s, in the order in which they happened; at one instant judgements come
before what the stages see, because a stage is confirmed only by what fires *before* `judge_at`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import TypeAlias

from rtmd.engine import outcomes
from rtmd.engine.flapping import Flapping, percent
from rtmd.engine.marks import Marks
from rtmd.engine.protocol import Event
from rtmd.engine.transition import Transition
from rtmd.model.change import Change, ChangeKind
from rtmd.model.display import number
from rtmd.model.firing import Firing, InstanceKey, Outcome, StageRecord, firing_id
from rtmd.model.labels import Labels
from rtmd.model.replace import replace
from rtmd.model.rule import HOUR, Kind, Rule, Stage, StageName
from rtmd.model.title import render_title

REMEMBERED = HOUR  # a resolved firing stays visible this long (or `reopen`, where that is longer)


# Gives the clocks of all stages of an instance, in rising order.
Clocks: TypeAlias = Callable[[InstanceKey], tuple[StageRecord, ...]]

# Says whether a stage of an instance, or the one that judges it, sees nothing at that time.
Blind: TypeAlias = Callable[[InstanceKey, StageName, int], bool]


class Episodes:
    """All open firings, and those that may still be judged, reopened or looked at."""

    def __init__(self, clocks: Clocks, blind: Blind, rule_of: Callable[[str], Rule | None], marks: Marks) -> None:
        self.flapping = Flapping(rule_of)
        self.firings: dict[str, Firing] = {}
        self.handled: set[str] = set()  # firings on which an action succeeded
        self._clocks = clocks
        self._blind = blind
        self._marks = marks
        self._of_instance: dict[InstanceKey, list[str]] = {}  # ids, oldest first
        self._deadlines: list[tuple[int, InstanceKey, StageName, str]] = []

    def __repr__(self) -> str:
        return f"<Episodes {sum(firing.open for firing in self.firings.values())} open, {len(self.firings)} known>"

    def of(self, key: InstanceKey) -> Firing | None:
        """The latest firing of an instance, open or not."""
        ids = self._of_instance.get(key)
        return self.firings[ids[-1]] if ids else None

    def replace(self, firing: Firing) -> None:
        """Put a changed firing (an ack, say) in the place of the one with its id."""
        self.firings[firing.id] = firing

    def restore(self, firing: Firing) -> None:
        """Take in a firing of an earlier run."""
        key = (firing.rule, firing.labels)
        flapping = self.flapping.stages(key)
        self._keep(key, firing if not firing.flapping or flapping else replace(firing, flapping=()))
        self._of_instance[key].sort(key=lambda each: self.firings[each].fired_at)
        for record in firing.stages:
            self._await_judgement(key, firing, record)

    def next_judgement(self) -> int | None:
        """When the next deadline is due."""
        return self._deadlines[0][0] if self._deadlines else None

    def follow(self, rule: Rule, transition: Transition) -> Iterator[Change]:
        """What a transition of one stage means for its firing."""
        self.flapping.follow(rule, transition)
        firing = self.of((rule.name, transition.labels))
        before = firing.record(transition.stage.name) if firing and firing.open else None
        held = transition.was.burning or (before is not None and before.keeps_open)
        if transition.record.state.burning and not transition.was.burning:
            yield from self._stage_fired(rule, transition)
        elif held and not transition.record.keeps_open:
            yield from self._stage_ended(rule, transition)
        else:
            yield from self._stage_moved(rule, transition)

    def judge_due(self, at: int) -> Iterator[Change]:
        """Pass the judgements whose time has come, in the order (time, identity)."""
        while self._deadlines and self._deadlines[0][0] <= at:
            judge_at, _, stage, firing_id = heapq.heappop(self._deadlines)
            firing = self.firings.get(firing_id)
            record = firing.record(stage) if firing else None
            if firing is None or record is None or record.judge_at != judge_at or record.outcome is not None:
                continue  # superseded: judged already, or moved
            yield self._judged(firing, record, self._verdict(firing, record, judge_at), judge_at)

    def flap_due(self, at: int) -> Iterator[Change]:
        """Note what starts or stops flapping by time alone."""
        for key, stage, flaps in self.flapping.take_due(at):
            yield from self._note_flapping(key, flaps.at, stage, f"{percent(flaps.ring):.0f} % of its states changed")

    def reload(self, rule: str, old: Rule | None, new: Rule | None, at: int) -> Iterator[Change]:
        """A rule changed, came or went: what flapped at another pace is calm for now."""
        for key, stage in self.flapping.reload(rule, old, new):
            yield from self._note_flapping(key, at, stage, "rule_changed" if new else "rule_removed")

    def shift(self, at: int, until: int) -> Iterator[Firing]:
        """Nobody watched from `at` to `until`: open judgements move along. Yields the firings that changed."""
        gap = until - at
        self.flapping.shift(at, until)
        self._deadlines.clear()
        for _, firing in sorted(self.firings.items()):
            stages = tuple(outcomes.postponed(record, gap) for record in firing.stages)
            if stages != firing.stages:
                self.firings[firing.id] = replace(firing, stages=stages)
                yield self.firings[firing.id]
            for record in stages:
                self._await_judgement((firing.rule, firing.labels), firing, record)

    def disturb(self, rule: str, stage: StageName, at: int, reason: str) -> Iterator[Change]:
        """What this stage goes by has changed: open judgements by or of it can no longer be a false start."""
        for _, firing in sorted(self.firings.items()):
            for record in firing.stages if firing.rule == rule else ():
                if outcomes.waits(record) and not record.disturbed and record.name.rank <= stage.rank:
                    changed = self._with(self.firings[firing.id], replace(record, disturbed=True))
                    self.firings[firing.id] = replace(changed, version=firing.version)
                    yield Change(ChangeKind.DISTURBED, self.firings[firing.id], at, record.name, reason)

    def close(self, gone: set[tuple[str, StageName]], at: int, reason: str) -> Iterator[Change]:
        """End stages, by rule and name, that are gone together with their tables."""
        for _, firing in sorted(self.firings.items()):
            ending = [record for record in firing.stages if (firing.rule, record.name) in gone]
            if not firing.open or not any(record.keeps_open or outcomes.waits(record) for record in ending):
                continue
            closed = firing
            for record in ending:
                closed = self._with(closed, outcomes.cut_off(record, at))
            burning = [record.name for record in closed.stages if record.keeps_open]
            closed = replace(closed, version=firing.version + 1, reason=reason)
            stage = burning[-1] if burning else firing.stage
            closed = replace(closed, stage=stage, resolved_at=None if burning else at)
            self.firings[firing.id] = closed
            for record in ending:
                if record.keeps_open:
                    yield Change(ChangeKind.STAGE_ENDED, closed, at, record.name, reason)
                if outcomes.waits(record):
                    yield Change(ChangeKind.JUDGED, closed, at, record.name, str(Outcome.UNDECIDED))
            if not burning:
                yield Change(ChangeKind.RESOLVED, closed, at, stage, reason)
            elif stage is not firing.stage:
                yield Change(ChangeKind.FELL, closed, at, stage, reason)

    def forget(self, at: int, reopen_of: Callable[[str], int], held: Callable[[str], bool]) -> list[Firing]:
        """Let go of resolved firings, none of them `held`, that nobody can judge, reopen or wants to see any more."""
        gone = [
            firing
            for firing in self.firings.values()
            if firing.resolved_at is not None
            and not firing.flapping
            and at - firing.resolved_at > max(REMEMBERED, reopen_of(firing.rule))
            and not any(map(outcomes.waits, firing.stages))
            and not held(firing.id)
        ]
        for firing in gone:
            del self.firings[firing.id]
            self.handled.discard(firing.id)
            key = (firing.rule, firing.labels)
            self._of_instance[key].remove(firing.id)
            if not self._of_instance[key]:
                del self._of_instance[key]
        return gone

    def _stage_fired(self, rule: Rule, transition: Transition) -> Iterator[Change]:
        key, at, stage = (rule.name, transition.labels), transition.at, transition.stage
        confirmed = list(self._confirm_shorter(rule, key, stage.name, at))
        yield from confirmed
        before = self.of(key)
        risen = False
        if before is None or not _goes_on(before, rule, at):
            kind = ChangeKind.OPENED
            firing = self._open(rule, transition, follows=confirmed[-1].firing.id if confirmed else "")
        elif before.open:
            kind = ChangeKind.STAGE_FIRED
            firing = before
            risen = stage.name.rank > before.stage.rank
        else:
            kind = ChangeKind.REOPENED
            firing = replace(before, resolved_at=None, episodes=before.episodes + 1, stage=stage.name)
        record = self._fired_record(rule, firing, transition)
        firing = self._dress(rule, firing, record, transition.reason)
        firing = self._marked(firing, transition)
        self._keep(key, firing)
        self._await_judgement(key, firing, record)
        if kind is not ChangeKind.STAGE_FIRED:
            yield Change(kind, firing, at, stage.name, transition.reason)
        yield Change(ChangeKind.STAGE_FIRED, firing, at, stage.name, transition.reason)
        if risen:
            if firing.ack:
                firing = replace(firing, ack=replace(firing.ack, raised=True))
                self._keep(key, firing)
            yield Change(ChangeKind.RAISED, firing, at, stage.name, transition.reason)
        if stage.name in firing.flapping and (before is None or stage.name not in before.flapping):
            yield Change(ChangeKind.FLAPPING, firing, at, stage.name, "fired again and again")

    def _stage_ended(self, rule: Rule, transition: Transition) -> Iterator[Change]:
        key, at, stage = (rule.name, transition.labels), transition.at, transition.stage
        firing = self.of(key)
        if firing is None or not firing.open:
            return
        old = firing.record(stage.name) or transition.record
        seen = transition.record
        record = replace(
            outcomes.ended(old, at),
            ended_at=at,
            value=seen.value,
            peak=old.peak if seen.peak is None else seen.peak,
        )
        was = firing.stage
        firing = self._dress(rule, firing, record, transition.reason)
        firing = self._marked(firing, transition)
        resolved = not any(record.keeps_open for record in firing.stages)
        if resolved:
            firing = replace(firing, resolved_at=at, stage=was)
        self._keep(key, firing)
        yield Change(ChangeKind.STAGE_ENDED, firing, at, stage.name, transition.reason)
        outcome = outcomes.outcome_of_end(stage, transition.event)
        if outcome is not None and outcomes.takes(record, outcome):
            yield self._judged(firing, record, outcome, at)
            firing = self.firings[firing.id]
        if resolved:
            yield Change(ChangeKind.RESOLVED, firing, at, was, transition.reason)
        elif firing.stage is not was:
            yield Change(ChangeKind.FELL, firing, at, firing.stage, transition.reason)

    def _stage_moved(self, rule: Rule, transition: Transition) -> Iterator[Change]:
        key = (rule.name, transition.labels)
        firing = self.of(key)
        if firing is None or not firing.open:
            return
        old = firing.record(transition.stage.name) or transition.record
        record = replace(
            old,
            state=transition.record.state,
            active_at=transition.record.active_at,
            keep_since=transition.record.keep_since,
            value=transition.record.value,
            rejudging_since=transition.record.rejudging_since,
        )
        firing = self._dress(rule, firing, record, transition.reason)
        self._keep(key, firing)
        kind = ChangeKind.DEFERRED if transition.event is Event.DEFER else ChangeKind.STAGE_MOVED
        yield Change(kind, firing, transition.at, transition.stage.name, transition.reason)

    def _confirm_shorter(self, rule: Rule, key: InstanceKey, stage: StageName, at: int) -> Iterator[Change]:
        """The stage that just fired confirms what it judges and still waits for that, in earlier firings too."""
        for firing in [self.firings[each] for each in self._of_instance.get(key, ())]:
            for record in firing.stages:
                judge = rule.following(record.name)
                in_time = outcomes.waits(record) and at < (record.judge_at or 0)
                if in_time and judge is not None and judge.name is stage:
                    yield self._judged(self.firings[firing.id], record, Outcome.CONFIRMED, at)

    def _note_flapping(self, key: InstanceKey, at: int, stage: StageName, reason: str) -> Iterator[Change]:
        """A stage flaps from now on, or no longer: its latest firing says so, over or not."""
        firing = self.of(key)
        flapping = self.flapping.stages(key)
        if firing is not None and firing.flapping != flapping:
            kind = ChangeKind.FLAPPING if stage in flapping else ChangeKind.CALMED
            firing = replace(firing, flapping=flapping, version=firing.version + 1)
            self.firings[firing.id] = firing
            yield Change(kind, firing, at, stage, reason)

    def _verdict(self, firing: Firing, record: StageRecord, at: int) -> Outcome:
        real = firing.verdict is not None and firing.verdict.real
        if (real or firing.id in self.handled) and not record.state.burning:
            return Outcome.HANDLED
        if record.disturbed or self._blind((firing.rule, firing.labels), record.name, at):
            return Outcome.UNDECIDED
        return Outcome.SUSTAINED if record.state.burning else Outcome.FALSE_START

    def _judged(self, firing: Firing, record: StageRecord, outcome: Outcome, at: int) -> Change:
        firing = self._with(firing, replace(record, outcome=outcome))
        self.firings[firing.id] = firing
        return Change(ChangeKind.JUDGED, firing, at, record.name, str(outcome))

    def _open(self, rule: Rule, transition: Transition, *, follows: str) -> Firing:
        key = (rule.name, transition.labels)
        return Firing(
            id=firing_id(key, transition.at),
            version=0,
            rule=rule.name,
            labels=transition.labels,
            kind=Kind.NO_DATA if transition.event is Event.STARVE else rule.kind,
            title="",
            severity=transition.stage.severity,
            stage=transition.stage.name,
            stages=tuple(map(outcomes.untouched, self._clocks(key))),
            active_at=transition.record.active_at or transition.at,
            fired_at=transition.at,
            follows=follows,
        )

    def _fired_record(self, rule: Rule, firing: Firing, transition: Transition) -> StageRecord:
        """The record of a stage that just fired: its judgement, or why there is none."""
        stage, at = transition.stage, transition.at
        old = firing.record(stage.name)
        fresh = replace(transition.record, fired_at=at, evidence=transition.evidence)
        if old and outcomes.waits(old):
            return replace(fresh, judge_at=old.judge_at, disturbed=old.disturbed)
        judge = rule.following(stage.name)
        if judge is None or not stage.judge or firing.kind is Kind.NO_DATA:
            return fresh
        burning = firing.record(judge.name)
        if burning and burning.state.burning:
            return replace(fresh, outcome=Outcome.WITHIN)
        return replace(fresh, judge_at=outcomes.judge_at(rule, stage, at))

    def _with(self, firing: Firing, record: StageRecord) -> Firing:
        """The firing with one stage replaced and its version raised."""
        return replace(firing, version=firing.version + 1, stages=_with_record(firing, record))

    def _dress(self, rule: Rule, firing: Firing, changed: StageRecord, reason: str) -> Firing:
        """The same with what follows from the highest burning stage: stage, severity, title, threshold."""
        stages = _with_record(firing, changed)
        burning = [record.name for record in stages if record.keeps_open]
        name = burning[-1] if burning else firing.stage
        stage = rule.stage(name)
        if stage is None:
            return replace(self._with(firing, changed), stage=name, reason=reason)
        value = next((record.value for record in stages if record.name is name), None)
        title = stage_title(rule, stage, firing.labels, value)
        starved = firing.kind is Kind.NO_DATA
        return replace(
            firing,
            version=firing.version + 1,
            stages=stages,
            stage=name,
            flapping=self.flapping.stages((firing.rule, firing.labels)),
            severity=stage.severity,
            title=f"no data: {title}" if starved else title,
            threshold="" if starved else str(stage.condition),
            unit=stage.unit,
            kind=firing.kind if starved else rule.kind,
            owner=rule.owner,
            links=rule.links,
            extra_labels=rule.labels,
            shadow=rule.shadow,
            reason=reason,
        )

    def _marked(self, firing: Firing, transition: Transition) -> Firing:
        """With the marks that were made near this transition."""
        marks = self._marks.beside(firing, transition.stage.window or 0, transition.at)
        return firing if marks == firing.marks else replace(firing, marks=marks)

    def _keep(self, key: InstanceKey, firing: Firing) -> None:
        if firing.id not in self.firings:
            self._of_instance.setdefault(key, []).append(firing.id)
        self.firings[firing.id] = firing

    def _await_judgement(self, key: InstanceKey, firing: Firing, record: StageRecord) -> None:
        if record.judge_at is not None and record.outcome is None:
            heapq.heappush(self._deadlines, (record.judge_at, key, record.name, firing.id))


def _with_record(firing: Firing, record: StageRecord) -> tuple[StageRecord, ...]:
    """The stages of a firing, one of them replaced, in rising order."""
    known = {old.name: old for old in firing.stages} | {record.name: record}
    return tuple(sorted(known.values(), key=lambda each: each.name.rank))


def _goes_on(firing: Firing, rule: Rule, at: int) -> bool:
    """Whether what fires at `at` is this firing: it is open, or was lately, or flaps."""
    return firing.resolved_at is None or at - firing.resolved_at <= rule.reopen or bool(firing.flapping)


def stage_title(rule: Rule, stage: Stage, labels: Labels, value: float | None) -> str:
    """The title of an instance at a stage, with the value it has there."""
    values = {
        "value": number(value),
        "threshold": str(stage.condition),
        "stage": str(stage.name),
        "unit": stage.unit,
    }
    return render_title(stage.title or rule.title, (*rule.labels, *labels), values)
