"""Functions over ranges, vectorised, as Prometheus 3 computes them.

They see windows without stale markers. NaN is an ordinary value: it makes a sum NaN, `min` and `max` pass it over, and
it never counts as a counter reset. A sum is always added up afresh, so nothing remains of a value that has left the
window; where a sum leaves the range of float64, an average is computed from the parts. Variances are taken from
deviations (equal samples have none), lines are fitted to sums with 64 bits of mantissa where the machine has them.
Callers silence numpy's floating-point warnings (`np.errstate`): Inf − Inf and division by zero are results here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rtmd.engine.sums import window_sums
from rtmd.engine.window import Window, changed
from rtmd.formats.batch import Ids, Values


class RangeFunction(Struct, frozen=True):
    """`compute` maps a window, each row with at least `least` samples, and numbers, to one value a row."""

    compute: Callable[..., Values]
    least: int = 1
    keeps_name: bool = False


class Ends(Struct, frozen=True):
    """Of each row: its samples, the first and the last of them; times are ms after the window's start."""

    counts: NDArray[np.int64]
    first: Values
    first_time: NDArray[np.int64]
    last_time: NDArray[np.int64]


def extrapolated(grown: Values, ends: Ends, length: int, *, counter: bool, per: float = 1.0) -> Values:
    """How much rows grew over a window, from how much they grew between its first and last sample.

    Prometheus' `extrapolatedRate`, operation by operation.
    """
    to_start = ends.first_time / 1000
    to_end = (length - ends.last_time) / 1000
    sampled = (ends.last_time - ends.first_time) / 1000
    average = sampled / (ends.counts - 1)
    # Samples that stand well inside the window: the series began or ended there, half an interval further out.
    threshold = average * 1.1
    to_start = np.where(to_start >= threshold, average / 2, to_start)
    to_end = np.where(to_end >= threshold, average / 2, to_end)
    if counter:
        # A counter was never below zero: do not extrapolate past the instant where the line meets it.
        to_zero = sampled * (ends.first / grown)
        to_start = np.where((grown > 0) & (ends.first >= 0) & (to_zero < to_start), to_zero, to_start)
    return grown * ((sampled + to_start + to_end) / sampled / per)


def _extrapolated(window: Window, *, counter: bool, per: float = 1.0) -> Values:
    first, last = window.low, window.high - 1
    grown = window.values[last] - window.values[first]
    if counter and window.falling.any():
        grown = _with_resets(window, grown)
    first_time, last_time = (window.times[each].astype(np.int64) - window.start for each in (first, last))
    ends = Ends(window.counts, window.values[first], first_time, last_time)
    return extrapolated(grown, ends, window.length, counter=counter, per=per)


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


def _instant(window: Window, *, rate: bool) -> Values:
    """From the last two samples; as a rate a fall is a reset."""
    last, before = window.values[window.high - 1], window.values[window.high - 2]
    if not rate:
        return last - before
    apart = (window.times[window.high - 1] - window.times[window.high - 2]) / 1000
    return np.where(last < before, last, last - before) / apart


def _average(window: Window) -> Values:
    counts = window.counts
    average = window_sums(window) / counts
    strange = np.flatnonzero(~np.isfinite(average))
    if len(strange):  # Inf and NaN stay what they are; a mere overflow goes away
        values, row = _samples(window.rows(strange))
        average[strange] = np.bincount(row, values / counts[strange][row], minlength=len(strange))
    return average


def _samples(window: Window) -> tuple[Values, Ids]:
    """All values, and the row of each."""
    return window.values[window.flat()], np.repeat(np.arange(len(window.low)), window.counts)


def _pairs(window: Window, differs: Callable[[Values, Values], NDArray[np.bool_]]) -> Values:
    """How many neighbours differ."""
    values, row = _samples(window)
    different = differs(values[:-1], values[1:]) & (row[1:] == row[:-1])
    return np.bincount(row[1:][different], minlength=len(window.low)).astype(np.float64)


def variances(values: Values, group: Ids, groups: int) -> Values:
    """The population variance of each group, from deviations, so that equal values have none."""
    counts = np.bincount(group, minlength=groups)
    heads = np.zeros(groups)
    heads[group[::-1]] = values[::-1]  # of several assignments the last one stays: the first value
    moved = values - heads[group]
    moved -= (np.bincount(group, moved, minlength=groups) / counts)[group]
    return np.bincount(group, moved * moved, minlength=groups) / counts


def quantiles(values: Values, group: Ids, groups: int, quantile: float) -> Values:
    """The φ-quantile of each group, linear between its two nearest values; NaN counts as the lowest value."""
    if not 0 <= quantile <= 1:
        return np.full(groups, np.nan if np.isnan(quantile) else -np.inf if quantile < 0 else np.inf)
    counts = np.bincount(group, minlength=groups)
    ordered = values[np.lexsort((values, ~np.isnan(values), group))]
    starts = np.cumsum(counts) - counts
    rank = quantile * (counts - 1.0)
    lower = np.maximum(np.floor(rank), 0).astype(np.int64)
    upper = np.minimum(counts - 1, lower + 1)
    weight = rank - np.floor(rank)
    some = counts > 0
    result = np.full(groups, np.nan)
    low, high = ordered[(starts + lower)[some]], ordered[(starts + upper)[some]]
    result[some] = low * (1 - weight[some]) + high * weight[some]
    return result


def _line(window: Window, origin: NDArray[np.int64]) -> tuple[Values, Values]:
    """Slope (per second) and value at `origin` of the line through each row: Prometheus' `linearRegression`."""
    place, counts = window.flat(), window.counts
    starts = np.cumsum(counts) - counts
    y = window.values[place]
    x = (window.times[place].astype(np.int64) - np.repeat(origin, counts)) / 1000
    sum_x, sum_y, sum_xy, sum_xx = (
        np.add.reduceat(each.astype(np.longdouble), starts).astype(np.float64) for each in (x, y, x * y, x * x)
    )
    covariance, variance = sum_xy - sum_x * sum_y / counts, sum_xx - sum_x * sum_x / counts
    slope = covariance / variance
    intercept = sum_y / counts - slope * sum_x / counts
    first = window.values[window.low]
    level = np.logical_and.reduceat(y == np.repeat(first, counts), starts)
    endless = np.isinf(first)
    slope = np.where(level, np.where(endless, np.nan, 0.0), slope)
    return slope, np.where(level, np.where(endless, np.nan, first), intercept)


def _deriv(window: Window) -> Values:
    return _line(window, window.times[window.low].astype(np.int64))[0]


def _predicted(window: Window, ahead: float) -> Values:
    slope, intercept = _line(window, np.full(len(window.low), window.seen_from))
    return slope * ahead + intercept


def _deviation(window: Window) -> Values:
    return np.sqrt(_variance(window))


def _variance(window: Window) -> Values:
    return variances(*_samples(window), len(window.low))


def _quantile(window: Window, quantile: float) -> Values:
    return quantiles(*_samples(window), len(window.low), quantile)


RANGE_FUNCTIONS: Mapping[str, RangeFunction] = {
    "rate": RangeFunction(_rate, least=2),
    "increase": RangeFunction(lambda window: _extrapolated(window, counter=True), least=2),
    "delta": RangeFunction(lambda window: _extrapolated(window, counter=False), least=2),
    "irate": RangeFunction(lambda window: _instant(window, rate=True), least=2),
    "idelta": RangeFunction(lambda window: _instant(window, rate=False), least=2),
    "deriv": RangeFunction(_deriv, least=2),
    "predict_linear": RangeFunction(_predicted, least=2),
    "changes": RangeFunction(lambda window: _pairs(window, changed)),
    "resets": RangeFunction(lambda window: _pairs(window, np.greater)),
    "last_over_time": RangeFunction(lambda window: window.values[window.high - 1], keeps_name=True),
    "avg_over_time": RangeFunction(_average),
    "min_over_time": RangeFunction(lambda window: window.reduce(np.fmin)),
    "max_over_time": RangeFunction(lambda window: window.reduce(np.fmax)),
    "sum_over_time": RangeFunction(window_sums),
    "count_over_time": RangeFunction(lambda window: window.counts.astype(np.float64)),
    "present_over_time": RangeFunction(lambda window: np.ones(len(window.low))),
    "stddev_over_time": RangeFunction(_deviation),
    "stdvar_over_time": RangeFunction(_variance),
    "quantile_over_time": RangeFunction(_quantile),
}
