"""Values against thresholds, many at once. NaN meets nothing and clears nothing by a level."""

from __future__ import annotations

from typing import NamedTuple, assert_never

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


class Beyond(NamedTuple):
    """What a row has to be to meet a condition, in numbers that many conditions can be compared by at once.

    At most `low`, or at least `high` (NaN: never); `present`: any result will do; `unfed`: a row that nothing feeds is
    zero, and a zero is met. Where infinities are thresholds, the last number before them counts too.
    """

    low: float
    high: float
    present: bool
    unfed: bool


def beyond(condition: Condition, *, zero: bool) -> Beyond:
    """The same as `meets`; with `zero` what nothing feeds is 0."""
    low = high = np.nan
    match condition.comparison:
        case Comparison.ABOVE:
            high = np.nextafter(condition.threshold, np.inf)
        case Comparison.AT_LEAST:
            high = condition.threshold
        case Comparison.BELOW:
            low = np.nextafter(condition.threshold, -np.inf)
        case Comparison.AT_MOST:
            low = condition.threshold
        case Comparison.OUTSIDE:
            low, high = np.nextafter(condition.low, -np.inf), np.nextafter(condition.high, np.inf)
        case Comparison.RESULT:
            pass
        case _:
            assert_never(condition.comparison)
    unfed = zero and bool(meets(condition, np.zeros(1))[0])
    return Beyond(float(low), float(high), condition.comparison is Comparison.RESULT, unfed)


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
