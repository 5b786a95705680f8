"""The two leaves are one: buckets against samples, at every grid point, whatever came and however it is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rtmd.engine.plan import LATENESS, Plan, Plans
from rtmd.formats.batch import EMPTY, STALE, SampleBatch, SeriesTable
from rtmd.model.labels import Labels, labels_of
from rtmd.model.tiers import FIELDS
from rtmd.promql import parse

START = 1_700_000_000_000
SERIES = [labels_of({"__name__": "m", "i": str(index)}) for index in range(3)]

Sample = tuple[Labels, int, float]
Outcome = dict[Labels, tuple[int, float]]

# Grids with windows and offsets that are multiples, some of them short and far back.
SHAPES = (
    (7_000, "7m", ""),
    (30_000, "10m", ""),
    (60_000, "10m", " offset 1m"),
    (60_000, "15m", " offset 20m"),
    (60_000, "2m", " offset 10m"),
    (300_000, "10m", ""),
    (60_000, "3m", ""),
    (300_000, "1h", " offset 5m"),
)


FUNCTIONS = sorted(FIELDS)
PLAIN = settings(deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))  # a seed has nothing to shrink


def signals(shape: tuple[int, str, str], random: Random) -> list[str]:
    """Some functions over the window, and what is made of them."""
    _, window, offset = shape
    texts = [f"{function}(m[{window}]{offset})" for function in random.sample(FUNCTIONS, 5)]
    text = random.choice(texts)
    return [*texts, random.choice([f"sum({text})", f"{text} > 3", f"{text} / {text}"])]


def values_of(random: Random) -> Iterator[float]:
    """One way of being a series: a counter with resets, a gauge around zero, a constant, or whatever a float can be."""
    manner, value = random.choice(["counter", "counter", "gauge", "constant", "odd"]), 0.0
    while True:
        match manner:
            case "counter":
                value = random.choice([0.0, 1.5]) if random.random() < 0.1 else value + random.choice([0, 1, 2.5])
            case "gauge":
                value = random.randint(-3, 3) / 10
            case "constant":
                value = 0.1
            case _:
                value = random.choice([7.0, 1e6 + 0.25, 1e15, math.nan, math.inf, -math.inf, -3.0])
        yield float(STALE) if random.random() < 0.04 else value


def story(random: Random) -> Iterator[tuple[int, list[Sample]]]:
    """Pauses in ms and posts: mostly every few seconds; some late, ahead, twice or far too late; gaps in between."""
    values = {labels: values_of(random) for labels in SERIES}
    usual = random.choice([1_000, 5_000, 15_000])
    for _ in range(random.randint(1, 120)):
        chance = random.random()
        pause = usual if chance < 0.9 else random.choice([0, 999, 45_000, 130_000, 400_000, 2_000_000])
        post = []
        for labels in SERIES:
            if random.random() < 0.8:
                edge = random.choice([0, -60_000, -60_001, 29_999, -61_000, -10_000])
                late = random.choice([0, 0, 0, -random.randint(0, 3_000), -random.randint(0, 65_000), edge])
                post.append((labels, late, next(values[labels])))
        yield pause, post


def batch_of(table: SeriesTable, samples: list[Sample]) -> SampleBatch:
    ids, times, values = zip(*((table.intern(labels), time, value) for labels, time, value in samples), strict=True)
    return SampleBatch(np.array(ids), np.array(times), np.array(values))


@dataclass
class Side:
    """Plans with a table of their own."""

    signals: list[str]
    grid: int
    table: SeriesTable = field(default_factory=SeriesTable)

    def __post_init__(self) -> None:
        self.plans = Plans(self.table)
        self.planned: list[Plan] = []

    def plan(self) -> None:
        self.planned = [self.plans.plan(parse(text), self.grid) for text in self.signals]

    def restarted(self) -> Side:
        again = Side(self.signals, self.grid)
        again.table.intern(SERIES[2])  # ids differ
        again.plan()
        again.plans.restore(self.plans.snapshot())
        return again

    def see(self, at: int) -> list[Outcome]:
        seen = []
        for plan in self.planned:
            column = plan.evaluate(at)
            cells = zip(column.presence.tolist(), column.values.tolist(), strict=True)
            seen.append({plan.labels(row): cell for row, cell in enumerate(cells)})
        return seen


def agree(one: Side, two: Side, at: int) -> None:
    for text, mine, theirs in zip(one.signals, one.see(at), two.see(at), strict=True):
        for labels in mine.keys() | theirs.keys():
            (level, value), (other, number) = mine.get(labels, (0, np.nan)), theirs.get(labels, (0, np.nan))
            assert level == other, (text, labels, at)
            assert np.isclose(value, number, rtol=1e-9, atol=1e-12, equal_nan=True), (text, labels, at, value, number)


def grid_points(before: int, at: int, grid: int) -> list[int]:
    """The last few grid points in (before, at)."""
    return list(range(before // grid * grid + grid, at, grid))[-3:]


@settings(PLAIN, max_examples=40)
@given(st.sampled_from(SHAPES), st.randoms(use_true_random=True))
def test_buckets_say_what_samples_say(shape: tuple[int, str, str], random: Random) -> None:
    grid, at = shape[0], START + random.randrange(1_000)
    chosen = signals(shape, random)
    raw, kept = Side(chosen, 0), Side(chosen, grid)
    raw.plan()
    kept.plan()
    assert any(plan.grid for plan in kept.planned)
    for pause, post in story(random):
        for instant in grid_points(at, at + pause, grid):
            agree(raw, kept, instant)
        at += pause
        if at % grid == 0:
            agree(raw, kept, at)
        samples = [(labels, at + offset, value) for labels, offset, value in post]
        if samples:
            one, two = (side.plans.apply(batch_of(side.table, samples), at) for side in (raw, kept))
            assert (one.accepted, one.drops) == (two.accepted, two.drops)
        if random.random() < 0.05:
            kept = kept.restarted()
        elif random.random() < 0.05:
            kept.plans.tidy()
    for instant in grid_points(at, at + 5_000_000, grid):
        agree(raw, kept, instant)


@settings(PLAIN, max_examples=40)
@given(st.sampled_from(SHAPES), st.randoms(use_true_random=True))
def test_a_plan_that_comes_late_is_filled_from_history(shape: tuple[int, str, str], random: Random) -> None:
    """What was accepted is in the log; a plan begun in the middle, told of it, sees what one from the start sees."""
    grid, at = shape[0], START + random.randrange(1_000)
    chosen, late = signals(shape, random), random.randint(0, 60)
    raw, kept = Side(chosen, 0), Side(chosen, grid)
    raw.plan()
    if random.random() < 0.5:
        kept.plans.plan(parse("m"))  # the raw leaf has had something of them already
    log: dict[tuple[Labels, int], float] = {}
    for number, (pause, post) in enumerate(story(random)):
        if number > late:
            for instant in grid_points(at, at + pause, grid):
                agree(raw, kept, instant)
        at += pause
        if number == late:
            kept.plan()
            kept.plans.apply(EMPTY, at)  # some of it is sealed before the history comes
        if number == late or (number > late and random.random() < 0.05):
            past = [(labels, time, value) for (labels, time), value in log.items()]
            random.shuffle(past)
            if past:
                kept.plans.fill(batch_of(kept.table, past))
        samples = [(labels, at + offset, value) for labels, offset, value in post]
        if samples:
            for side in (raw, kept):
                side.plans.apply(batch_of(side.table, samples), at)
            for labels, time, value in samples:
                if at - LATENESS <= time <= at + 30_000:
                    log.setdefault((labels, time), value)
