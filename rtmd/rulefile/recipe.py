"""Recipes: the signals of people who do not write PromQL, as the PromQL they stand for.

`rate` events per `per` (1 s) · `count` events in the window · `level` the average over the window · `share` the part
of a counter that `where` picks, between 0 and 1: zero where there is no part, and only where the whole has at least
`min` events in the window. `by` names the labels that are kept; without it there is one value over everything.
`where` is a list of matchers as in PromQL.
"""

from __future__ import annotations

import math

from rtmd.errors import MatcherError
from rtmd.matching import parse_matchers
from rtmd.model.expr import Selector
from rtmd.model.labels import METRIC_NAME
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.promql import show
from rtmd.rulefile.table import Table

KINDS = ("rate", "count", "level", "share")
_KEYS = frozenset({*KINDS, "where", "by", "per", "min"})


def recipe_text(table: Table, *, shorter: float = 1.0) -> str | None:
    """The expression, with `$window` in it, that a recipe becomes; None (with problems recorded) if it is wrong.

    `shorter` says how many times shorter than the stage's window the one is that the expression is for: `count` and
    `min` are events in the whole window, so a shorter one is projected to it.
    """
    before = len(table.problems)
    table.refuse_unknown(_KEYS)
    kinds = [kind for kind in KINDS if kind in table]
    if len(kinds) != 1:
        table.broken("a recipe has exactly one of rate, count, level, share")
        return None
    kind = kinds[0]
    metric = table.text(kind, empty=False)
    picked = _where(table)
    by = table.texts("by") or ()
    _refuse_misfits(table, kind)
    least = table.number("min")
    per = table.duration("per", 1000, least=1)
    if len(table.problems) > before:
        return None
    part, whole = _selector(metric, picked), _selector(metric, ())
    match kind:
        case "rate":
            text = f"{_over('sum', by)} (rate({part}[$window]))"
            return text if per == 1000 else f"{text} * {_exact(per / 1000)}"
        case "count":
            text = f"{_over('sum', by)} (increase({part}[$window]))"
            return text if shorter == 1 else f"{text} * {_exact(shorter)}"
        case "level":
            return f"{_over('avg', by)} (avg_over_time({part}[$window]))"
        case _:
            return _share(_over("sum", by), part=part, whole=whole, least=(least or 0) / shorter)


def _share(over: str, *, part: str, whole: str, least: float) -> str:
    parts, all_of_it = f"{over} (increase({part}[$window]))", f"{over} (increase({whole}[$window]))"
    enough = "> 0" if least <= 0 else f">= {math.ceil(least)}"
    return f"({parts} or {all_of_it} * 0) / ({all_of_it} {enough})"


def _refuse_misfits(table: Table, kind: str) -> None:
    if "per" in table and kind != "rate":
        table.misplaced("per", "belongs to rate only")
    if "min" in table and kind != "share":
        table.misplaced("min", "belongs to share only: use a guard")
    if "where" not in table and kind == "share":
        table.broken("share needs where: which part of the whole?")


def _where(table: Table) -> tuple[Matcher, ...]:
    text = table.text("where")
    try:
        return parse_matchers(text)
    except MatcherError as error:
        table.wrong("where", f"is wrong: {error}")
        return ()


def _selector(metric: str, matchers: tuple[Matcher, ...]) -> str:
    return show(Selector(tuple(sorted({Matcher(METRIC_NAME, MatchOp.EQUAL, metric), *matchers}))))


def _over(aggregation: str, by: tuple[str, ...]) -> str:
    return f"{aggregation} by ({', '.join(by)})" if by else aggregation


def _exact(value: float) -> str:
    return repr(value).removesuffix(".0")
