"""What becomes of one row: its labels and its level of presence, under every function and operator."""

from __future__ import annotations

import math
import re
from collections import Counter
from decimal import Decimal

from reference_values import (
    COMPARE,
    arithmetic,
    elementwise,
)

from rtmd.model.expr import (
    Aggregate,
    Binary,
    Expr,
    Range,
    Selector,
)
from rtmd.model.labels import Labels
from rtmd.model.matcher import Matcher

UNFED, MISSING, FILTERED, PRESENT = range(4)

Cell = tuple[int, float]  # presence, value
Vector = dict[Labels, Cell]


def nameless(labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] != "__name__")


def matches(matcher: Matcher, labels: Labels) -> bool:
    value = dict(labels).get(matcher.name, "")
    if matcher.op in ("=", "!="):
        return (value == matcher.value) == (matcher.op == "=")
    return bool(re.fullmatch(matcher.value, value)) == (matcher.op == "=~")


def paired(left: int, right: int) -> int:
    """Something that needs two sides."""
    return left if left == right else max(MISSING, min(left, right))


def beside(presence: int, number: int) -> int:
    """Something that needs a number."""
    return presence if number == PRESENT else paired(presence, number)


def absence(found: Vector) -> Cell:
    return (FILTERED, math.nan) if any(presence == PRESENT for presence, _ in found.values()) else (PRESENT, 1.0)


def demanded(expr: Expr) -> Labels:
    """The labels of an absence: those that the selector demands by one equality."""
    selector = expr.selector if isinstance(expr, Range) else expr
    if not isinstance(selector, Selector):
        return ()
    names = Counter(matcher.name for matcher in selector.matchers)
    pairs = ((m.name, m.value) for m in selector.matchers if m.op == "=" and names[m.name] == 1 and m.value)
    return nameless(tuple(sorted(pairs)))


def computed(name: str, cell: Cell, numbers: list[Cell]) -> Cell:
    presence = cell[0]
    for level, _ in numbers:
        presence = beside(presence, level)
    values = [number for _, number in numbers]
    if presence == PRESENT and name == "clamp" and values[0] > values[1]:
        presence = FILTERED
    return presence, elementwise(name, cell[1], *values) if presence == PRESENT else math.nan


def relabelled(name: str, labels: Labels, texts: list[str]) -> Labels:
    pairs = dict(labels)
    if name == "label_join":
        target, separator, *sources = texts
        pairs[target] = separator.join(pairs.get(source, "") for source in sources)
    else:
        target, template, source, pattern = texts
        found = re.fullmatch(pattern, pairs.get(source, ""))
        if found is None:
            return labels
        groups = int(re.compile(pattern).groups)
        pairs[target] = re.sub(
            r"\$(\d)", lambda number: ("", *found.groups(""))[int(number[1])] if groups else "", template
        )
    return tuple(sorted((key, value) for key, value in pairs.items() if value))


def grouped(expr: Aggregate, labels: Labels) -> Labels:
    dropped = {*expr.labels, "__name__"}
    return tuple(pair for pair in labels if (pair[0] not in dropped if expr.without else pair[0] in expr.labels))


def written(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def key_of(expr: Binary, labels: Labels) -> Labels:
    assert expr.matching is not None
    names = expr.matching.labels
    if expr.matching.on:
        return tuple(pair for pair in labels if pair[0] in names)
    return tuple(pair for pair in labels if pair[0] not in {*names, "__name__"})


def labels_of_match(expr: Binary, many: Labels, one: Labels) -> Labels:
    matching = expr.matching
    assert matching is not None
    kept = dict(many if expr.op in COMPARE and not expr.returns_bool else nameless(many))
    if matching.many:
        theirs = dict(one)
        kept |= {name: theirs.get(name, "") for name in matching.included}
    elif matching.on:
        kept = {name: value for name, value in kept.items() if name in matching.labels}
    else:
        kept = {name: value for name, value in kept.items() if name not in matching.labels}
    return tuple(sorted((name, value) for name, value in kept.items() if value))


def operated(expr: Binary, presence: int, sides: tuple[float, float], *, kept: float) -> Cell:
    if presence != PRESENT:
        return presence, math.nan
    if expr.op not in COMPARE:
        return PRESENT, arithmetic(expr.op, *sides)
    holds = COMPARE[expr.op](*sides)
    if expr.returns_bool:
        return PRESENT, float(holds)
    return (PRESENT, kept) if holds else (FILTERED, math.nan)
