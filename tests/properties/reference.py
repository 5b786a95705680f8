"""What signals mean, written for clarity: every sample is kept, every series is looked at one by one.

Knows nothing of the engine: it reads the expression tree and follows Prometheus 3 (left-open ranges, stale markers)
and the four levels of presence as they are documented. `strict` is how rules read `scalar()`. `problems` counts what
Prometheus calls an error: several series where there may be one.
"""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from reference_ranges import Samples, over_range
from reference_rows import (
    FILTERED,
    MISSING,
    PRESENT,
    UNFED,
    Cell,
    Vector,
    absence,
    beside,
    computed,
    demanded,
    grouped,
    key_of,
    labels_of_match,
    matches,
    nameless,
    operated,
    paired,
    relabelled,
    written,
)
from reference_values import (
    AGGREGATE,
    COMPARE,
    arithmetic,
    histogram_fraction,
    histogram_quantile,
    quantile,
)

from rtmd.model.expr import (
    Aggregate,
    Binary,
    Call,
    Expr,
    Negate,
    Number,
    Range,
    Selector,
    Shift,
    String,
    Subquery,
    is_scalar,
)
from rtmd.model.labels import Labels

FIVE_MINUTES = 300_000
BOUND = r"[+-]?(\d+\.?\d*(e[+-]?\d+)?|Inf)"


def is_marker(value: float) -> bool:
    return struct.pack(">d", value) == bytes.fromhex("7ff0000000000002")


@dataclass
class Reference:
    """All samples of all series that ever appeared."""

    series: dict[Labels, dict[int, float]] = field(default_factory=dict)
    strict: bool = True
    problems: int = 0
    edges: tuple[int, int] = (0, 0)

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

    def evaluate(self, expr: Expr, at: int, edges: tuple[int, int] | None = None) -> Vector:
        self.problems = 0
        self.edges = edges or (at, at)
        return {(): self._number(expr, at)} if is_scalar(expr) else self._vector(expr, at)

    def _vector(self, expr: Expr, at: int) -> Vector:  # noqa: PLR0911  # one a kind of node
        match expr:
            case Selector():
                return {labels: self._instant(labels, self._seen(expr.shift, at)) for labels in self._select(expr)}
            case Call():
                return self._call(expr, at)
            case Aggregate():
                return self._aggregate(expr, at)
            case Negate(child=child):
                return self._one_each((nameless(labels), (p, -v)) for labels, (p, v) in self._vector(child, at).items())
            case Binary() if is_scalar(expr.left) or is_scalar(expr.right):
                return self._with_number(expr, at)
            case Binary(op="and" | "or" | "unless"):
                return self._set_operator(expr, at)
            case Binary():
                return self._matched(expr, at)
        raise AssertionError(expr)

    # -- samples

    def _select(self, selector: Selector) -> list[Labels]:
        return [labels for labels in self.series if all(matches(m, labels) for m in selector.matchers)]

    def _seen(self, shift: Shift, at: int) -> int:
        edges = {"start": self.edges[0], "end": self.edges[1], None: at}
        return (shift.at if isinstance(shift.at, int) else edges[shift.at]) - shift.back

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

    # -- functions

    def _call(self, expr: Call, at: int) -> Vector:  # noqa: PLR0911  # one a kind of function
        name, arguments = expr.function, expr.arguments
        if name == "absent_over_time":
            found = self._call(Call("last_over_time", arguments), at)  # names may differ
            return {demanded(arguments[0]): absence(found)}
        if any(isinstance(argument, Range | Subquery) for argument in arguments):
            return self._ranged(expr, at)
        if name == "vector":
            return {(): self._number(arguments[0], at)}
        if name == "timestamp":
            return self._timestamps(arguments[0], at)
        child = self._vector(next(each for each in arguments if not is_scalar(each)), at)
        numbers = [self._number(each, at) for each in arguments if is_scalar(each)]
        texts = [each.text for each in arguments if isinstance(each, String)]
        match name:
            case "absent":
                return {demanded(arguments[0]): absence(child)}
            case "sort" | "sort_desc":
                return child
            case "label_replace" | "label_join":
                return self._one_each((relabelled(name, labels, texts), cell) for labels, cell in child.items())
            case "histogram_quantile" | "histogram_fraction":
                return self._histograms(child, numbers)
            case _:
                cells = ((nameless(labels), computed(name, cell, numbers)) for labels, cell in child.items())
                return self._one_each(cells)

    def _timestamps(self, expr: Expr, at: int) -> Vector:
        result = []
        for labels, (presence, _) in self._vector(expr, at).items():
            time = at
            if isinstance(expr, Selector):
                newest = self._newest(labels, self._seen(expr.shift, at))
                time = newest[0] if newest else 0
            result.append((nameless(labels), (presence, time / 1000 if presence == PRESENT else math.nan)))
        return self._one_each(result)

    def _histograms(self, child: Vector, numbers: list[Cell]) -> Vector:
        groups: dict[Labels, list[tuple[str, Cell]]] = {}
        for labels, cell in child.items():
            key = tuple(pair for pair in labels if pair[0] != "le")
            groups.setdefault(key, []).append((dict(labels).get("le", ""), cell))
        result = []
        for key, cells in groups.items():
            known = [(float(le), cell) for le, cell in cells if re.fullmatch(BOUND, le)]
            levels = [p if re.fullmatch(BOUND, le) else min(p, MISSING) for le, (p, _) in cells]
            presence = max(levels)
            buckets = [(le, value) for le, (p, value) in known if p == PRESENT]
            for level, _ in numbers:
                presence = beside(presence, level)
            value = math.nan
            if presence == PRESENT:
                function: Callable[..., float] = histogram_quantile if len(numbers) == 1 else histogram_fraction
                value = function(*(number for _, number in numbers), buckets)
            result.append((nameless(key), (presence, value)))
        return self._one_each(result)

    def _ranged(self, expr: Call, at: int) -> Vector:
        ranged = next(each for each in expr.arguments if isinstance(each, Range | Subquery))
        numbers = [self._number(each, at) for each in expr.arguments if is_scalar(each)]
        rows = self._samples(ranged, at) if isinstance(ranged, Range) else self._steps(ranged, at)
        shift = ranged.selector.shift if isinstance(ranged, Range) else ranged.shift
        result = []
        for labels, (samples, otherwise) in rows.items():
            value = over_range(
                expr.function,
                samples,
                seen=self._seen(shift, at),
                window=ranged.window,
                at=at,
                numbers=tuple(number for _, number in numbers),
            )
            presence = otherwise if value is None else PRESENT
            for level, _ in numbers:
                presence = beside(presence, level)
            cell = (presence, value if presence == PRESENT and value is not None else math.nan)
            result.append((labels if expr.function == "last_over_time" else nameless(labels), cell))
        return self._one_each(result)

    def _samples(self, ranged: Range, at: int) -> dict[Labels, tuple[Samples, int]]:
        """For each series what lies in the range, and what it is without a result."""
        seen = self._seen(ranged.selector.shift, at)
        rows = {}
        for labels in self._select(ranged.selector):
            samples = [
                (time, value)
                for time, value in sorted(self.series[labels].items())
                if seen - ranged.window < time <= seen and not is_marker(value)
            ]
            alive = self._alive(labels, seen, max(ranged.window, FIVE_MINUTES))
            rows[labels] = (samples, MISSING if alive else UNFED)
        return rows

    def _steps(self, subquery: Subquery, at: int) -> dict[Labels, tuple[Samples, int]]:
        seen = self._seen(subquery.shift, at)
        steps = [time for time in range(seen - subquery.window + 1, seen + 1) if time % subquery.step == 0]
        vectors = {time: self._vector(subquery.child, time) for time in steps}
        problems = self.problems
        now = self._vector(subquery.child, seen)
        self.problems = problems
        rows = {}
        for labels in {**now, **{labels: None for vector in vectors.values() for labels in vector}}:
            cells = {time: vector.get(labels, (UNFED, math.nan)) for time, vector in vectors.items()}
            samples = [(time, value) for time, (presence, value) in cells.items() if presence == PRESENT]
            highest = max((presence for presence, _ in cells.values()), default=UNFED)
            if samples or (highest == UNFED and now.get(labels, (UNFED, 0))[0] != UNFED):
                highest = MISSING
            rows[labels] = (samples, highest)
        return rows

    # -- numbers

    def _number(self, expr: Expr, at: int) -> Cell:
        match expr:
            case Number(value=value):
                return PRESENT, value
            case Negate(child=child):
                presence, value = self._number(child, at)
                return presence, -value
            case Call(function="pi"):
                return PRESENT, math.pi
            case Call(function="time"):
                return PRESENT, at / 1000
            case Call(function="scalar", arguments=(vector,)):
                return self._scalar(self._vector(vector, at))
            case Binary(op=op, left=left, right=right):
                (one, a), (two, b) = self._number(left, at), self._number(right, at)
                value = float(COMPARE[op](a, b)) if op in COMPARE else arithmetic(op, a, b)
                presence = beside(one, two)
                return presence, value if presence == PRESENT else math.nan
        raise AssertionError(expr)

    def _scalar(self, vector: Vector) -> Cell:
        present = [cell for cell in vector.values() if cell[0] == PRESENT]
        if len(present) == 1:
            return present[0]
        level = MISSING if present else max((presence for presence, _ in vector.values()), default=UNFED)
        return level if self.strict else PRESENT, math.nan

    # -- aggregations

    def _aggregate(self, expr: Aggregate, at: int) -> Vector:
        child = self._vector(expr.child, at)
        groups: dict[Labels, list[Labels]] = {}
        for labels in child:
            groups.setdefault(grouped(expr, labels), []).append(labels)
        if expr.op == "count_values":
            return self._counted(expr, child)
        parameter = (PRESENT, 0.0) if expr.parameter is None else self._number(expr.parameter, at)
        if expr.op in ("topk", "bottomk"):
            return self._ranked(expr, child, groups, parameter)
        result: Vector = {}
        for key, members in groups.items():
            values = [child[labels][1] for labels in members if child[labels][0] == PRESENT]
            presence = beside(max(child[labels][0] for labels in members), parameter[0])
            value = math.nan
            if presence == PRESENT:
                value = quantile(parameter[1], values) if expr.op == "quantile" else AGGREGATE[expr.op](values)
            result[key] = presence, value
        return result

    def _ranked(self, expr: Aggregate, child: Vector, groups: dict[Labels, list[Labels]], wanted: Cell) -> Vector:
        result: Vector = {}
        sign = -1 if expr.op == "topk" else 1
        broken = not abs(wanted[1]) < 2**63
        self.problems += broken
        for members in groups.values():
            levels = {labels: beside(child[labels][0], wanted[0]) for labels in members}
            present = [labels for labels in members if levels[labels] == PRESENT]
            # NaN comes last; equal values stand in order of their labels.
            present.sort()
            present.sort(key=lambda labels: math.inf if math.isnan(child[labels][1]) else sign * child[labels][1])
            present.sort(key=lambda labels: math.isnan(child[labels][1]))
            best = [] if broken else present[: max(int(wanted[1]), 0)]
            for labels in members:
                level = levels[labels]
                if level == PRESENT and labels not in best:
                    level = MISSING if broken else FILTERED
                result[labels] = level, child[labels][1] if level == PRESENT else math.nan
        return {labels: result[labels] for labels in child}

    def _counted(self, expr: Aggregate, child: Vector) -> Vector:
        assert isinstance(expr.parameter, String)
        label = expr.parameter.text
        by = expr.labels if expr.without else (*expr.labels, label)
        counts: Counter[Labels] = Counter()
        for labels, (presence, value) in child.items():
            if presence == PRESENT:
                pairs = {**dict(labels), label: written(value)}
                counts[grouped(Aggregate(expr.op, expr.child, by, expr.without), tuple(sorted(pairs.items())))] += 1
        return {labels: (PRESENT, float(count)) for labels, count in counts.items()}

    # -- operators

    def _with_number(self, expr: Binary, at: int) -> Vector:
        first = is_scalar(expr.left)
        level, number = self._number(expr.left if first else expr.right, at)
        filters = expr.op in COMPARE and not expr.returns_bool
        result = []
        for labels, (presence, value) in self._vector(expr.right if first else expr.left, at).items():
            sides = (number, value) if first else (value, number)
            cell = operated(expr, beside(presence, level), sides, kept=value)
            result.append((labels if filters else nameless(labels), cell))
        return self._one_each(result)

    def _matched(self, expr: Binary, at: int) -> Vector:
        assert expr.matching is not None
        swapped = expr.matching.many == "right"
        lefts, rights = self._vector(expr.left, at), self._vector(expr.right, at)
        many, one = (rights, lefts) if swapped else (lefts, rights)
        keys = Counter(key_of(expr, labels) for labels, (presence, _) in one.items() if presence == PRESENT)
        self.problems += sum(count > 1 for count in keys.values())
        rows = []
        for theirs, other in one.items():
            level = MISSING if other[0] == PRESENT and keys[key_of(expr, theirs)] > 1 else other[0]
            for labels, cell in many.items():
                if key_of(expr, labels) != key_of(expr, theirs):
                    continue
                (left, a), (right, b) = ((level, other[1]), cell) if swapped else (cell, (level, other[1]))
                result = operated(expr, paired(left, right), (a, b), kept=a)
                rows.append((labels_of_match(expr, labels, theirs), result))
        return self._one_each(rows)

    def _set_operator(self, expr: Binary, at: int) -> Vector:
        lefts, rights = self._vector(expr.left, at), self._vector(expr.right, at)
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

    def _one_each(self, rows: Iterable[tuple[Labels, Cell]]) -> Vector:
        """Rows by label set; where several are present at once there is no telling which."""
        groups: dict[Labels, list[Cell]] = {}
        for labels, cell in rows:
            groups.setdefault(labels, []).append(cell)
        result: Vector = {}
        for labels, cells in groups.items():
            crowded = sum(cell[0] == PRESENT for cell in cells) > 1
            self.problems += crowded
            result[labels] = (MISSING, math.nan) if crowded else max(cells, key=lambda cell: cell[0])
        return result
