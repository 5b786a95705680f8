"""What PromQL computes: functions over windows, reductions over groups, operators; all vectorised, all Prometheus 3.

Functions over ranges see windows without stale markers. NaN is an ordinary value: it makes a sum NaN, `min` and
`max` pass it over, and it never counts as a counter reset. A sum is always added up afresh, so nothing remains of a
value that has left the window; where a sum leaves the range of float64, an average is computed from the parts.
Callers silence numpy's floating-point warnings (`np.errstate`): Inf − Inf and division by zero are results here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.window import Window
from rtmd.formats.batch import Values

Groups: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RangeFunction:
    """`compute` maps a window, each row with at least `least` samples, to one value a row."""

    compute: Callable[[Window], Values]
    least: int = 1
    keeps_name: bool = False


def _extrapolated(window: Window, *, counter: bool, per: float = 1.0) -> Values:
    """How much each row grew over its whole window: Prometheus' `extrapolatedRate`, operation by operation."""
    first, last = window.low, window.high - 1
    grown = window.values[last] - window.values[first]
    if counter:
        grown = _with_resets(window, grown)
    first_time, last_time = window.times[first].astype(np.int64), window.times[last].astype(np.int64)
    to_start = (first_time - window.start) / 1000
    to_end = (window.start + window.length - last_time) / 1000
    sampled = (last_time - first_time) / 1000
    average = sampled / (window.counts - 1)
    # Samples that stand well inside the window: the series began or ended there, half an interval further out.
    threshold = average * 1.1
    to_start = np.where(to_start >= threshold, average / 2, to_start)
    to_end = np.where(to_end >= threshold, average / 2, to_end)
    if counter:
        # A counter was never below zero: do not extrapolate past the instant where the line meets it.
        low = window.values[first]
        to_zero = sampled * (low / grown)
        to_start = np.where((grown > 0) & (low >= 0) & (to_zero < to_start), to_zero, to_start)
    return grown * ((sampled + to_start + to_end) / sampled / per)


def _with_resets(window: Window, grown: Values) -> Values:
    """Add what a counter had reached each time it fell, in order of time (so that rounding is Prometheus' too)."""
    falling = np.flatnonzero(window.falling)
    if not len(falling):
        return grown
    suspects = window.rows(falling)
    values = window.values[suspects.flat()]
    row = np.repeat(falling, suspects.counts)
    fell = np.flatnonzero((values[1:] < values[:-1]) & (row[1:] == row[:-1]))
    rows, lost = np.concatenate((falling, row[fell])), np.concatenate((grown[falling], values[fell]))
    result = grown.copy()
    result[falling] = np.bincount(rows, lost, minlength=len(grown))[falling]
    return result


def _rate(window: Window) -> Values:
    return _extrapolated(window, counter=True, per=window.length / 1000)


def _average(window: Window) -> Values:
    counts = window.counts
    average = window.reduce(np.add) / counts
    strange = np.flatnonzero(~np.isfinite(average))
    if len(strange):  # Inf and NaN stay what they are; a mere overflow goes away
        rows = window.rows(strange)
        parts = window.values[rows.flat()] / np.repeat(counts[strange], counts[strange])
        average[strange] = np.bincount(np.repeat(np.arange(len(strange)), counts[strange]), parts)
    return average


FUNCTIONS: Mapping[str, RangeFunction] = {
    "rate": RangeFunction(_rate, least=2),
    "increase": RangeFunction(lambda window: _extrapolated(window, counter=True), least=2),
    "delta": RangeFunction(lambda window: _extrapolated(window, counter=False), least=2),
    "last_over_time": RangeFunction(lambda window: window.values[window.high - 1], keeps_name=True),
    "avg_over_time": RangeFunction(_average),
    "min_over_time": RangeFunction(lambda window: window.reduce(np.fmin)),
    "max_over_time": RangeFunction(lambda window: window.reduce(np.fmax)),
    "sum_over_time": RangeFunction(lambda window: window.reduce(np.add)),
    "count_over_time": RangeFunction(lambda window: window.counts.astype(np.float64)),
}


def _sum(values: Values, group: Groups, groups: int) -> Values:
    return np.bincount(group, values, minlength=groups).astype(np.float64, copy=False)


def _count(values: Values, group: Groups, groups: int) -> Values:
    del values
    return np.bincount(group, minlength=groups).astype(np.float64)


def _mean(values: Values, group: Groups, groups: int) -> Values:
    counts = _count(values, group, groups)
    mean = _sum(values, group, groups) / counts
    strange = ~np.isfinite(mean)
    if strange.any():
        mean[strange] = _sum(values / counts[group], group, groups)[strange]
    return mean


def _least(values: Values, group: Groups, groups: int) -> Values:
    result = np.full(groups, np.nan)
    np.fmin.at(result, group, values)
    return result


def _greatest(values: Values, group: Groups, groups: int) -> Values:
    result = np.full(groups, np.nan)
    np.fmax.at(result, group, values)
    return result


# Values and the group of each → one value a group; what a group without values gets means nothing.
AGGREGATIONS: Mapping[str, Callable[[Values, Groups, int], Values]] = {
    "sum": _sum,
    "avg": _mean,
    "min": _least,
    "max": _greatest,
    "count": _count,
}

ARITHMETIC: Mapping[str, np.ufunc] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
}

COMPARISONS: Mapping[str, np.ufunc] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
