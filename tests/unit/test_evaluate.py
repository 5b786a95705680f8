"""The library: shapes of results, errors, samples in any order."""

from __future__ import annotations

import math

import pytest

from rtmd.engine import evaluate, evaluate_range
from rtmd.errors import PromqlError
from rtmd.formats.batch import STALE
from rtmd.promql import parse

SERIES = [
    ({"__name__": "m", "job": "a"}, [0, 15_000, 30_000], [1.0, 2.0, 4.0]),
    ({"__name__": "m", "job": "b"}, [30_000, 0, 15_000, 15_000], [float(STALE), 7.0, 8.0, 9.0]),
]


def test_a_vector_is_rows_in_order_of_their_labels() -> None:
    assert evaluate("m", SERIES, 20_000) == [
        ({"__name__": "m", "job": "a"}, 2.0),
        ({"__name__": "m", "job": "b"}, 8.0),
    ]
    assert evaluate("m", SERIES, 30_000) == [({"__name__": "m", "job": "a"}, 4.0)]
    assert evaluate(parse("sort_desc(m * 2)"), SERIES, 20_000) == [({"job": "b"}, 16.0), ({"job": "a"}, 4.0)]
    assert evaluate("topk(1, m)", SERIES, 20_000) == [({"__name__": "m", "job": "b"}, 8.0)]
    assert evaluate("rate(m[1m])", SERIES, 30_000)[0] == ({"job": "a"}, pytest.approx(0.0625))  # type: ignore[index]


def test_numbers_and_texts_are_themselves() -> None:
    assert evaluate("1 + time()", [], 5_000) == 6.0
    assert math.isnan(evaluate("scalar(m)", SERIES, 20_000))  # type: ignore[arg-type]
    assert evaluate('"text"', [], 0) == "text"
    assert evaluate("m", [], 0) == []


def test_times_may_lie_anywhere() -> None:
    far = [({"__name__": "m"}, [-5_000, 1 << 50], [1.0, 2.0])]
    assert evaluate("m", far, 0) == [({"__name__": "m"}, 1.0)]
    assert evaluate("m offset -5m", far, (1 << 50) - 300_000) == [({"__name__": "m"}, 2.0)]


def test_a_range_is_lines_over_time() -> None:
    assert evaluate_range("m{job='b'} * 2", SERIES, 0, 45_000, 15_000) == [({"job": "b"}, [0, 15_000], [14.0, 16.0])]
    assert evaluate_range("time()", [], 0, 2_500, 1_000) == [({}, [0, 1_000, 2_000], [0.0, 1.0, 2.0])]
    assert evaluate_range("sum(m @ end())", SERIES, 0, 20_000, 15_000) == [({}, [0, 15_000], [10.0, 10.0])]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("m +", "not a PromQL expression"),
        ("mad_over_time(m[5m])", "not supported: the function mad_over_time (experimental)"),
        ("m[5m]", "only stand inside a function"),
        ('m / on () m{job="a"}', 'the result of "/": several series are {} at the same time'),
        ("m{job='a'} / on () m", 'the right side of "/": several series are {} at the same time'),
        ('label_replace(m, "job", "", "", "")', 'several series are {__name__="m"}'),
        ("topk(NaN, m)", "topk of nan rows"),
    ],
)
def test_errors_are_promql_errors(text: str, problem: str) -> None:
    with pytest.raises(PromqlError) as caught:
        evaluate(text, SERIES, 20_000)
    assert problem in caught.value.problem


def test_what_cannot_be_drawn_is_refused() -> None:
    for start, end, step in ((10, 0, 1), (0, 10, 0), (0, 11_001, 1)):
        with pytest.raises(PromqlError, match="at most 11,001 points"):
            evaluate_range("m", SERIES, start, end, step)
    with pytest.raises(PromqlError, match="a text has no values"):
        evaluate_range('"x"', [], 0, 1, 1)
    with pytest.raises(PromqlError, match="1 times and 2 values"):
        evaluate("m", [({"__name__": "m"}, [1], [1.0, 2.0])], 0)


def test_sums_and_averages_keep_what_others_cancel() -> None:
    huge = [({"__name__": "m", "i": str(i)}, [1, 2, 3], [1e100, 1.0, -1e100][i:] + [2.0] * i) for i in range(3)]
    assert evaluate('sum_over_time(m{i="0"}[1m])', huge, 10) == [({"i": "0"}, 1.0)]
    assert evaluate('avg_over_time(m{i="0"}[1m])', huge, 10) == [({"i": "0"}, 1.0 / 3)]
    assert evaluate("sum(m @ 0.001)", huge, 10) == [({}, 1.0)]
