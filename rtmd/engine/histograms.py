"""Classic histograms: many of them at once, as Prometheus 3 reads quantiles and fractions from cumulative buckets.

The buckets of all groups are sorted, those with equal bounds added up, and laid into a table, a row a group; rounding
(1e-12) and falls between neighbours are evened out first. Within a bucket observations spread evenly; the
lowest one begins at 0 if it ends above. Without a
bucket `+Inf` the answer is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtmd.formats.batch import Ids, Values

_TOLERANCE = 1e-12
_SMALLEST = 2.2250738585072014e-308


class Buckets:
    """`counts` and `bounds`, shape (groups, slots); group g uses `used[g]` slots, the others repeat its last one."""

    def __init__(self, bounds: Values, counts: Values, group: Ids, groups: int) -> None:
        order = np.lexsort((bounds, group))
        bounds, counts, group = bounds[order], counts[order], group[order]
        heads = np.ones(len(group), np.bool_)
        heads[1:] = (group[1:] != group[:-1]) | (bounds[1:] != bounds[:-1])
        slot = np.cumsum(heads) - 1
        counts = np.bincount(slot, counts, minlength=int(heads.sum())).astype(np.float64, copy=False)
        bounds, group = bounds[heads], group[heads]
        self.used = np.bincount(group, minlength=groups)
        starts = np.cumsum(self.used) - self.used
        slots = max(int(self.used.max(initial=0)), 1)
        # Behind its last slot a group repeats it; an empty group points anywhere.
        place = np.minimum(np.arange(slots), np.maximum(self.used - 1, 0)[:, None]) + starts[:, None]
        self.counts = _risen(counts.take(place, mode="clip") if len(counts) else np.full(place.shape, np.nan))
        self.bounds = bounds.take(place, mode="clip") if len(bounds) else np.full(place.shape, np.nan)
        self.complete = np.isposinf(self.bounds[:, -1]) & (self.used > 0)

    @property
    def total(self) -> Values:
        """All observations of each group."""
        total: Values = self.counts[:, -1]
        return total


def _risen(counts: Values) -> Values:
    """The counts of each row, never falling, and equal where they differ by rounding alone."""
    counts = counts.copy()
    before = counts[:, 0]
    for slot in range(1, counts.shape[1]):
        now = counts[:, slot]
        magnitude = np.abs(before) + np.abs(now)
        apart = np.abs(now - before)
        tiny = (before == 0) | (now == 0) | (magnitude < _SMALLEST)
        same = (now == before) | np.where(tiny, apart < _TOLERANCE * _SMALLEST, apart / magnitude < _TOLERANCE)
        counts[:, slot] = np.where(same | (now < before), before, now)
        before = counts[:, slot]
    return counts


def quantiles(buckets: Buckets, quantile: float) -> Values:
    """The φ-quantile of each group."""
    groups = len(buckets.used)
    if not 0 <= quantile <= 1:
        return np.full(groups, np.nan if np.isnan(quantile) else -np.inf if quantile < 0 else np.inf)
    rows, total = np.arange(groups), buckets.total
    last = np.maximum(buckets.used - 1, 0)
    rank = quantile * total
    enough = (buckets.counts >= rank[:, None]) & (np.arange(buckets.counts.shape[1]) < last[:, None])
    found = np.where(enough.any(axis=1), enough.argmax(axis=1), last)
    before = np.maximum(found - 1, 0)
    start = np.where(found > 0, buckets.bounds[rows, before], 0.0)
    passed = np.where(found > 0, buckets.counts[rows, before], 0.0)
    end, count = buckets.bounds[rows, found], buckets.counts[rows, found] - passed
    value = start + (end - start) * ((rank - passed) / count)
    value = np.where((found == 0) & (end <= 0), end, value)
    value = np.where(found == last, buckets.bounds[rows, np.maximum(last - 1, 0)], value)
    return np.where(buckets.complete & (buckets.used > 1) & (total != 0), value, np.nan)


def fractions(buckets: Buckets, lower: float, upper: float) -> Values:
    """The part of each group's observations between two bounds."""
    total = buckets.total
    result = (_rank(buckets, upper) - _rank(buckets, lower)) / total if lower < upper else np.zeros(len(total))
    known = buckets.complete & (total != 0)
    return np.where(known, result, np.nan) if lower == lower and upper == upper else np.full(len(total), np.nan)  # noqa: PLR0124


def _rank(buckets: Buckets, bound: float) -> Values:
    """How many observations lie below a bound."""
    total = buckets.total
    rank, known = total.copy(), np.zeros(len(total), np.bool_)
    passed = np.zeros(len(total))
    below: NDArray[np.float64] = np.where(buckets.bounds[:, 0] > 0, 0.0, -np.inf)
    for slot in range(buckets.counts.shape[1]):
        end, count = buckets.bounds[:, slot], buckets.counts[:, slot]
        at_edge = ~known & (below >= bound)
        rank = np.where(at_edge, passed, rank)
        inside = ~known & ~at_edge & (end > bound)
        spread = passed + (count - passed) * (bound - below) / (end - below)
        rank = np.where(inside, np.where(np.isneginf(below), count, spread), rank)
        known |= at_edge | inside
        passed, below = count, end
    return np.minimum(rank, total)
