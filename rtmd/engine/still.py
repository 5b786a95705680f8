"""The raw leaf of a query: all samples there are, however far apart, laid down once and never moved.

Where the daemon's leaf forgets what no window needs any more, and has room for weeks of offsets only, this one keeps
everything, with times as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.raw import RawLeaf
from rtmd.formats.batch import Ids, Times, Values, is_stale

_NEVER = -(1 << 62)


class StillLeaf(RawLeaf):
    """Samples of series 0, 1, … `series` − 1; of two samples of one series and time the first one given counts."""

    def __init__(self, ids: Ids, times: Times, values: Values, series: int) -> None:
        super().__init__()
        self.cover(series)
        order = np.lexsort((times, ids))  # stable
        ids, times, values = ids[order], times[order], values[order]
        first = np.ones(len(ids), np.bool_)
        first[1:] = (ids[1:] != ids[:-1]) | (times[1:] != times[:-1])
        if not first.all():
            ids, times, values = ids[first], times[first], values[first]
        self._times, self._values = times, values
        counts = np.bincount(ids, minlength=len(self._end))
        self._end = np.cumsum(counts)
        self._begin = self._end - counts
        fell = np.zeros(len(ids), np.bool_)
        fell[1:] = (values[1:] < values[:-1]) & (ids[1:] == ids[:-1])
        for column, noted in (
            (self._last, np.ones(len(ids), np.bool_)),
            (self._stale, is_stale(values)),
            (self._fall, fell),
            (self._below, values < 0),
        ):
            column[ids[noted]] = times[noted]

    def read(self, series: Ids, window: int, since: int | None = None) -> None:
        """Everything is here already."""

    def _offset(self, time: int) -> int:
        return max(_NEVER, min(time, -_NEVER))

    def _offsets(self, times: Times) -> NDArray[np.int64]:
        return times
