"""What signals mean, written for clarity: every sample is kept, every series is looked at one by one.

Knows nothing of the engine: it reads the expression tree and follows Prometheus 3 (left-open ranges, stale markers,
`extrapolatedRate`) and the four levels of presence as they are documented.
"""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from rtmd.model.expr import Aggregate, Binary, Call, Expr, Negate, Number, Selector, is_scalar
from rtmd.model.labels import Labels
from rtmd.model.matcher import Matcher

UNFED, MISSING, FILTERED, PRESENT = range(4)
FIVE_MINUTES = 300_000

Cell = tuple[int, float]  # presence, value
Vector = dict[Labels, Cell]


def is_marker(value: float) -> bool:
    return struct.pack(">d", value) == bytes.fromhex("7ff0000000000002")


@dataclass
class Reference:
    """All samples of all series that ever appeared."""

    series: dict[Labels, dict[int, float]] = field(default_factory=dict)

    def apply(self, samples: list[tuple[Labels, int, float]], at: int, lateness: int = 60_000) -> Counter[str]:
        fates: Counter[str] = Counter()
        for labels, time, value in samples:
            known = self.series.setdefault(labels, {})
            if time < at - lateness:
                fates["late"] += 1
            elif time > at + 30_000:
                fates["future"] += 1
            elif time in known:
                fates["duplicate"] += 1
            else:
                known[time] = value
                fates["accepted"] += 1
        return fates

    def evaluate(self, expr: Expr, at: int) -> Vector:  # noqa: PLR0911  # one a kind of node
        match expr:
            case Selector():
                return {labels: self._instant(labels, at) for labels in self._select(expr)}
            case Call(selector=selector):
                keeps = expr.function == "last_over_time"
                rows = [(labels, self._ranged(expr, labels, at)) for labels in self._select(selector)]
                return one_each((labels if keeps else nameless(labels), cell) for labels, cell in rows)
            case Aggregate():
                return self._aggregate(expr, at)
            case Negate(child=child):
                return one_each((nameless(labels), (p, -v)) for labels, (p, v) in self.evaluate(child, at).items())
            case Binary() if is_scalar(expr.left) or is_scalar(expr.right):
                return self._with_number(expr, at)
            case Binary(op="and" | "or" | "unless"):
                return self._set_operator(expr, at)
            case Binary():
                return self._matched(expr, at)
        raise AssertionError(expr)

    def _select(self, selector: Selector) -> list[Labels]:
        return [labels for labels in self.series if all(matches(m, labels) for m in selector.matchers)]

    def _newest(self, labels: Labels, at: int) -> tuple[int, float] | None:
        times = [time for time in self.series[labels] if time <= at]
        return (max(times), self.series[labels][max(times)]) if times else None

    def _alive(self, labels: Labels, at: int, reach: int) -> bool:
        newest = self._newest(labels, at)
        return newest is not None and newest[0] > at - reach and not is_marker(newest[1])

    def _instant(self, labels: Labels, at: int) -> Cell:
        newest = self._newest(labels, at)
        if newest is None or not self._alive(labels, at, FIVE_MINUTES):
            return UNFED, math.nan
        return PRESENT, newest[1]

    def _ranged(self, call: Call, labels: Labels, at: int) -> Cell:
        samples = [
            (time, value)
            for time, value in sorted(self.series[labels].items())
            if at - call.window < time <= at and not is_marker(value)
        ]
        value = over_range(call.function, samples, at, call.window)
        if value is not None:
            return PRESENT, value
        return (MISSING if self._alive(labels, at, max(call.window, FIVE_MINUTES)) else UNFED), math.nan

    def _aggregate(self, expr: Aggregate, at: int) -> Vector:
        groups: dict[Labels, list[Cell]] = {}
        for labels, cell in self.evaluate(expr.child, at).items():
            dropped = {*expr.labels, "__name__"}
            key = tuple(pair for pair in labels if (pair[0] not in dropped if expr.without else pair[0] in expr.labels))
            groups.setdefault(key, []).append(cell)
        return {key: aggregated(expr.op, cells) for key, cells in groups.items()}

    def _with_number(self, expr: Binary, at: int) -> Vector:
        first = is_scalar(expr.left)
        result = []
        for labels, (presence, value) in self.evaluate(expr.right if first else expr.left, at).items():
            number = folded(expr.left if first else expr.right)
            sides = (number, value) if first else (value, number)
            filters = expr.op in COMPARE and not expr.returns_bool
            cell = operated(expr, presence, sides, kept=value)
            result.append((labels if filters else nameless(labels), cell))
        return one_each(result)

    def _matched(self, expr: Binary, at: int) -> Vector:
        filters = expr.op in COMPARE and not expr.returns_bool
        lefts: list[tuple[Labels, Cell]] = []
        for labels, cell in self.evaluate(expr.left, at).items():
            keeps_name = filters and not expr.matching.on
            key = key_of(expr, labels)
            named = tuple(sorted((*key, *(pair for pair in labels if pair[0] == "__name__")))) if keeps_name else key
            lefts.append((named, cell))
        rights = one_each((key_of(expr, labels), cell) for labels, cell in self.evaluate(expr.right, at).items())
        result: Vector = {}
        for labels, (left, value) in one_each(lefts).items():
            if key_of(expr, labels) not in rights:
                continue
            right, other = rights[key_of(expr, labels)]
            if left == right == PRESENT:
                presence = PRESENT
            elif left == right == UNFED:
                presence = UNFED
            else:
                presence = max(MISSING, min(left, right))
            result[labels] = operated(expr, presence, (value, other), kept=value)
        return result

    def _set_operator(self, expr: Binary, at: int) -> Vector:
        lefts, rights = self.evaluate(expr.left, at), self.evaluate(expr.right, at)
        if expr.op == "or":
            covered = {key_of(expr, labels) for labels, (presence, _) in lefts.items() if presence == PRESENT}
            result = dict(lefts)
            for labels, (presence, value) in rights.items():
                level = FILTERED if presence == PRESENT and key_of(expr, labels) in covered else presence
                if labels not in result or level > result[labels][0]:
                    result[labels] = level, value
            return result
        result = {}
        for labels, (presence, value) in lefts.items():
            partners = [p for other, (p, _) in rights.items() if key_of(expr, other) == key_of(expr, labels)]
            best = max(partners, default=FILTERED if expr.op == "and" else UNFED)
            kept = presence
            if presence == PRESENT and expr.op == "and":
                kept = {PRESENT: PRESENT, FILTERED: FILTERED}.get(best, MISSING)
            elif presence == PRESENT and best == PRESENT:
                kept = FILTERED
            result[labels] = kept, value
        return result


def nameless(labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] != "__name__")


def matches(matcher: Matcher, labels: Labels) -> bool:
    value = dict(labels).get(matcher.name, "")
    if matcher.op in ("=", "!="):
        return (value == matcher.value) == (matcher.op == "=")
    return bool(re.fullmatch(matcher.value, value)) == (matcher.op == "=~")


def one_each(rows: Iterable[tuple[Labels, Cell]]) -> Vector:
    """Rows by label set; where several are present at once there is no telling which."""
    groups: dict[Labels, list[Cell]] = {}
    for labels, cell in rows:
        groups.setdefault(labels, []).append(cell)
    result: Vector = {}
    for labels, cells in groups.items():
        present = [cell for cell in cells if cell[0] == PRESENT]
        result[labels] = (MISSING, math.nan) if len(present) > 1 else max(cells, key=lambda cell: cell[0])
    return result


def key_of(expr: Binary, labels: Labels) -> Labels:
    names = expr.matching.labels
    if expr.matching.on:
        return tuple(pair for pair in labels if pair[0] in names)
    return tuple(pair for pair in labels if pair[0] not in {*names, "__name__"})


def folded(expr: Expr) -> float:
    match expr:
        case Number(value=value):
            return value
        case Negate(child=child):
            return -folded(child)
        case Binary(op=op, left=left, right=right):
            return arithmetic(op, folded(left), folded(right))
    raise AssertionError(expr)


COMPARE = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}


def operated(expr: Binary, presence: int, sides: tuple[float, float], *, kept: float) -> Cell:
    if presence != PRESENT:
        return presence, math.nan
    if expr.op not in COMPARE:
        return PRESENT, arithmetic(expr.op, *sides)
    holds = COMPARE[expr.op](*sides)
    if expr.returns_bool:
        return PRESENT, float(holds)
    return (PRESENT, kept) if holds else (FILTERED, math.nan)


ARITHMETIC = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.fmod, "^": np.power}


def arithmetic(op: str, a: float, b: float) -> float:
    with np.errstate(all="ignore"):
        return float(ARITHMETIC[op](np.float64(a), np.float64(b)))


def total(values: list[float]) -> float:
    result = 0.0
    for value in values:
        result += value
    return result


def smallest(values: list[float]) -> float:
    numbers = [value for value in values if not math.isnan(value)]
    return min(numbers) if numbers else math.nan


def greatest(values: list[float]) -> float:
    return -smallest([-value for value in values])


def aggregated(op: str, cells: list[Cell]) -> Cell:
    values = [value for presence, value in cells if presence == PRESENT]
    if not values:
        return max(presence for presence, _ in cells), math.nan
    match op:
        case "sum":
            return PRESENT, total(values)
        case "avg":
            return PRESENT, total(values) / len(values)
        case "min":
            return PRESENT, smallest(values)
        case "max":
            return PRESENT, greatest(values)
        case "count":
            return PRESENT, float(len(values))
    raise AssertionError(op)


OVER_RANGE = {
    "last_over_time": lambda values: values[-1],
    "avg_over_time": lambda values: total(values) / len(values),
    "sum_over_time": total,
    "count_over_time": lambda values: float(len(values)),
    "min_over_time": smallest,
    "max_over_time": greatest,
}


def over_range(function: str, samples: list[tuple[int, float]], at: int, window: int) -> float | None:
    values = [value for _, value in samples]
    if function in ("rate", "increase", "delta"):
        return extrapolated(function, samples, at, window) if len(samples) > 1 else None
    return OVER_RANGE[function](values) if samples else None


def extrapolated(function: str, samples: list[tuple[int, float]], at: int, window: int) -> float:
    """`extrapolatedRate` of Prometheus 3, promql/functions.go."""
    (first_time, first), (last_time, last) = samples[0], samples[-1]
    result = last - first
    if function != "delta":
        previous = first
        for _, value in samples[1:]:
            if value < previous:
                result += previous
            previous = value
    to_start = (first_time - (at - window)) / 1000
    to_end = (at - last_time) / 1000
    sampled = (last_time - first_time) / 1000
    average = sampled / (len(samples) - 1)
    if to_start >= average * 1.1:
        to_start = average / 2
    if function != "delta" and result > 0 and first >= 0:
        to_start = min(to_start, sampled * (first / result))
    if to_end >= average * 1.1:
        to_end = average / 2
    factor = (sampled + to_start + to_end) / sampled
    return result * (factor / (window / 1000) if function == "rate" else factor)
