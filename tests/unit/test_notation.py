"""The notation of series in rule tests, as promtool reads it."""

from __future__ import annotations

import math
import operator
from functools import reduce

import pytest

from rtmd.formats.batch import is_stale
from rtmd.replay.notation import parse_series, parse_values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-2+4x3", {0: -2, 1: 2, 2: 6, 3: 10}),
        ("1-2x4", {0: 1, 1: -1, 2: -3, 3: -5, 4: -7}),
        ("1x4", {0: 1, 1: 1, 2: 1, 3: 1, 4: 1}),
        ("4x0", {0: 4}),
        ("1 _x3 5", {0: 1, 4: 5}),
        ("_ 1 _ 2", {1: 1, 3: 2}),
        ("1e-3x1 .5 +7 -1e3-1e2x1", {0: 0.001, 1: 0.001, 2: 0.5, 3: 7, 4: -1000, 5: -1100}),
        ("Inf -Inf +inf", {0: math.inf, 1: -math.inf, 2: math.inf}),
        ("", {}),
        ("  1\n  2 ", {0: 1, 1: 2}),
    ],
)
def test_values_are_what_promtool_makes_of_them(text: str, expected: dict[int, float]) -> None:
    steps, values = parse_values(text)
    assert dict(zip(steps.tolist(), values.tolist(), strict=True)) == expected


def test_steps_are_added_one_by_one_like_there() -> None:
    _, values = parse_values("0+0.1x10")
    assert values[10] == reduce(operator.add, [0.1] * 10) != 1.0  # sum() compensates from Python 3.12 on


def test_stale_is_the_marker_and_nan_is_a_value() -> None:
    _, values = parse_values("1 stale NaN")
    assert is_stale(values).tolist() == [False, True, False]
    assert math.isnan(values[2])


@pytest.mark.parametrize("text", ["1+2", "x", "1x", "_x", "stalex3", "{{schema:0}}", "1,2", "1+1x2.5"])
def test_what_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not known in values"):
        parse_values(text)


def test_a_series_has_an_end() -> None:
    with pytest.raises(ValueError, match="more than 1,000,000 values"):
        parse_values("1x500000 1x500000")


def test_a_series_is_a_name_with_labels() -> None:
    assert parse_series('m{b="2", a="1\\n"}') == (("__name__", "m"), ("a", "1\n"), ("b", "2"))
    for text in ("m{a=~'x'}", "sum(m)", "m offset 5m", "{a='1'}", "m[5m]", "m{", ""):
        with pytest.raises(ValueError, match="is not a series"):
            parse_series(text)
