"""How far back an expression looks: what must be kept for it, and what history must be filled for it.

Seen from the instant of evaluation. `offset` moves what is read further back, a subquery by its range; what is read
in the past needs a whole lookback there, where the present needs only the newest sample. A fixed `@` is an absolute
time: everything since then is kept. What a stage's grid lets be kept as buckets needs no samples of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rtmd.model.expr import LOOKBACK, Call, Expr, Range, Selector, Shift, Subquery, children
from rtmd.model.matcher import Matcher
from rtmd.model.replace import replace
from rtmd.model.tiers import Tier, tier_of


class Read(Struct, frozen=True):
    """What a selector reads: samples at most `back` ms old, of which `keep` ms must be kept as they come.

    With `since` it is everything from that time on instead, with `tier` buckets of that kind.
    """

    matchers: tuple[Matcher, ...]
    keep: int
    back: int
    since: int | None = None
    tier: Tier | None = None


class _Place(Struct, frozen=True):
    """Where an expression is evaluated: up to `back` ms before the present, or before a fixed time."""

    back: int = 0
    fixed: int | None = None

    def moved(self, shift: Shift, more: int = 0) -> _Place:
        match shift.at:
            case None:
                return _Place(self.back + shift.back + more, self.fixed)
            case int(fixed):
                return _Place(shift.back + more, fixed)
            case _:
                return _Place(shift.back + more)


def reads(expr: Expr, grid: int = 0) -> Iterator[Read]:
    """One for each selector, left to right; `grid` is the stage's, 0 where none counts."""
    yield from _reads(expr, _Place(), grid)


def lookback(expr: Expr) -> int:
    """How far back the expression looks, in ms; an instant selector 5 min, a fixed `@` not counted."""
    return max((read.back for read in reads(expr) if read.since is None), default=0)


def reach(expr: Expr) -> int:
    """How much of the past, in ms, must be known before the expression says what it would say later.

    An instant selector needs its newest sample only: 0.
    """
    return max((read.keep for read in reads(expr)), default=0)


def earliest(expr: Expr, at: int) -> int:
    """The time of the oldest sample that can matter at an instant."""
    return min((at - read.back if read.since is None else read.since for read in reads(expr)), default=at)


def _reads(expr: Expr, place: _Place, grid: int) -> Iterator[Read]:
    match expr:
        case Selector(matchers=matchers, shift=shift):
            yield _read(matchers, place.moved(shift), None)
        case Range(selector=selector, window=window):
            yield _read(selector.matchers, place.moved(selector.shift), window)
        case Subquery(child=child, window=window, shift=shift):
            yield from _reads(child, place.moved(shift, window), 0)
        case Call(function=function, arguments=arguments):
            for argument in arguments:
                tier = tier_of(function, argument, grid) if isinstance(argument, Range) else None
                for read in _reads(argument, place, grid):
                    yield read if tier is None else replace(read, keep=0, tier=tier)
        case _:
            for child in children(expr):
                yield from _reads(child, place, grid)


def _read(matchers: tuple[Matcher, ...], place: _Place, window: int | None) -> Read:
    if place.fixed is None and place.back == 0:
        return Read(matchers, window or 0, window or LOOKBACK)
    back = max(place.back + max(window or 0, LOOKBACK), 0)
    return Read(matchers, back, back) if place.fixed is None else Read(matchers, 0, 0, place.fixed - back)
