"""Sums that keep their digits where numbers of both signs nearly cancel.

Prometheus compensates its sums (Kahan, Neumaier). Numbers of one sign need none of that: here a plain sum is right
to its last few digits and as fast as numpy. So only where negative numbers are about, and the result is small beside
what was added, a sum is done again, exactly.
"""

from __future__ import annotations

from math import fsum

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.window import Window
from rtmd.formats.batch import Values

_CANCELLED = 1e-3  # of the sum of magnitudes: below it a plain sum has lost more than three digits


def window_sums(window: Window) -> Values:
    """The sum of each row."""
    sums = window.reduce(np.add)
    rows = np.flatnonzero(window.negative)
    if not len(rows):
        return sums
    suspects = window.rows(rows)
    counts = suspects.counts
    magnitudes = np.add.reduceat(np.abs(window.values[suspects.flat()]), np.cumsum(counts) - counts)
    for row in rows[_doubtful(sums[rows], magnitudes)]:
        sums[row] = fsum(window.values[window.low[row] : window.high[row]])
    return sums


def group_sums(values: Values, group: NDArray[np.int64], groups: int) -> Values:
    """The sum of each group; 0 where it is empty."""
    sums = np.bincount(group, values, minlength=groups).astype(np.float64, copy=False)
    if np.fmin.reduce(values, initial=0.0) < 0:
        magnitudes = np.bincount(group, np.abs(values), minlength=groups).astype(np.float64, copy=False)
        for each in np.flatnonzero(_doubtful(sums, magnitudes)):
            sums[each] = fsum(values[group == each])
    return sums


def _doubtful(sums: Values, magnitudes: Values) -> NDArray[np.bool_]:
    doubtful: NDArray[np.bool_] = (np.abs(sums) < magnitudes * _CANCELLED) & np.isfinite(magnitudes)
    return doubtful
