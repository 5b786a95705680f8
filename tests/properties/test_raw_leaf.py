"""Windows against the reference: any order of samples, any cut into batches, any amount of moving about in memory."""

from __future__ import annotations

import math
from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import PRESENT, Reference

from rtmd.engine import raw
from rtmd.engine.plan import Plan, Plans
from rtmd.formats.batch import STALE, SampleBatch, SeriesTable
from rtmd.model.labels import Labels, labels_of
from rtmd.promql import parse

START = 1_000_000
SERIES = [labels_of({"__name__": "m", "i": str(index)}) for index in range(4)]
WINDOWS = ("7s", "1m", "10m")
FUNCTIONS = (
    "rate",
    "increase",
    "delta",
    *(f"{word}_over_time" for word in ("last", "avg", "min", "max", "sum", "count")),
)
SIGNALS = ["m", *(f"{function}(m[{window}])" for function in FUNCTIONS for window in WINDOWS)]

Sample = tuple[Labels, int, float]

values = st.one_of(
    st.integers(0, 20).map(float), st.sampled_from([math.nan, math.inf, -math.inf, float(STALE), float(STALE), -3.0])
)
# (series, seconds from now, value): mostly in order, sometimes late, far too late, ahead, far too far ahead
offsets = st.one_of(st.just(0), st.integers(-3, 0), st.integers(-70, 35)).map(lambda seconds: seconds * 1000)
posts = st.lists(st.tuples(st.sampled_from(SERIES), offsets, values), max_size=8)
steps = st.lists(st.tuples(st.sampled_from([0, 1000, 1000, 5000, 45_000, 400_000]), posts), min_size=1, max_size=30)
# Which windows are read decides how much is kept.
some_signals = st.lists(st.sampled_from(SIGNALS), min_size=1, max_size=5, unique=True) | st.just(SIGNALS)


@pytest.fixture(autouse=True)
def _rebased_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "_REBASE", 60_000)


def batch_of(table: SeriesTable, samples: list[Sample]) -> SampleBatch:
    ids, times, numbers = zip(*((table.intern(labels), time, value) for labels, time, value in samples), strict=True)
    return SampleBatch(np.array(ids), np.array(times), np.array(numbers))


def agree(plan: Plan, reference: Reference, at: int) -> None:
    column = plan.evaluate(at)
    wanted = reference.evaluate(plan.expr, at)
    got = {plan.labels(row): (int(column.presence[row]), float(column.values[row])) for row in range(plan.size)}
    assert len(got) == plan.size
    assert {labels for labels, cell in wanted.items() if cell[0] == PRESENT} <= set(got)
    for labels, (presence, value) in got.items():
        assert presence == wanted[labels][0], (at, labels)
        if presence == PRESENT:
            assert value == pytest.approx(wanted[labels][1], rel=1e-9, abs=1e-9, nan_ok=True), (at, labels)


def placed(at: int, post: list[Sample]) -> list[Sample]:
    return [(labels, at + offset, value) for labels, offset, value in post]


@settings(deadline=None, max_examples=150)
@given(steps, st.lists(st.integers(0, 800_000), max_size=3), some_signals)
def test_every_function_sees_what_the_reference_sees(
    moves: list[tuple[int, list[Sample]]], later: list[int], signals: list[str]
) -> None:
    table = SeriesTable()
    plans, reference, at = Plans(table), Reference(), START
    planned = [plans.plan(parse(signal)) for signal in signals]
    for number, (pause, post) in enumerate(moves):
        at += pause
        samples = placed(at, post)
        if samples:
            applied = plans.apply(batch_of(table, samples), at)
            assert reference.apply(samples, at) == Counter({**applied.drops, "accepted": applied.accepted})
        if number % 3 == 2:
            plans.tidy()
        agree(planned[number % len(planned)], reference, at)
    for instant in (at, *(at + pause for pause in sorted(later))):
        for plan in planned:
            agree(plan, reference, instant)


def columns(plans: Plans, at: int, signals: list[str] = SIGNALS) -> list[tuple[Labels, list[float]]]:
    planned = [plans.plan(parse(signal)) for signal in signals]
    rows = []
    for plan in planned:
        column = plan.evaluate(at)
        rows += [
            (plan.labels(row), [float(column.presence[row]), float(column.values[row])]) for row in range(plan.size)
        ]
    return sorted(rows, key=lambda row: row[0])


def same(left: Plans, right: Plans, at: int, signals: list[str] = SIGNALS) -> None:
    for (name, mine), (other, theirs) in zip(columns(left, at, signals), columns(right, at, signals), strict=True):
        assert name == other
        assert mine == pytest.approx(theirs, nan_ok=True, rel=1e-12)


@settings(deadline=None, max_examples=60)
@given(steps, st.randoms(use_true_random=False))
def test_results_do_not_depend_on_how_a_post_is_cut(moves: list[tuple[int, list[Sample]]], random: Random) -> None:
    one_table, two_table = SeriesTable(), SeriesTable()
    one, two, at = Plans(one_table), Plans(two_table), START
    for plans in (one, two):
        columns(plans, at)
    for pause, post in moves:
        at += pause
        samples = placed(at, post)
        if not samples:
            continue
        whole = one.apply(batch_of(one_table, samples), at)
        cut = random.randrange(len(samples) + 1)
        parts = [two.apply(batch_of(two_table, part), at) for part in (samples[:cut], samples[cut:]) if part]
        assert whole.accepted == sum(part.accepted for part in parts)
        assert set(whole.touched.tolist()) == {each for part in parts for each in part.touched.tolist()}
    same(one, two, at)


in_order = st.lists(st.tuples(st.sampled_from(SERIES), st.integers(0, 200), values), min_size=1, max_size=60)


@settings(deadline=None, max_examples=60)
@given(in_order, st.integers(0, 60), some_signals, st.randoms(use_true_random=False))
def test_history_filled_in_later_equals_history_lived_through(
    moves: list[Sample], cut: int, signals: list[str], random: Random
) -> None:
    samples = [(labels, START + second * 1000, value) for labels, second, value in sorted(moves, key=lambda m: m[1])]
    lived_table, filled_table = SeriesTable(), SeriesTable()
    lived, filled = Plans(lived_table), Plans(filled_table)
    for plans in (lived, filled):
        columns(plans, START, signals)
    for sample in samples:
        lived.apply(batch_of(lived_table, [sample]), sample[1])
    at = samples[-1][1]
    past, live = samples[:cut], samples[cut:]
    for sample in live:
        filled.apply(batch_of(filled_table, [sample]), sample[1])
    # Of duplicates the first wins, and what is there counts as first: fill in each time once.
    distinct = {(labels, time): value for labels, time, value in reversed(past)}
    for labels, time, _ in live:
        distinct.pop((labels, time), None)
    history = [(labels, time, value) for (labels, time), value in distinct.items()]
    random.shuffle(history)
    if history:
        filled.fill(batch_of(filled_table, history))
    reference = Reference()
    reference.apply([*history, *live], at, lateness=10**9)
    for signal in signals:
        agree(filled.plan(parse(signal)), reference, at)
    if not {(labels, time) for labels, time, _ in past} & {(labels, time) for labels, time, _ in live}:
        same(lived, filled, at, signals)


@settings(deadline=None, max_examples=60)
@given(steps)
def test_a_snapshot_brings_everything_back(moves: list[tuple[int, list[Sample]]]) -> None:
    table, other = SeriesTable(), SeriesTable()
    plans, restored, at = Plans(table), Plans(other), START
    columns(plans, at)
    columns(restored, at)
    for pause, post in moves:
        at += pause
        if post:
            plans.apply(batch_of(table, placed(at, post)), at)
    other.intern(SERIES[2])  # ids differ
    restored.restore(plans.snapshot())
    mine, theirs = plans.plan(parse("m")), restored.plan(parse("m"))
    for row in range(theirs.size):
        twin = mine.row_of(theirs.labels(row))
        first = theirs.first(row)
        assert first == (None if twin is None else mine.first(twin))
    reference = Reference()
    for labels in SERIES:
        reference.series[labels] = {}
    snapshot, place = plans.snapshot(), 0
    for labels, count in zip(snapshot.labels, snapshot.counts.tolist(), strict=True):
        part = slice(place, place + count)
        reference.series[labels] = dict(zip(snapshot.times[part].tolist(), snapshot.values[part].tolist(), strict=True))
        place += count
    for signal in SIGNALS:
        agree(restored.plan(parse(signal)), reference, at)
        agree(plans.plan(parse(signal)), reference, at)
