"""Random signals over random samples: the engine's columns against the reference, whole and in part."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import PRESENT, Reference

from rtmd.engine.plan import Column, Plan, Plans
from rtmd.formats.batch import STALE, SampleBatch, SeriesTable
from rtmd.model.expr import SET_OPERATORS, Aggregate, Binary, Expr, Matching, Negate, Number, Selector, over
from rtmd.model.labels import Labels, labels_of
from rtmd.model.matcher import Matcher, MatchOp

Post = list[tuple[Labels, int, float]]  # series, seconds from now, value
Steps = list[tuple[int, Post]]

START = 1_000_000
SERIES = [
    labels_of({"__name__": name, "x": x, "y": y}) for name in ("a", "b", "c") for x in ("1", "2") for y in ("", "2")
]

names = st.sampled_from(
    [
        (Matcher("__name__", MatchOp.EQUAL, "a"),),
        (Matcher("__name__", MatchOp.EQUAL, "b"),),
        (Matcher("__name__", MatchOp.EQUAL, "b"), Matcher("x", MatchOp.EQUAL, "1")),
        (Matcher("__name__", MatchOp.EQUAL, "c"), Matcher("y", MatchOp.EQUAL, "")),
        (Matcher("__name__", MatchOp.REGEX, "a|c"),),
        (Matcher("x", MatchOp.NOT_EQUAL, "1"),),
    ]
)
selectors = st.builds(Selector, names)
calls = st.builds(
    over,
    st.sampled_from(["rate", "delta", "last_over_time", "sum_over_time", "max_over_time", "count_over_time"]),
    selectors,
    st.sampled_from([3_000, 20_000, 400_000]),
)
groupings = st.sampled_from([(), ("x",), ("y",), ("x", "y")])
matchings = st.builds(Matching, groupings, st.booleans())
numbers = st.sampled_from([0.0, 1.0, 2.0, 5.0, math.nan, math.inf]).map(Number)
arithmetic = st.sampled_from(["+", "-", "*", "/", "%", "^"])
comparisons = st.sampled_from(["==", "!=", ">", "<", ">=", "<="])
set_operators = st.sampled_from(sorted(SET_OPERATORS))


def extended(below: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.one_of(
        st.builds(Aggregate, st.sampled_from(["sum", "avg", "min", "max", "count"]), below, groupings, st.booleans()),
        st.builds(Negate, below),
        st.builds(Binary, arithmetic | comparisons, below, numbers),
        st.builds(Binary, arithmetic, numbers, below),
        st.builds(
            lambda op, number, vector, b: Binary(op, number, vector, None, b),
            comparisons,
            numbers,
            below,
            st.booleans(),
        ),
        st.builds(Binary, arithmetic | set_operators, below, below, matchings),
        st.builds(Binary, comparisons, below, below, matchings, st.booleans()),
        st.builds(Binary, set_operators, below, below, matchings),
    )


signals = st.recursive(selectors | calls, extended, max_leaves=5)
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
    column, wanted = plan.evaluate(at), reference.evaluate(plan.expr, at)
    got = {plan.labels(row): (int(column.presence[row]), float(column.values[row])) for row in range(plan.size)}
    assert len(got) == plan.size
    assert set(got) == set(wanted)
    for labels, (presence, value) in got.items():
        assert presence == wanted[labels][0], labels
        if presence == PRESENT:
            assert value == pytest.approx(wanted[labels][1], rel=1e-9, nan_ok=True), labels
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
