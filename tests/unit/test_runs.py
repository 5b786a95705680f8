"""Runs: started at most once, undone once, unless a higher stage keeps what they did."""

from __future__ import annotations

from dataclasses import replace

from rtmd.alerting.runs import Runs
from rtmd.model.firing import Firing
from rtmd.model.reaction import ActionRun, RunState
from rtmd.model.rule import Kind, Severity, StageName

FIRING = Firing(
    "f1", 1, "r", (), Kind.HEALTH, "t", Severity.INFO, StageName.SECONDS, stages=(), active_at=1, fired_at=1
)
HOLD = frozenset({"hold"})
NOTHING: frozenset[str] = frozenset()


def started(runs: Runs, *, version: int = 1, stage: StageName = StageName.SECONDS) -> list[ActionRun]:
    return list(runs.start(replace(FIRING, version=version), stage, ["hold"], 5))


def ended(runs: Runs, kept: frozenset[str] = NOTHING) -> list[RunState]:
    return [run.state for run in runs.end(FIRING, kept, HOLD, 9)]


def test_what_stands_is_not_run_again() -> None:
    runs = Runs()
    (run,) = started(runs)
    assert started(runs, version=2) == []
    runs.finish(run, RunState.DONE, "", 6)
    assert started(runs, version=3, stage=StageName.MINUTES) == []


def test_what_failed_is_run_again_when_the_stage_fires_again() -> None:
    runs = Runs()
    (run,) = started(runs)
    runs.finish(run, RunState.FAILED, "no such program", 6)
    assert len(started(runs, version=2)) == 1


def test_it_is_undone_once() -> None:
    runs = Runs()
    (run,) = started(runs)
    runs.finish(run, RunState.DONE, "", 6)
    assert ended(runs) == [RunState.UNDOING]
    assert ended(runs) == []
    (undoing,) = runs.of("f1")
    runs.finish(undoing, RunState.UNDONE, "", 10)
    assert ended(runs) == []


def test_a_higher_stage_that_runs_it_too_keeps_it_and_undoes_it() -> None:
    runs = Runs()
    (run,) = started(runs)
    runs.finish(run, RunState.DONE, "", 6)
    assert ended(runs, kept=HOLD) == []
    assert ended(runs) == [RunState.UNDOING]


def test_what_cannot_be_undone_stays() -> None:
    runs = Runs()
    (run,) = started(runs)
    runs.finish(run, RunState.DONE, "", 6)
    assert list(runs.end(FIRING, NOTHING, NOTHING, 9)) == []


def test_what_ends_before_it_is_done_is_undone_as_soon_as_it_is() -> None:
    runs = Runs()
    (run,) = started(runs)
    assert ended(runs) == []
    after, overtaken = runs.finish(run, RunState.DONE, "", 10)
    assert (after.state, overtaken) == (RunState.UNDOING, True)


def test_what_is_wanted_again_before_it_is_done_stays() -> None:
    runs = Runs()
    (run,) = started(runs)
    assert ended(runs) == []
    assert started(runs, version=2) == []
    after, overtaken = runs.finish(run, RunState.DONE, "", 10)
    assert (after.state, overtaken) == (RunState.DONE, False)


def test_a_run_of_which_a_crash_left_nothing_known_is_not_repeated_but_undone() -> None:
    runs = Runs()
    runs.restore([ActionRun("f1:a", "hold", "f1", "r", (), StageName.SECONDS, RunState.UNKNOWN, 5)])
    assert started(runs) == []
    assert ended(runs) == [RunState.UNDOING]


def test_runs_come_in_the_same_order_whatever_the_store_said() -> None:
    runs = [ActionRun(f"f1:{n}", f"{n}", "f1", "r", (), StageName.SECONDS, RunState.DONE, 9 - n) for n in range(3)]
    one, other = Runs(), Runs()
    one.restore(runs)
    other.restore(reversed(runs))
    assert one.of("f1") == other.of("f1") == runs


def test_a_forgotten_firing_takes_its_runs_along() -> None:
    runs = Runs()
    (run,) = started(runs)
    runs.forget("f1")
    assert runs.get(run.id) is None
    assert runs.of("f1") == []
