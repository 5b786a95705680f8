"""What the run of one stage turns out to be: when it is judged, and what ends, gaps and reloads make of that.

Pure functions over one stage's record (semantics S2); `episodes` knows which firing they belong to.
"""

from __future__ import annotations

from rtmd.engine.protocol import Event
from rtmd.model.firing import Outcome, StageRecord, StageState
from rtmd.model.replace import replace
from rtmd.model.rule import NoData, Rule, Stage


def waits(record: StageRecord) -> bool:
    """Whether the record still waits for its judgement."""
    return record.judge_at is not None and record.outcome is None


def takes(record: StageRecord, outcome: Outcome) -> bool:
    """Whether the end of the stage may decide this outcome: what was lost is lost, judged or not."""
    return waits(record) or (outcome is Outcome.LOST and record.outcome is None)


def judge_at(rule: Rule, stage: Stage, fired_at: int) -> int:
    """When a stage that fired then is judged: window and hold of its judge later."""
    judge = rule.following(stage.name)
    if judge is None:
        return fired_at
    held = judge.hold.count * judge.grid if judge.hold.count else judge.hold.duration
    return fired_at + (judge.window or 0) + held


def outcome_of_end(stage: Stage, event: Event) -> Outcome | None:
    """The outcome that the way a stage ended decides at once."""
    match event:
        case Event.LOSE:
            return Outcome.LOST if stage.no_data in (NoData.KEEP, NoData.FIRE) else Outcome.UNDECIDED
        case Event.REMOVE | Event.OVERRULE:
            return Outcome.UNDECIDED
        case _:
            return None


def untouched(record: StageRecord) -> StageRecord:
    """The clock of a stage as a new firing begins with it: the peak of an idle one belongs to an earlier firing."""
    return record if record.peak is None or record.state.burning else replace(record, peak=None)


def postponed(record: StageRecord, gap: int) -> StageRecord:
    """The record after `gap` ms that nobody watched."""
    moved = record
    if record.judge_at is not None and record.outcome is None:
        moved = replace(moved, judge_at=record.judge_at + gap, disturbed=True)
    if record.state is not StageState.INACTIVE:
        moved = replace(
            moved,
            active_at=record.active_at and record.active_at + gap,
            keep_since=record.keep_since and record.keep_since + gap,
            rejudging_since=record.rejudging_since and record.rejudging_since + gap,
        )
    return moved


def ended(record: StageRecord, at: int) -> StageRecord:
    """The record of a stage that is idle from now on."""
    idle = replace(record, state=StageState.INACTIVE, active_at=None, keep_since=None, unfed_since=None)
    ended_at = at if record.keeps_open else record.ended_at
    return replace(idle, still_since=None, rejudging_since=None, ended_at=ended_at)


def cut_off(record: StageRecord, at: int) -> StageRecord:
    """The record of a stage that nobody judges any more."""
    return replace(ended(record, at), outcome=Outcome.UNDECIDED if waits(record) else record.outcome)
