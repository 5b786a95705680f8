"""Values against thresholds, many at once. NaN meets nothing and clears nothing by a level."""

from __future__ import annotations

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from rtmd.model.rule import Comparison, Condition

_Values = NDArray[np.float64]
_Bools = NDArray[np.bool_]


def meets(condition: Condition, values: _Values) -> _Bools:
    """Which values meet the condition."""
    match condition.comparison:
        case Comparison.ABOVE:
            return values > condition.threshold
        case Comparison.AT_LEAST:
            return values >= condition.threshold
        case Comparison.BELOW:
            return values < condition.threshold
        case Comparison.AT_MOST:
            return values <= condition.threshold
        case Comparison.OUTSIDE:
            return (values < condition.low) | (values > condition.high)
        case Comparison.RESULT:
            return np.ones(len(values), np.bool_)
        case _:
            assert_never(condition.comparison)


def levels(condition: Condition) -> tuple[float, float]:
    """The values (at most this, at least that) that meet the condition; NaN where none does for that side.

    Where infinities are thresholds, the last number before them counts too. RESULT does not look at values.
    """
    match condition.comparison:
        case Comparison.ABOVE:
            return np.nan, np.nextafter(condition.threshold, np.inf)
        case Comparison.AT_LEAST:
            return np.nan, condition.threshold
        case Comparison.BELOW:
            return np.nextafter(condition.threshold, -np.inf), np.nan
        case Comparison.AT_MOST:
            return condition.threshold, np.nan
        case Comparison.OUTSIDE:
            return np.nextafter(condition.low, -np.inf), np.nextafter(condition.high, np.inf)
        case Comparison.RESULT:
            return np.nan, np.nan
        case _:
            assert_never(condition.comparison)


def clears(condition: Condition, values: _Values, *, met: _Bools) -> _Bools:
    """Which values let a firing stage end; without a clear level that is: not `met`."""
    if condition.clear_low is not None and condition.clear_high is not None:
        return (values >= condition.clear_low) & (values <= condition.clear_high)
    if condition.clear is None:
        return ~met
    return values >= condition.clear if falls(condition) else values <= condition.clear


def falls(condition: Condition) -> bool:
    """Whether smaller values are the worse ones."""
    return condition.comparison in (Comparison.BELOW, Comparison.AT_MOST)
