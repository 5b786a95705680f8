"""Many windows at once: for each row a piece of flat, time-sorted arrays.

Arrays rather than lists of arrays are what makes a tick over 10,000 series cost milliseconds: bounds come from one
binary search run in lockstep over all rows, reductions from `reduceat` over the flat values.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rtmd.formats.batch import Ids, Values, is_stale
from rtmd.model.replace import replace

Offsets: TypeAlias = NDArray[np.int32] | NDArray[np.int64]  # ms from a common base

_FEW = 8
_AT_ONCE = 1 << 16  # samples


def roomy(need: NDArray[np.int64]) -> NDArray[np.int64]:
    """How much room is given where so much is needed."""
    return need + need // 4 + 4


def spread(starts: Ids, counts: NDArray[np.int64]) -> Ids:
    """The indices start, start + 1, …, start + count − 1 of every piece, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - counts), counts) + np.arange(total)


def pieces(counts: NDArray[np.int64]) -> Iterator[slice]:
    """All rows, some at a time: as many as have so many samples that working on them takes little memory."""
    firsts = np.unique(np.cumsum(counts) // _AT_ONCE, return_index=True)[1]
    return (slice(first, stop) for first, stop in pairwise([*firsts.tolist(), len(counts)]))


def ascending(ids: Ids) -> bool:
    """Whether each id is higher than the one before."""
    return bool((ids[1:] > ids[:-1]).all())


def heads(ids: Ids) -> NDArray[np.bool_]:
    """Where a run of equal ids begins."""
    return np.concatenate(([True], ids[1:] != ids[:-1]))


def changed(before: Values, after: Values) -> NDArray[np.bool_]:
    """Where neighbours differ; NaN is NaN."""
    differs: NDArray[np.bool_] = (before != after) & ~(np.isnan(before) & np.isnan(after))
    return differs


def first_after(times: Offsets, low: Ids, high: Ids, bound: int | NDArray[np.int64]) -> Ids:
    """For each row the first index in [low, high) whose time is later than the bound (within int32), or high.

    A binary search of all rows together: in each round every row tries to skip `step` samples. A few rows with one
    bound are quicker one by one.
    """
    if len(low) <= _FEW and isinstance(bound, int):
        pieces = zip(low.tolist(), high.tolist(), strict=True)
        last = times.dtype.type(bound)  # any other type and numpy converts the times, not the bound
        return np.array([a + times[a:b].searchsorted(last, "right") for a, b in pieces], np.int64)
    found = low.copy()
    step = 1 << max(0, int((high - low).max(initial=0)).bit_length() - 1)
    if not len(times):
        return found
    while step:
        probe = found + (step - 1)
        skips = (probe < high) & (times.take(probe, mode="clip") <= bound)
        found += step * skips
        step >>= 1
    return found


class Window(Struct, frozen=True):
    """Row i sees `times[low[i]:high[i]]` and the values beside them; windows are (start, start + length].

    Times and `start` are ms from the same base. `falling` says where a value may be lower than the one before it,
    `negative` where one may be below zero. `moved` is how much later than its end the windows are seen from.
    Distinct rows never overlap.
    """

    times: Offsets
    values: Values
    low: Ids
    high: Ids
    start: int
    length: int
    falling: NDArray[np.bool_]
    negative: NDArray[np.bool_]
    moved: int = 0

    @property
    def counts(self) -> NDArray[np.int64]:
        """Samples in each row."""
        return self.high - self.low

    @property
    def seen_from(self) -> int:
        """The instant of the evaluation, where an `offset` does not count."""
        return self.start + self.length + self.moved

    def rows(self, rows: Ids | NDArray[np.bool_]) -> Window:
        """Some of the rows."""
        return replace(
            self,
            low=self.low[rows],
            high=self.high[rows],
            falling=self.falling[rows],
            negative=self.negative[rows],
        )

    def flat(self) -> Ids:
        """The indices of all samples of all rows, row by row."""
        return spread(self.low, self.counts)

    def unmarked(self) -> Window:
        """The same windows, copied, without their stale markers: range functions do not see those."""
        place = self.flat()
        values = self.values[place]
        kept = ~is_stale(values)
        row = np.repeat(np.arange(len(self.low)), self.counts)
        high = np.cumsum(np.bincount(row[kept], minlength=len(self.low)))
        low = np.concatenate(([0], high))[:-1]
        falling = np.ones(len(low), np.bool_)  # a fall may hide behind a marker
        return replace(self, times=self.times[place][kept], values=values[kept], low=low, high=high, falling=falling)

    def reduce(self, operation: np.ufunc) -> Values:
        """The values of each row reduced; every row must hold at least one sample.

        Rows that lie densely one after the other are reduced in place, across the gaps between them; only
        scattered rows are copied together first. Both add up the same numbers in the same order.
        """
        if _apart(self):
            return _dense(self, operation)
        order = np.argsort(self.low)
        ordered = self.rows(order)
        result = np.empty(len(order))
        result[order] = _dense(ordered, operation) if _apart(ordered) else _scattered(ordered, operation)
        return result


def _apart(window: Window) -> bool:
    """Whether the rows lie one after the other in memory."""
    return bool((window.low[1:] >= window.high[:-1]).all())


def _scattered(window: Window, operation: np.ufunc) -> Values:
    counts = window.counts
    reduced: Values = operation.reduceat(window.values[window.flat()], np.cumsum(counts) - counts)
    return reduced


def _dense(window: Window, operation: np.ufunc) -> Values:
    if not len(window.low):
        return np.empty(0)
    origin, stop = int(window.low[0]), int(window.high[-1])
    if stop - origin > 2 * int(window.counts.sum()):
        return _scattered(window, operation)
    # Every second piece is a gap; its reduction is nobody's.
    pieces = np.column_stack((window.low, window.high)).ravel() - origin
    reduced: Values = operation.reduceat(window.values[origin:stop], pieces[:-1])[::2]
    return reduced
