"""Runs: the table of their states, and what is found among them (semantics S10)."""

from __future__ import annotations

from itertools import product

import pytest

from rtmd.alerting import runs as runs_module
from rtmd.alerting.frequency import Frequency
from rtmd.alerting.runs import TRANSITIONS, Event, Runs, after
from rtmd.errors import ConflictError
from rtmd.model.action import AtMost
from rtmd.model.reaction import ActionRun, RunState
from rtmd.model.rule import HOUR, StageName


def a_run(state: RunState = RunState.STARTED, run_id: str = "f1:a", started_at: int | None = None) -> ActionRun:
    return ActionRun(run_id, "hold", "f1", "r", (), StageName.SECONDS, state, 5, started_at=started_at)


@pytest.mark.parametrize(("state", "event"), product(RunState, Event))
def test_what_can_happen_happens_and_what_cannot_is_refused_and_changes_nothing(state: RunState, event: Event) -> None:
    run = a_run(state)
    if event in TRANSITIONS[state]:
        assert after(run, event, 9).state is TRANSITIONS[state][event]
    else:
        with pytest.raises(ConflictError, match=f"hold is {state}"):
            after(run, event, 9)


def test_the_table_in_the_text_is_the_table() -> None:
    """Every row of the docstring names its state and, in order, all that can come of it."""
    rows = [line.strip() for line in (runs_module.__doc__ or "").splitlines() if line.startswith("    ")]
    told = {row.split("  ")[0]: [cell for cell in row.split("  ")[1:] if cell] for row in rows}
    marks = {"(marked)": "started", "(unmarked)": "started"}
    for state, moves in TRANSITIONS.items():
        cells = [marks.get(cell.strip(), cell.strip()) for cell in told.get(str(state), [])]
        assert cells == [str(to) for to in moves.values()], state


def test_nothing_is_started_twice_by_itself() -> None:
    again = [state for state, moves in TRANSITIONS.items() if Event.START in moves]
    assert again == [RunState.WAITING, RunState.UNKNOWN, RunState.FAILED]  # a person, or what is idempotent


def test_what_ends_while_it_is_going_remembers_that_and_forgets_it_when_it_is_wanted_again() -> None:
    ended = after(a_run(), Event.END, 9)
    assert (ended.state, ended.ended) == (RunState.STARTED, True)
    assert not after(ended, Event.WANT, 10).ended


def test_runs_come_in_the_same_order_whatever_the_store_said() -> None:
    runs = [a_run(RunState.DONE, f"f1:{n}") for n in range(3)]
    one, other = Runs(), Runs()
    one.restore(runs)
    other.restore(reversed(runs))
    assert one.of("f1") == other.of("f1") == runs


def test_a_forgotten_firing_takes_its_runs_along() -> None:
    runs = Runs()
    run = runs.keep(a_run())
    assert runs.alive("f1", "hold") is run
    runs.forget("f1")
    assert (runs.get(run.id), runs.of("f1")) == (None, [])


def test_so_many_runs_in_any_hour_and_no_more() -> None:
    often, limit = Frequency(), AtMost(2, HOUR)
    often.add("hold", 1_000)
    assert often.free_at("hold", limit, 2_000) is None
    often.add("hold", 600_000)
    assert often.free_at("hold", limit, 700_000) == 1_000 + HOUR
    assert often.free_at("hold", limit, 1_000 + HOUR) is None
    assert often.free_at("other", limit, 700_000) is None
    assert str(limit) == "2/h"


def test_the_starts_of_an_earlier_run_count() -> None:
    often = Frequency()
    often.restore([a_run(RunState.UNDONE, started_at=1_000), a_run(RunState.WAITING, "f1:b")])
    assert often.free_at("hold", AtMost(1, HOUR), 2_000) == 1_000 + HOUR


def test_starts_are_remembered_as_long_as_any_limit_may_ask_limited_or_not() -> None:
    frequency = Frequency()
    for hour in range(24 * 7):
        frequency.add("hold", hour * HOUR)
    assert repr(frequency) == "<Frequency 25 starts>"
    assert frequency.free_at("hold", AtMost(1, HOUR), 24 * 7 * HOUR) is None
    assert frequency.free_at("hold", AtMost(24, 24 * HOUR), 24 * 7 * HOUR - 1) == 24 * 7 * HOUR
