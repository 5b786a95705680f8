"""Firings and outcomes: what the stages of one instance mean together (semantics S2).

A firing opens when the first stage of an instance fires and resolves when none is firing or recovering; within
`reopen` it is the same firing again. The next longer stage judges the shorter one: `judge_at` = when it fired +
window(next) + for(next). A stage that fires again before its judgement is in is judged once, counted from its first
firing. A judgement during which nobody watched, the rule changed or nothing was fed is undecided rather than a
false start.

Everything here answers with `Change`s, in the order in which they happened; at one instant judgements come
before what the stages see, because a stage is confirmed only by what fires *before* `judge_at`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import blake2b
from typing import TypeAlias

from rtmd.engine.protocol import Event
from rtmd.engine.stage_table import Transition
from rtmd.model.display import number
from rtmd.model.firing import Firing, Outcome, StageRecord, StageState
from rtmd.model.labels import Labels
from rtmd.model.rule import HOUR, NoData, Rule, Stage, StageName
from rtmd.model.title import render_title

InstanceKey: TypeAlias = tuple[str, Labels]

REMEMBERED = HOUR  # a resolved firing stays visible this long (or `reopen`, where that is longer)


class ChangeKind(StrEnum):
    """What happened to a firing."""

    OPENED = "opened"
    REOPENED = "reopened"
    RAISED = "raised"
    STAGE_FIRED = "stage fired"
    STAGE_MOVED = "stage moved"  # firing ⇄ recovering, or a pending entry beside a firing stage
    STAGE_ENDED = "stage ended"
    FELL = "fell back"
    JUDGED = "judged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to a firing at engine time `at`; `firing` is its state after it."""

    kind: ChangeKind
    firing: Firing
    at: int
    stage: StageName
    reason: str = ""


# Gives the clocks of all stages of an instance, in rising order.
Clocks: TypeAlias = Callable[[InstanceKey], tuple[StageRecord, ...]]


class Episodes:
    """All open firings, and those that may still be judged, reopened or looked at."""

    def __init__(self, clocks: Clocks) -> None:
        self.firings: dict[str, Firing] = {}
        self.handled: set[str] = set()  # firings on which an action succeeded
        self._clocks = clocks
        self._latest: dict[InstanceKey, str] = {}
        self._deadlines: list[tuple[int, InstanceKey, StageName]] = []

    def __repr__(self) -> str:
        return f"<Episodes {sum(firing.open for firing in self.firings.values())} open, {len(self.firings)} known>"

    def of(self, key: InstanceKey) -> Firing | None:
        """The latest firing of an instance, open or not."""
        return self.firings.get(self._latest.get(key, ""))

    def replace(self, firing: Firing) -> None:
        """Put a changed firing (an ack, say) in the place of the one with its id."""
        self.firings[firing.id] = firing

    def restore(self, firing: Firing) -> None:
        """Take in a firing of an earlier run."""
        key = (firing.rule, firing.labels)
        self.firings[firing.id] = firing
        known = self.of(key)
        if known is None or known.fired_at <= firing.fired_at:
            self._latest[key] = firing.id
        for record in firing.stages:
            self._await_judgement(key, record)

    def next_judgement(self) -> int | None:
        """When the next deadline is due."""
        return self._deadlines[0][0] if self._deadlines else None

    def follow(self, rule: Rule, transition: Transition) -> Iterator[Change]:
        """What a transition of one stage means for its firing."""
        match transition.was.burning, transition.record.state.burning:
            case False, True:
                yield from self._stage_fired(rule, transition)
            case True, False:
                yield from self._stage_ended(rule, transition)
            case _:
                yield from self._stage_moved(rule, transition)

    def judge_due(self, at: int) -> Iterator[Change]:
        """Pass the judgements whose time has come, in the order (time, identity)."""
        while self._deadlines and self._deadlines[0][0] <= at:
            judge_at, key, stage = heapq.heappop(self._deadlines)
            firing = self.of(key)
            record = firing.record(stage) if firing else None
            if firing is None or record is None or record.judge_at != judge_at or record.outcome is not None:
                continue  # superseded: judged already, or moved
            yield self._judged(firing, record, self._verdict(firing, record), judge_at)

    def shift(self, gap: int) -> Iterator[Firing]:
        """Nobody watched for `gap` ms: open judgements move along. Yields the firings that changed."""
        self._deadlines.clear()
        for firing in list(self.firings.values()):
            stages = tuple(_postponed(record, gap) for record in firing.stages)
            if stages != firing.stages:
                self.firings[firing.id] = replace(firing, stages=stages)
                yield self.firings[firing.id]
            for record in stages:
                self._await_judgement((firing.rule, firing.labels), record)

    def close(self, rules: set[str], at: int, reason: str) -> Iterator[Change]:
        """Resolve the open firings of rules that are gone."""
        for firing in sorted(self.firings.values(), key=lambda each: each.id):
            if not firing.open or firing.rule not in rules:
                continue
            stages = tuple(_closed(record, at) for record in firing.stages)
            closed = replace(firing, version=firing.version + 1, stages=stages, resolved_at=at, reason=reason)
            self.firings[firing.id] = closed
            yield Change(ChangeKind.RESOLVED, closed, at, closed.stage, reason)

    def forget(self, at: int, reopen_of: Callable[[str], int]) -> list[Firing]:
        """Let go of resolved firings that nobody can judge, reopen or wants to see any more."""
        gone = [
            firing
            for firing in self.firings.values()
            if firing.resolved_at is not None
            and at - firing.resolved_at > max(REMEMBERED, reopen_of(firing.rule))
            and not any(record.judge_at and record.outcome is None for record in firing.stages)
        ]
        for firing in gone:
            del self.firings[firing.id]
            self.handled.discard(firing.id)
            key = (firing.rule, firing.labels)
            if self._latest.get(key) == firing.id:
                del self._latest[key]
        return gone

    def _stage_fired(self, rule: Rule, transition: Transition) -> Iterator[Change]:
        key, at, stage = (rule.name, transition.labels), transition.at, transition.stage
        before = self.of(key)
        yield from self._confirm_shorter(rule, before, stage.name, at)
        before = self.of(key)
        risen = False
        if before is None or (before.resolved_at is not None and at - before.resolved_at > rule.reopen):
            kind = ChangeKind.OPENED
            firing = self._open(rule, transition, before)
        elif before.open:
            kind = ChangeKind.STAGE_FIRED
            firing = before
            risen = stage.name.rank > before.stage.rank
        else:
            kind = ChangeKind.REOPENED
            firing = replace(before, resolved_at=None, episodes=before.episodes + 1, stage=stage.name)
        record = self._fired_record(rule, firing, transition)
        firing = self._dress(rule, self._with(firing, record), transition.reason)
        self._keep(key, firing)
        self._await_judgement(key, record)
        if kind is not ChangeKind.STAGE_FIRED:
            yield Change(kind, firing, at, stage.name, transition.reason)
        yield Change(ChangeKind.STAGE_FIRED, firing, at, stage.name, transition.reason)
        if risen:
            if firing.ack:
                firing = replace(firing, ack=replace(firing.ack, raised=True))
                self._keep(key, firing)
            yield Change(ChangeKind.RAISED, firing, at, stage.name, transition.reason)

    def _stage_ended(self, rule: Rule, transition: Transition) -> Iterator[Change]:
        key, at, stage = (rule.name, transition.labels), transition.at, transition.stage
        firing = self.of(key)
        if firing is None or not firing.open:
            return
        old = firing.record(stage.name) or transition.record
        record = replace(
            old,
            state=StageState.INACTIVE,
            active_at=None,
            keep_since=None,
            unfed_since=None,
            ended_at=at,
            value=transition.record.value,
            peak=_extreme(old.peak, transition.record.peak),
        )
        was = firing.stage
        firing = self._dress(rule, self._with(firing, record), transition.reason)
        resolved = not any(record.state.burning for record in firing.stages)
        if resolved:
            firing = replace(firing, resolved_at=at, stage=was)
        self._keep(key, firing)
        yield Change(ChangeKind.STAGE_ENDED, firing, at, stage.name, transition.reason)
        outcome = _outcome_of_end(stage, transition.event)
        if outcome is not None and record.judge_at is not None and record.outcome is None:
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
        )
        firing = self._dress(rule, self._with(firing, record), transition.reason)
        self._keep(key, firing)
        yield Change(ChangeKind.STAGE_MOVED, firing, transition.at, transition.stage.name, transition.reason)

    def _confirm_shorter(self, rule: Rule, firing: Firing | None, stage: StageName, at: int) -> Iterator[Change]:
        """The stage that just fired confirms the one it judges, if that still waits for its judgement."""
        if firing is None:
            return
        for record in firing.stages:
            judge = rule.following(record.name)
            waits = record.judge_at is not None and record.outcome is None and at < record.judge_at
            if waits and judge is not None and judge.name is stage:
                yield self._judged(firing, record, Outcome.CONFIRMED, at)

    def _verdict(self, firing: Firing, record: StageRecord) -> Outcome:
        if firing.id in self.handled and not record.state.burning:
            return Outcome.HANDLED
        clocks = self._clocks((firing.rule, firing.labels))
        unfed = any(clock.name is record.name and clock.unfed_since for clock in clocks)
        if record.disturbed or unfed:
            return Outcome.UNDECIDED
        return Outcome.SUSTAINED if record.state.burning else Outcome.FALSE_START

    def _judged(self, firing: Firing, record: StageRecord, outcome: Outcome, at: int) -> Change:
        firing = self._with(firing, replace(record, outcome=outcome))
        self.firings[firing.id] = firing
        return Change(ChangeKind.JUDGED, firing, at, record.name, str(outcome))

    def _open(self, rule: Rule, transition: Transition, before: Firing | None) -> Firing:
        key = (rule.name, transition.labels)
        follows = before.id if before and any(r.outcome is Outcome.CONFIRMED for r in before.stages) else ""
        return Firing(
            id=_firing_id(key, transition.at),
            version=0,
            rule=rule.name,
            labels=transition.labels,
            kind=rule.kind,
            title="",
            severity=transition.stage.severity,
            stage=transition.stage.name,
            stages=self._clocks(key),
            active_at=transition.record.active_at or transition.at,
            fired_at=transition.at,
            follows=follows,
        )

    def _fired_record(self, rule: Rule, firing: Firing, transition: Transition) -> StageRecord:
        """The record of a stage that just fired: its judgement, or why there is none."""
        stage, at = transition.stage, transition.at
        old = firing.record(stage.name)
        fresh = replace(transition.record, fired_at=at, evidence=transition.evidence)
        if old and old.judge_at is not None and old.outcome is None:
            return replace(fresh, judge_at=old.judge_at, disturbed=old.disturbed)
        judge = rule.following(stage.name)
        if judge is None or not stage.judge:
            return fresh
        burning = firing.record(judge.name)
        if burning and burning.state.burning:
            return replace(fresh, outcome=Outcome.WITHIN)
        return replace(fresh, judge_at=_judge_at(rule, stage, at))

    def _with(self, firing: Firing, record: StageRecord) -> Firing:
        """The firing with one stage replaced and its version raised."""
        known = {old.name: old for old in firing.stages} | {record.name: record}
        stages = tuple(sorted(known.values(), key=lambda each: each.name.rank))
        return replace(firing, version=firing.version + 1, stages=stages)

    def _dress(self, rule: Rule, firing: Firing, reason: str) -> Firing:
        """What follows from the highest burning stage: stage, severity, title, threshold."""
        burning = [record.name for record in firing.stages if record.state.burning]
        name = burning[-1] if burning else firing.stage
        stage = rule.stage(name)
        if stage is None:
            return replace(firing, stage=name, reason=reason)
        record = firing.record(name)
        return replace(
            firing,
            stage=name,
            severity=stage.severity,
            title=_title(rule, stage, firing, record),
            threshold=str(stage.condition),
            unit=stage.unit,
            kind=rule.kind,
            owner=rule.owner,
            links=rule.links,
            extra_labels=rule.labels,
            shadow=rule.shadow,
            reason=reason,
        )

    def _keep(self, key: InstanceKey, firing: Firing) -> None:
        self.firings[firing.id] = firing
        self._latest[key] = firing.id

    def _await_judgement(self, key: InstanceKey, record: StageRecord) -> None:
        if record.judge_at is not None and record.outcome is None:
            heapq.heappush(self._deadlines, (record.judge_at, key, record.name))


def _title(rule: Rule, stage: Stage, firing: Firing, record: StageRecord | None) -> str:
    values = {
        "value": number(record.value if record else None),
        "threshold": str(stage.condition),
        "stage": str(stage.name),
        "unit": stage.unit,
    }
    return render_title(stage.title or rule.title, (*rule.labels, *firing.labels), values)


def _judge_at(rule: Rule, stage: Stage, fired_at: int) -> int:
    judge = rule.following(stage.name)
    if judge is None:
        return fired_at
    held = judge.hold.count * judge.grid if judge.hold.count else judge.hold.duration
    return fired_at + (judge.window or 0) + held


def _outcome_of_end(stage: Stage, event: Event) -> Outcome | None:
    """The outcome that the way a stage ended decides at once."""
    match event:
        case Event.LOSE:
            return Outcome.LOST if stage.no_data is NoData.KEEP else Outcome.UNDECIDED
        case Event.REMOVE:
            return Outcome.UNDECIDED
        case _:
            return None


def _postponed(record: StageRecord, gap: int) -> StageRecord:
    moved = record
    if record.judge_at is not None and record.outcome is None:
        moved = replace(moved, judge_at=record.judge_at + gap, disturbed=True)
    if record.state is not StageState.INACTIVE:
        moved = replace(
            moved,
            active_at=record.active_at and record.active_at + gap,
            keep_since=record.keep_since and record.keep_since + gap,
        )
    return moved


def _closed(record: StageRecord, at: int) -> StageRecord:
    outcome = Outcome.UNDECIDED if record.judge_at is not None and record.outcome is None else record.outcome
    ended_at = at if record.state.burning else record.ended_at
    idle = replace(record, state=StageState.INACTIVE, active_at=None, keep_since=None, unfed_since=None)
    return replace(idle, ended_at=ended_at, outcome=outcome)


def _extreme(old: float | None, new: float | None) -> float | None:
    return new if new is not None else old


def _firing_id(key: InstanceKey, at: int) -> str:
    """Ten letters and digits, the same in every replay."""
    digest = blake2b(f"{key!r}@{at}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    alphabet = "23456789abcdefghjkmnpqrstuvwxyz"
    number = int.from_bytes(digest, "big")
    letters = []
    for _ in range(10):
        number, place = divmod(number, len(alphabet))
        letters.append(alphabet[place])
    return "".join(letters)
