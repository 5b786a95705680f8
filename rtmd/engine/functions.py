"""What PromQL computes on values of one instant: functions, reductions over groups, operators; as in Prometheus 3.

Functions over ranges are in `ranges`. Callers silence numpy's floating-point warnings (`np.errstate`). Dates are UTC;
what is no date (NaN, Inf) has none and stays NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.ranges import quantiles, variances
from rtmd.engine.sums import group_sums
from rtmd.formats.batch import Values

Groups: TypeAlias = NDArray[np.int64]

_DAY = 86_400
_FARTHEST = 1 << 53  # seconds


def _count(values: Values, group: Groups, groups: int) -> Values:
    del values
    return np.bincount(group, minlength=groups).astype(np.float64)


def _mean(values: Values, group: Groups, groups: int) -> Values:
    counts = _count(values, group, groups)
    mean = group_sums(values, group, groups) / counts
    strange = ~np.isfinite(mean)
    if strange.any():
        mean[strange] = group_sums(values / counts[group], group, groups)[strange]
    return mean


def _least(values: Values, group: Groups, groups: int) -> Values:
    result = np.full(groups, np.nan)
    np.fmin.at(result, group, values)
    return result


def _greatest(values: Values, group: Groups, groups: int) -> Values:
    result = np.full(groups, np.nan)
    np.fmax.at(result, group, values)
    return result


def _deviation(values: Values, group: Groups, groups: int) -> Values:
    return np.sqrt(variances(values, group, groups))


# Values, the group of each, how many groups, perhaps a number → one value a group; an empty group's means nothing.
AGGREGATIONS: Mapping[str, Callable[..., Values]] = {
    "sum": group_sums,
    "avg": _mean,
    "min": _least,
    "max": _greatest,
    "count": _count,
    "group": lambda _values, _group, groups: np.ones(groups),
    "stddev": _deviation,
    "stdvar": variances,
    "quantile": quantiles,
}

ARITHMETIC: Mapping[str, np.ufunc] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}

COMPARISONS: Mapping[str, np.ufunc] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def _dated(part: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> Callable[[Values], Values]:
    """A function of whole seconds since the epoch as one of values."""

    def function(values: Values) -> Values:
        known = np.abs(values) < _FARTHEST
        seconds = np.where(known, values, 0.0).astype(np.int64)
        return np.where(known, part(seconds), np.nan)

    return function


def _months(seconds: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return (seconds // _DAY).astype("datetime64[D]").astype("datetime64[M]")


def _day_of(seconds: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """The day within its month or year, from 1."""
    day = (seconds // _DAY).astype("datetime64[D]")
    passed: NDArray[np.int64] = (day - day.astype(f"datetime64[{unit}]").astype("datetime64[D]")).astype(np.int64)
    return passed + 1


def _days_in_month(seconds: NDArray[np.int64]) -> NDArray[np.int64]:
    month = _months(seconds)
    length = (month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")
    days: NDArray[np.int64] = length.astype(np.int64)
    return days


def _rounded(values: Values, to: float) -> Values:
    inverse = np.float64(1) / to
    return np.floor(values * inverse + 0.5) / inverse


# One vector (and numbers) → values.
ELEMENTWISE: Mapping[str, Callable[..., Values]] = {
    **{name: getattr(np, name) for name in ["abs", "ceil", "floor", "exp", "sqrt", "log2", "log10"]},
    **{name: getattr(np, name) for name in ["sin", "cos", "tan", "sinh", "cosh", "tanh"]},
    **{f"a{name}": getattr(np, f"arc{name}") for name in ["sin", "cos", "tan", "sinh", "cosh", "tanh"]},
    "ln": np.log,
    "sgn": np.sign,
    "deg": lambda values: values * 180 / math.pi,
    "rad": lambda values: values * math.pi / 180,
    "round": _rounded,
    "clamp": lambda values, low, high: np.maximum(low, np.minimum(high, values)),
    "clamp_min": lambda values, low: np.maximum(low, values),
    "clamp_max": lambda values, high: np.minimum(high, values),
    "minute": _dated(lambda seconds: seconds // 60 % 60),
    "hour": _dated(lambda seconds: seconds // 3600 % 24),
    "day_of_week": _dated(lambda seconds: (seconds // _DAY + 4) % 7),  # the epoch was a Thursday
    "day_of_month": _dated(lambda seconds: _day_of(seconds, "M")),
    "day_of_year": _dated(lambda seconds: _day_of(seconds, "Y")),
    "days_in_month": _dated(_days_in_month),
    "month": _dated(lambda seconds: _months(seconds).astype(np.int64) % 12 + 1),
    "year": _dated(lambda seconds: _months(seconds).astype(np.int64) // 12 + 1970),
}
