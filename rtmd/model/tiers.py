"""Which windows are kept as buckets instead of samples, how wide the buckets are, and what a window costs.

A bucket (k·width, (k + 1)·width] says of a series what some function needs of its samples there; neighbours merge.
Functions that merge are in `FIELDS`, each with what it needs. A window of buckets is exact at multiples of the width
alone, so the width is the grid of the stage: for a long window a stage's own grid is a coarser one (`grid_for`), such
that at most 360 buckets fill it: an hour in steps of 10 s, a day in steps of 5 min. All other windows stay samples:

* those up to 2 min, which the newest samples fill anyway, and all that is judged on arrival (no grid);
* functions that do not merge, subqueries, `@`, offsets into the future;
* windows and offsets that are no multiple of the grid;
* windows of which buckets would save less than half; up to 5 min, less than seven eighths: where samples come every
  15 s there are few of them.

Costs are bytes a series, at one sample a second where that matters: the worst case that is usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import gcd

from msgspec import Struct

from rtmd.model.expr import LOOKBACK, Call, Expr, Range, Subquery, children

LATENESS = 60_000  # how old a sample of a source may be, unless it says otherwise, ms
LONGEST_SAMPLES = 6 * 24 * 3_600_000  # ms; the longest window of samples, and the largest lateness
LONGEST_BUCKETS = 35 * 24 * 3_600_000

_SHORT = 2 * LATENESS
_CHUNK = 10_000
_MOST = 360  # buckets in a window, unless they are an hour wide
_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
_NICE = (
    *(each * _SECOND for each in (1, 5, 10, 15, 30)),
    *(each * _MINUTE for each in (1, 2, 5, 10, 15, 30)),
    _HOUR,
)

BYTES: Mapping[str, int] = {
    "count": 4,
    "sum": 8,
    "min": 8,
    "max": 8,
    "mean": 8,
    "spread": 8,
    "first": 8,
    "first_time": 4,
    "last": 8,
    "last_time": 4,
    "lost": 8,
    "changes": 4,
    "resets": 4,
    "ended": 1,
}

_GROWN = ("first", "first_time", "last", "last_time", "ended")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "count_over_time": ("count",),
    "present_over_time": ("count",),
    "absent_over_time": ("count",),
    "sum_over_time": ("count", "sum"),
    "avg_over_time": ("count", "sum"),
    "min_over_time": ("count", "min"),
    "max_over_time": ("count", "max"),
    "stddev_over_time": ("count", "mean", "spread"),
    "stdvar_over_time": ("count", "mean", "spread"),
    "last_over_time": ("count", "last"),
    "delta": ("count", *_GROWN),
    "rate": ("count", *_GROWN, "lost"),
    "increase": ("count", *_GROWN, "lost"),
    "changes": ("count", "first", "last", "changes"),
    "resets": ("count", "first", "last", "resets"),
}


class Tier(Struct, frozen=True):
    """Buckets of one width, `slots` of them, with these fields of each."""

    width: int
    slots: int
    fields: tuple[str, ...]

    @property
    def step(self) -> int:
        """Samples go over to buckets in pieces of so many ms; a whole number of them fills a bucket."""
        return self.width if self.width <= _CHUNK else gcd(self.width, _CHUNK)

    @property
    def size(self) -> int:
        """Bytes a series."""
        return self.slots * sum(BYTES[field] for field in self.fields)


def sample_bytes(length: int) -> int:
    """What samples of so many ms cost, at one a second: 12 bytes each, and room to move."""
    return max(length // _SECOND, 1) * 27 // 2


def tier_of(function: str, ranged: Range, grid: int) -> Tier | None:
    """The buckets of a function's range in a stage with this grid (0: none); None where it must be samples."""
    fields, shift, window = FIELDS.get(function), ranged.selector.shift, ranged.window
    if not grid or fields is None or shift.at is not None or shift.back < 0 or window % grid or shift.back % grid:
        return None
    reach = shift.back + max(window, LOOKBACK)
    if shift.back + window <= _SHORT or reach % grid:
        return None
    if window < LOOKBACK and "ended" not in fields:
        fields = (*fields, "ended")  # whether the series is alive is seen further back than the window
    tier = Tier(grid, reach // grid + 1, fields)
    samples, times = (reach, 2) if reach > LOOKBACK else (window, 8)
    return tier if times * tier.size <= sample_bytes(samples) else None


def windows(expr: Expr) -> Iterator[tuple[str, Range]]:
    """Every function over a range of samples, left to right; not those inside of subqueries."""
    match expr:
        case Subquery():
            return
        case Call(function=function, arguments=arguments):
            for argument in arguments:
                if isinstance(argument, Range):
                    yield function, argument
                else:
                    yield from windows(argument)
        case _:
            for child in children(expr):
                yield from windows(child)


def has_buckets(expr: Expr, grid: int) -> bool:
    """Whether some window of the expression is kept as buckets on this grid."""
    return bool(grid) and any(tier_of(function, ranged, grid) for function, ranged in windows(expr))


def grid_for(base: int, exprs: Iterable[Expr]) -> int:
    """The grid of a stage with these expressions: `base`, or a coarser one that its long windows ask for."""
    lengths = [
        (ranged.window, ranged.selector.shift.back)
        for expr in exprs
        for function, ranged in windows(expr)
        if function in FIELDS and ranged.selector.shift.at is None and ranged.selector.shift.back >= 0
    ]
    long = [(window, back) for window, back in lengths if window + back > LOOKBACK]
    if not long:
        return base
    longest = max(long, key=sum)
    wide = [width for width in sorted({base, *_NICE}) if width >= base and _fits(width, longest)]
    whole = [width for width in wide if all(_divides(width, each) for each in long)]
    return next(iter((*whole, *wide)), base)


def _divides(width: int, length: tuple[int, int]) -> bool:
    window, back = length
    return window % width == 0 and back % width == 0


def _fits(width: int, length: tuple[int, int]) -> bool:
    return _divides(width, length) and (sum(length) <= _MOST * width or width == _HOUR)
