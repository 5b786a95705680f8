"""The functions and aggregations of PromQL: what each takes and gives. The allow-list: what is not here is refused.

Exactly the stable functions of Prometheus 3 over floats and classic histograms. `EXPERIMENTAL` and `NATIVE` name the
others, so that an error can say why.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """What an expression yields."""

    SCALAR = "number"
    VECTOR = "vector"
    RANGE = "range"
    STRING = "string"


class Signature(Struct, frozen=True):
    """`takes` in order; the last `optional` arguments may be left out; `repeats`: the last one any number of times."""

    takes: tuple[Kind, ...]
    gives: Kind = Kind.VECTOR
    optional: int = 0
    repeats: bool = False

    def accepts(self, count: int) -> bool:
        """Whether it can be called with so many arguments."""
        least = len(self.takes) - self.optional - self.repeats
        return least <= count and (self.repeats or count <= len(self.takes))

    def kind(self, place: int) -> Kind:
        """The kind of the argument at this place."""
        return self.takes[min(place, len(self.takes) - 1)]


_S, _V, _R, _T = Kind.SCALAR, Kind.VECTOR, Kind.RANGE, Kind.STRING

MATH = frozenset(
    [
        "abs",
        "ceil",
        "floor",
        "exp",
        "sqrt",
        "ln",
        "log2",
        "log10",
        "sgn",
        "deg",
        "rad",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
        "acosh",
        "atanh",
    ]
)
DATES = frozenset(["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"])
RANGES = frozenset(
    [
        "rate",
        "irate",
        "increase",
        "delta",
        "idelta",
        "deriv",
        "changes",
        "resets",
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "sum_over_time",
        "count_over_time",
        "last_over_time",
        "present_over_time",
        "stddev_over_time",
        "stdvar_over_time",
        "absent_over_time",
    ]
)

FUNCTIONS: Mapping[str, Signature] = {
    **dict.fromkeys(MATH, Signature((_V,))),
    **dict.fromkeys(DATES, Signature((_V,), optional=1)),
    **dict.fromkeys(RANGES, Signature((_R,))),
    "quantile_over_time": Signature((_S, _R)),
    "predict_linear": Signature((_R, _S)),
    "absent": Signature((_V,)),
    "round": Signature((_V, _S), optional=1),
    "clamp": Signature((_V, _S, _S)),
    "clamp_min": Signature((_V, _S)),
    "clamp_max": Signature((_V, _S)),
    "histogram_quantile": Signature((_S, _V)),
    "histogram_fraction": Signature((_S, _S, _V)),
    "label_replace": Signature((_V, _T, _T, _T, _T)),
    "label_join": Signature((_V, _T, _T, _T), repeats=True),
    "sort": Signature((_V,)),
    "sort_desc": Signature((_V,)),
    "timestamp": Signature((_V,)),
    "scalar": Signature((_V,), _S),
    "vector": Signature((_S,)),
    "time": Signature((), _S),
    "pi": Signature((), _S),
}

# The kind of the parameter in front of the vector, where there is one.
AGGREGATIONS: Mapping[str, Kind | None] = {
    **dict.fromkeys(["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]),
    **dict.fromkeys(["topk", "bottomk", "quantile"], Kind.SCALAR),
    "count_values": Kind.STRING,
}

EXPERIMENTAL = frozenset(
    [
        "mad_over_time",
        "first_over_time",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
        "ts_of_max_over_time",
        "ts_of_min_over_time",
        "double_exponential_smoothing",
        "sort_by_label",
        "sort_by_label_desc",
        "info",
        "limitk",
        "limit_ratio",
        "start",
        "end",
        "step",
        "range",
        "histogram_quantiles",
        "integral",
        "max_of",
        "min_of",
    ]
)
NATIVE = frozenset(["histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev", "histogram_stdvar"])
