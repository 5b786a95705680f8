"""The whole product of what a stage can be and can see: every sequence of readings under every kind of hold, held
against the model, all sequences at once as instances of one rule (semantics S1, S3).

Two grids: of 150 s, so that one missing sample freezes an instance and a second leaves it unfed; of 12 h, so that the
third one ends what is kept. Between them every pair of the protocol's table comes about that changes a state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pytest
from scenarios.score import START, rule_set
from stage_model import Model, Plan, Reading

from rtmd.engine.engine import Engine, Happening, Moved
from rtmd.engine.protocol import TRANSITIONS, Event
from rtmd.formats.batch import STALE, SampleBatch, SeriesTable
from rtmd.model.firing import StageRecord, StageState
from rtmd.model.labels import labels_of
from rtmd.model.rule import RuleSet

READINGS: tuple[Reading, ...] = (4.0, 8.0, 12.0, "filtered", "gap", "stale")
SEQUENCES = tuple(product(READINGS, repeat=4))
VALUES = {"filtered": -1.0, "stale": float(STALE)}
Pair = tuple[StageState, Event]


def plans(grid: int, *, holds: Sequence[tuple[int, int, int]]) -> Iterator[Plan]:
    for (hold, count, of), clear, keep, no_data in product(
        holds, (None, 6.0), (0, grid + 1_000), ("keep", "resolve", "zero")
    ):
        yield Plan(True, clear, hold, count, of, keep, no_data, grid)  # noqa: FBT003  # above


QUICK = list(plans(150_000, holds=[(0, 0, 0), (150_000, 0, 0), (0, 2, 3)]))
SLOW = list(plans(43_200_000, holds=[(0, 0, 0)]))
CHANGES: set[Pair] = {
    (state, event) for state, events in TRANSITIONS.items() for event, (after, _) in events.items() if after != state
}


@dataclass
class Bench:
    """One engine with one rule, and an instance a sequence."""

    plan: Plan
    series: SeriesTable = field(default_factory=SeriesTable)
    seen: set[Pair] = field(default_factory=set)
    at: int = START

    def __post_init__(self) -> None:
        self.engine = Engine(self.series, START)
        self.engine.load(rule_set(self.plan.rule()), START)
        labels = [labels_of({"__name__": "m", "i": str(place)}) for place in range(len(SEQUENCES))]
        self.ids = [self.series.intern(each) for each in labels]
        self.keys = [("r", each[1:]) for each in labels]

    def show(self, readings: Sequence[Reading]) -> None:
        """One grid point: what each instance reads there."""
        at = self.at // self.plan.grid * self.plan.grid + self.plan.grid
        fed = [(id_, VALUES.get(each, each)) for id_, each in zip(self.ids, readings, strict=True) if each != "gap"]  # type: ignore[call-overload]
        ids = np.array([id_ for id_, _ in fed], np.int64)
        times = np.full(len(ids), at - 1_000)
        list(self.engine.advance(at - 1))
        self.engine.plans.fill(SampleBatch(ids, times, np.array([value for _, value in fed], np.float64)))
        self.note(self.engine.advance(at))
        self.at = at

    def remove(self) -> None:
        """The rule goes, and its grace passes."""
        self.note(self.engine.load(RuleSet(), self.at)[0])
        self.note(self.engine.advance(self.at + 61_000))

    def note(self, happened: Iterator[Happening] | list[Happening]) -> None:
        moved = [each.transition for each in happened if isinstance(each, Moved)]
        self.seen |= {(transition.was, transition.event) for transition in moved}

    def clocks(self) -> list[StageRecord]:
        return [self.engine.clocks(key)[0] for key in self.keys]


def walk(plan: Plan) -> set[Pair]:
    """Show all sequences to engine and model; the pairs of the table that came about."""
    bench, models = Bench(plan), [Model(plan) for _ in SEQUENCES]
    for place in range(-1, len(SEQUENCES[0])):
        readings: list[Reading] = [4.0 if place < 0 else sequence[place] for sequence in SEQUENCES]
        bench.show(readings)
        for model, reading in zip(models, readings, strict=True):
            model.see(reading, bench.at)
        for sequence, clock, model in zip(SEQUENCES, bench.clocks(), models, strict=True):
            assert model.holds(clock), f"after {sequence[: place + 1]}: {clock} instead of {model}"
    bench.remove()
    return bench.seen


@pytest.mark.parametrize("plan", [*QUICK, *SLOW], ids=repr)
def test_every_sequence_of_readings_leads_where_the_model_says_by_changes_of_the_table(plan: Plan) -> None:
    assert walk(plan) <= CHANGES


def test_every_change_of_the_table_comes_about() -> None:
    """All of them where two grid points of three are held out for, and there is a clear level."""
    seen = walk(Plan(True, 6.0, 0, 2, 3, 0, "resolve", 150_000))  # noqa: FBT003  # above
    shown = {event for _, event in seen}  # a reload knows events of its own
    assert shown == {Event.RISE, Event.HOLD, Event.DIP, Event.END, Event.LOSE, Event.REMOVE}
    assert seen == {pair for pair in CHANGES if pair[1] in shown}
