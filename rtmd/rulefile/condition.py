"""The keys of a stage that say when it fires and when it ends: thresholds, clear, for, within."""

from __future__ import annotations

import re

from rtmd.model.duration import show_duration
from rtmd.model.mark import KEPT, MarkKind, Within
from rtmd.model.rule import Comparison, Condition, Hold
from rtmd.rulefile.table import Table, nearest

CONDITIONS = tuple(str(comparison) for comparison in Comparison if comparison is not Comparison.RESULT)
_RISING = (Comparison.ABOVE, Comparison.AT_LEAST)
_HISTORY = 64  # grid points that the protocol remembers
_WITHIN = re.compile(r"(?P<length>\S+) +of +(?P<kind>\S+)")


def read_condition(table: Table) -> Condition:
    """The condition of a stage; with none of the five keys it fires where the signal has a result."""
    given = [key for key in CONDITIONS if key in table]
    for key in given[1:]:
        table.misplaced(key, f"and {given[0]} are both given: a stage has one condition")
    if not given:
        if "clear" in table:
            table.misplaced("clear", f"needs a threshold: one of {', '.join(CONDITIONS)}")
        return Condition(Comparison.RESULT)
    comparison = Comparison(given[0])
    return _outside(table) if comparison is Comparison.OUTSIDE else _threshold(table, comparison)


def _threshold(table: Table, comparison: Comparison) -> Condition:
    threshold, clear = table.number(comparison), table.number("clear")
    if threshold is None:
        return Condition(comparison)
    rising = comparison in _RISING
    if clear is not None and (clear > threshold if rising else clear < threshold):
        sign = "≤" if rising else "≥"
        table.wrong("clear", f"can never be reached: it must be {sign} {comparison} = {threshold:g}")
    return Condition(comparison, threshold=threshold, clear=clear)


def _outside(table: Table) -> Condition:
    bounds, clear = table.numbers("outside", 2), table.numbers("clear", 2)
    if bounds is None:
        return Condition(Comparison.OUTSIDE)
    low, high = bounds
    if clear is None:
        return Condition(Comparison.OUTSIDE, low=low, high=high)
    if not low <= clear[0] <= clear[1] <= high:
        table.wrong("clear", f"must lie inside outside = [{low:g}, {high:g}]")
    return Condition(Comparison.OUTSIDE, low=low, high=high, clear_low=clear[0], clear_high=clear[1])


def read_hold(table: Table) -> Hold:
    """`for = "5s"`, `{ count = 3 }` or `{ count = 3, of = 5 }`."""
    if not isinstance(table.content.get("for"), dict):
        return Hold(duration=table.duration("for", 0))
    inner = table.table("for")
    if inner is None:
        return Hold()
    inner.refuse_unknown({"count", "of"})
    if "count" not in inner:
        inner.broken("needs count: { count = 3 } or { count = 3, of = 5 }")
        return Hold()
    count = inner.integer("count", 1, least=1, most=_HISTORY)
    of = inner.integer("of", count, least=1, most=_HISTORY)
    if of < count:
        inner.wrong("of", f"must be at least count = {count}")
    return Hold(count=count, of=of)


def read_within(table: Table, hold: Hold) -> Within | None:
    """`within = "15m of deploy"`; "off" where the rule has it and a stage does not want it."""
    text = table.text("within")
    if text in ("", "off"):
        return None
    found = _WITHIN.fullmatch(text)
    if found is None:
        table.wrong("within", f'is written like "15m of deploy", not "{text[:60]}"')
        return None
    length = table.length_of("within", found["length"], 0, least=1, most=KEPT)
    if found["kind"] not in list(MarkKind):
        known = ", ".join(MarkKind)
        table.wrong("within", f"names a mark that is none of {known}{nearest(found['kind'], list(MarkKind))}")
        return None
    if length and hold.duration >= length:
        table.wrong("within", f"can never be met: for = {show_duration(hold.duration)} takes longer")
    return Within(length, MarkKind(found["kind"]))
