"""The library over random expressions and samples: values, instants, edges and errors as the reference has them."""

from __future__ import annotations

import math
from random import Random
from typing import cast

import pytest
from grammar import expressions, scalars
from hypothesis import given, note, settings
from hypothesis import strategies as st
from reference import PRESENT, Reference
from test_signals import SERIES, START, WORDS, values

from rtmd.engine import evaluate, evaluate_range
from rtmd.engine.query import Row
from rtmd.errors import PromqlError
from rtmd.formats.batch import STALE
from rtmd.model.expr import Expr, is_scalar
from rtmd.model.labels import Labels
from rtmd.model.narrow import narrowed
from rtmd.promql import show

Rows = list[tuple[Labels, int, float]]

NUMBERS, VECTORS = scalars(WORDS, expressions(WORDS, leaves=3)), expressions(WORDS, leaves=6)
queries = st.integers(0, 7).flatmap(lambda one: NUMBERS if one == 7 else VECTORS)
times = st.integers(-60, 40).map(lambda second: START + second * 1000) | st.sampled_from([START - 299_999, START + 250])
few = st.lists(st.tuples(st.sampled_from(SERIES), times, values), max_size=20)


def dense(seed: int) -> Rows:
    """Most series, sampled every other second or so: counters that reset, gaps, ends, odd values, duplicates."""
    random = Random(seed)  # noqa: S311  # no secret
    samples: Rows = []
    for labels in random.sample(SERIES, random.randint(3, len(SERIES))):
        time, value = START - random.choice([30, 70, 200]) * 1000, float(random.randint(0, 50))
        while time < START + 40_000:
            time += random.choice([250, 1_000, 1_000, 2_000, 5_000, 5_000, 15_000, 60_000])
            value += random.choice([0, 1, 2.5, -1, 7])
            value *= random.choice([1] * 12 + [0, -1])
            odd = random.random() < 0.08
            shown = random.choice([math.nan, math.inf, -math.inf, float(STALE), float(STALE), 1e16]) if odd else value
            samples += [(labels, time, shown)] * random.choice([1, 1, 1, 1, 2])
    random.shuffle(samples)
    return samples


rows = st.integers(0, 7).flatmap(lambda one: few if one == 7 else st.integers(0, 1 << 32).map(dense))


def library(samples: Rows) -> list[tuple[dict[str, str], list[int], list[float]]]:
    """The samples series by series, in the order they were drawn: unsorted, with duplicates."""
    return [
        (
            dict(labels),
            [time for name, time, _ in samples if name == labels],
            [value for name, _, value in samples if name == labels],
        )
        for labels in SERIES
    ]


def reference_of(samples: Rows) -> Reference:
    reference = Reference(strict=False)
    for labels in SERIES:
        reference.series[labels] = {}
    for labels, time, value in samples:
        reference.series[labels].setdefault(time, value)
    return reference


def wanted(reference: Reference, expr: Expr, at: int, edges: tuple[int, int]) -> dict[Labels, float] | None:
    """Values by labels, None for an error."""
    vector = reference.evaluate(expr, at, edges)
    if reference.problems:
        return None
    return {labels: value for labels, (presence, value) in vector.items() if presence == PRESENT}


@settings(max_examples=600)
@given(expr=queries, samples=rows, at=times)
def test_an_instant_query_gives_what_the_reference_gives(expr: Expr, samples: Rows, at: int) -> None:
    note(show(expr))
    answer = wanted(reference_of(samples), expr, at, (at, at))
    if answer is None:
        with pytest.raises(PromqlError):
            evaluate(expr, library(samples), at)
        return
    found = evaluate(expr, library(samples), at)
    if is_scalar(expr):
        assert isinstance(found, float)
        found = [({}, found)]
    assert isinstance(found, list)
    assert {tuple(sorted(labels.items())): value for labels, value in found} == pytest.approx(
        answer, rel=1e-9, abs=1e-9, nan_ok=True
    )
    assert len(found) == len(answer)


@settings(max_examples=200)
@given(expr=queries, samples=rows, start=times, step=st.sampled_from([1_000, 7_000, 61_000]), count=st.integers(1, 5))
def test_a_range_query_is_its_instants(*, expr: Expr, samples: Rows, start: int, step: int, count: int) -> None:
    note(show(expr))
    end = start + (count - 1) * step + step // 2
    reference = reference_of(samples)
    answers = {at: wanted(reference, expr, at, (start, end)) for at in range(start, end + 1, step)}
    if None in answers.values():
        with pytest.raises(PromqlError):
            evaluate_range(expr, library(samples), start, end, step)
        return
    found: dict[tuple[Labels, int], float] = {}
    for labels, instants, numbers in evaluate_range(expr, library(samples), start, end, step):
        assert instants == sorted(set(instants))
        name = tuple(sorted(labels.items()))
        found |= {(name, at): value for at, value in zip(instants, numbers, strict=True)}
    flat = {(name, at): value for at, answer in answers.items() for name, value in (answer or {}).items()}
    assert found == pytest.approx(flat, rel=1e-9, abs=1e-9, nan_ok=True)


@given(queries, rows, times)
def test_the_order_of_series_does_not_matter(expr: Expr, samples: Rows, at: int) -> None:
    note(show(expr))
    series = library(samples)
    answers = []
    for given_series in (series, series[::-1]):
        try:
            answers.append(evaluate(expr, given_series, at))
        except PromqlError:
            answers.append("an error")
    one, other = answers
    if isinstance(one, list) and isinstance(other, list):
        assert {str(row[0]): row[1] for row in one} == pytest.approx(
            {str(row[0]): row[1] for row in other}, rel=1e-9, abs=1e-9, nan_ok=True
        )
    else:
        assert one == pytest.approx(other, nan_ok=True) if isinstance(one, float) else one == other


@settings(max_examples=150)
@given(VECTORS, rows)
def test_an_expression_that_is_narrowed_says_the_same_of_the_label_set_it_is_narrowed_to(
    expr: Expr, samples: Rows
) -> None:
    series = library(samples)
    try:
        found = evaluate(expr, series, START)
    except PromqlError:
        return
    assert isinstance(found, list)
    for labels, value in found[:3]:
        narrow = narrowed(expr, labels)
        note(show(narrow))
        same = [each for name, each in cast("list[Row]", evaluate(narrow, series, START)) if name == labels]
        assert len(same) == 1
        assert repr(same[0]) == repr(value)
