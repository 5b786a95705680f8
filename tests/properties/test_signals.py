"""Random signals over random samples: the engine's columns against the reference, whole and in part."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from grammar import Words, expressions, shifts
from hypothesis import given, note, settings
from hypothesis import strategies as st
from reference import PRESENT, Reference

from rtmd.engine.plan import Column, Plan, Plans
from rtmd.formats.batch import STALE, SampleBatch, SeriesTable
from rtmd.model.expr import Aggregate, Expr, Selector, walk
from rtmd.model.labels import Labels, labels_of
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.promql import show

Post = list[tuple[Labels, int, float]]  # series, seconds from now, value
Steps = list[tuple[int, Post]]

START = 1_000_000
SERIES = [
    *(labels_of({"__name__": name, "x": x, "y": y}) for name in ("a", "b") for x in ("1", "2") for y in ("", "2")),
    *(labels_of({"__name__": "c", "x": "1", "le": le}) for le in ("-1", "1", "1.0", "5", "+Inf", "many", "")),
]

SELECTORS = st.sampled_from(
    [
        (Matcher("__name__", MatchOp.EQUAL, "a"),),
        (Matcher("__name__", MatchOp.EQUAL, "b"),),
        (Matcher("__name__", MatchOp.EQUAL, "b"), Matcher("x", MatchOp.EQUAL, "1")),
        (Matcher("__name__", MatchOp.EQUAL, "b"), Matcher("x", MatchOp.EQUAL, "2"), Matcher("y", MatchOp.EQUAL, "2")),
        (Matcher("__name__", MatchOp.EQUAL, "c"),),
        (Matcher("__name__", MatchOp.REGEX, "a|c"),),
        (Matcher("x", MatchOp.NOT_EQUAL, "1"),),
    ]
).map(Selector)
SOON = st.integers(START // 1000 - 30, START // 1000 + 400).map(lambda second: second * 1000)
WORDS = Words(
    selectors=SELECTORS,
    labels=st.sampled_from(["x", "y", "le"]),
    windows=st.sampled_from([3_000, 20_000, 400_000]),
    shifts=shifts(st.sampled_from([-2_000, 1_000, 5_000, 100_000]), SOON),
    subqueries=st.sampled_from([(5_000, 1_000), (20_000, 3_000), (2_000, 7_000), (300_000, 60_000)]),
)
signals = expressions(WORDS)
values = st.one_of(st.integers(0, 5).map(float), st.sampled_from([math.nan, math.inf, float(STALE)]))
posts = st.lists(st.tuples(st.sampled_from(SERIES), st.integers(-4, 0), values), max_size=12)
steps = st.lists(st.tuples(st.sampled_from([1000, 1000, 9000, 200_000]), posts), min_size=1, max_size=8)


def batch_of(table: SeriesTable, post: Post, at: int) -> SampleBatch:
    return SampleBatch(
        np.array([table.intern(labels) for labels, _, _ in post], np.int64),
        np.array([at + seconds * 1000 for _, seconds, _ in post], np.int64),
        np.array([value for _, _, value in post]),
    )


def agree(plan: Plan, reference: Reference, at: int) -> None:
    note(show(plan.expr))
    column, wanted = plan.evaluate(at), reference.evaluate(plan.expr, at)
    got = {plan.labels(row): (int(column.presence[row]), float(column.values[row])) for row in range(plan.size)}
    assert len(got) == plan.size
    assert {labels for labels, cell in got.items() if cell[0] == PRESENT} == {
        labels for labels, cell in wanted.items() if cell[0] == PRESENT
    }
    # Which values were counted before is not in the samples.
    counts = any(isinstance(each, Aggregate) and each.op == "count_values" for each in walk(plan.expr))
    assert counts or set(got) == set(wanted)
    for labels, (presence, value) in got.items():
        assert counts or presence == wanted[labels][0], labels
        if presence == PRESENT:
            assert value == pytest.approx(wanted[labels][1], rel=1e-9, abs=1e-9, nan_ok=True), labels
        else:
            assert math.isnan(value)


@settings(deadline=None, max_examples=400)
@given(signal=signals, moves=steps, early=st.booleans())
def test_any_signal_means_what_the_reference_says(*, signal: Expr, moves: Steps, early: bool) -> None:
    table, reference, at = SeriesTable(), Reference(), START
    plans = Plans(table)
    plan = plans.plan(signal) if early else None
    other = Plans(table) if early else plans
    for pause, post in moves:
        at += pause
        reference.apply([(labels, at + seconds * 1000, value) for labels, seconds, value in post], at)
        plans.apply(batch_of(table, post, at), at)
        if plan:
            agree(plan, reference, at)
    if plan is None:
        plan = other.plan(signal)
        history = [(labels, time, value) for labels, had in reference.series.items() for time, value in had.items()]
        ids = np.array([table.intern(labels) for labels, _, _ in history], np.int64)
        times, numbers = (np.array([each[place] for each in history]) for place in (1, 2))
        other.fill(SampleBatch(ids, times.astype(np.int64), numbers.astype(np.float64)))
    agree(plan, reference, at)
    agree(plan, reference, at + 290_000)


@settings(deadline=None, max_examples=200)
@given(signals, steps, posts, st.randoms(use_true_random=False))
def test_a_part_of_the_rows_equals_those_rows_of_the_whole(
    signal: Expr, moves: Steps, last: Post, random: Random
) -> None:
    table, at = SeriesTable(), START
    plans = Plans(table)
    plan = plans.plan(signal)
    for pause, post in moves:
        at += pause
        plans.apply(batch_of(table, post, at), at)
    before, size = plan.evaluate(at), plan.size
    touched = plans.apply(batch_of(table, last, at), at).touched
    whole = plan.evaluate(at)
    rows = plan.touched(touched)
    assert np.array_equal(rows, np.unique(rows))
    part = plan.evaluate(at, rows)
    same(part, whole.take(rows))
    chosen = np.array(random.choices(range(plan.size), k=5) if plan.size else [], np.int64)
    same(plan.evaluate(at, chosen), whole.take(chosen))
    untouched = np.setdiff1d(np.arange(size), rows)
    same(whole.take(untouched), before.take(untouched))


def same(left: Column, right: Column) -> None:
    np.testing.assert_array_equal(left.presence, right.presence)
    np.testing.assert_array_equal(left.values, right.values)
