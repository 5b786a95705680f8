"""The notation of Prometheus' rule tests: what a series is, and its values, one an interval.

    mentions_total{brand="acme"}     0+10x20 _x3 stale 5x3

`a` one value · `axn` that value and n more · `a+bxn`, `a-bxn` n more, each by b higher or lower · `_`, `_xn` one or n
times no sample · `stale` the series ends · numbers as in PromQL, with NaN and Inf. Notations of native histograms are
not supported. ValueError says what is wrong.
"""

from __future__ import annotations

import re
from itertools import accumulate, repeat

import numpy as np
from numpy.typing import NDArray

from rtmd.errors import PromqlError
from rtmd.formats.batch import STALE, Values
from rtmd.model.expr import HERE, Selector
from rtmd.model.labels import METRIC_NAME, Labels, labels_of
from rtmd.model.matcher import MatchOp
from rtmd.promql import parse

MAX_VALUES = 1_000_000  # of one series

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[nN][aA][nN]|[iI][nN][fF]"
_ITEM = re.compile(
    rf"(?P<gap>_)(?:x(?P<gaps>[0-9]{{1,9}}))?|(?P<stale>stale)"
    rf"|(?P<first>[+-]?(?:{_NUMBER}))(?P<step>[+-](?:{_NUMBER}))?(?:x(?P<more>[0-9]{{1,9}}))?"
)


def parse_series(text: str) -> Labels:
    """The label set of `name{label="value"}`."""
    try:
        selector = parse(text)
    except PromqlError as error:
        raise ValueError(f"{text[:80]} is not a series: {error.problem}") from None
    if not isinstance(selector, Selector) or selector.shift != HERE:
        raise ValueError(f'{text[:80]} is not a series: write it like name{{label="value"}}')
    if any(matcher.op is not MatchOp.EQUAL for matcher in selector.matchers):
        raise ValueError(f"{text[:80]} is not a series: its labels have values, not patterns")
    labels = labels_of((matcher.name, matcher.value) for matcher in selector.matchers)
    if not any(name == METRIC_NAME for name, _ in labels):
        raise ValueError(f"{text[:80]} is not a series: it has no name")
    return labels


def parse_values(text: str) -> tuple[NDArray[np.int64], Values]:
    """Which intervals have a sample, counted from 0, and their values."""
    steps: list[NDArray[np.int64]] = []
    values: list[Values] = []
    position = 0
    for item in text.split():
        found = _ITEM.fullmatch(item)
        if found is None or (found["step"] and not found["more"]):
            raise ValueError(f'"{item[:40]}" is not known in values: write 5, 5x3, 0+10x20, _, _x3 or stale')
        count = int(found["gaps"] or 1) if found["gap"] else int(found["more"] or 0) + 1
        if position + count > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES:,} values in a series")
        if not found["gap"]:
            steps.append(np.arange(position, position + count))
            values.append(_values(found, count))
        position += count
    if not steps:
        return np.empty(0, np.int64), np.empty(0)
    return np.concatenate(steps), np.concatenate(values)


def _values(found: re.Match[str], count: int) -> Values:
    if found["stale"]:
        return np.array([STALE])
    first, step = float(found["first"]), float(found["step"] or 0)
    # Added one by one, as Prometheus does: the last digits are the same.
    return np.array(list(accumulate(repeat(step, count - 1), initial=first)))
