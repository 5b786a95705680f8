"""Nodes that look at several rows at once: `topk`, the "one" side of a match, `count_values`, classic histograms.

`topk` and `bottomk` keep rows as they are: what is not among the first is FILTERED. `count_values` has a row for each
value it ever saw in a group, at most 10,000 in all (then new values are left out, and `problems` tells); while other
values are counted in its group such a row is FILTERED. A histogram's row is PRESENT with its first bucket.
"""

# ruff: noqa: D102  # what the methods of a node promise stands once, in Node

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from rtmd.engine.growing import Growing
from rtmd.engine.histograms import Buckets, fractions, quantiles
from rtmd.engine.nodes import AnyOf, Grouped, Key, Left, Node, beside, distinct, grow_above, highest, nameless
from rtmd.engine.presence import FILTERED, MISSING, PRESENT, Column, Levels, column
from rtmd.formats.batch import Ids
from rtmd.model.labels import Labels, get, labels_of, show

_MOST = 10_000
_LIMIT = float(1 << 63)


class InGroups(Node):
    """The rows of the child, each judged by what else is in its group in `keys`."""

    def __init__(self, child: Node, keys: AnyOf, *others: Node) -> None:
        super().__init__(child, keys, *others)
        self._child = child
        self._keys = keys
        self.name_varies = child.name_varies

    @property
    def size(self) -> int:
        return self._child.size

    def labels(self, row: int) -> Labels:
        return self._child.labels(row)

    def touched(self, series: Ids) -> Ids:
        return distinct(np.sort(self._keys.members(self._keys.touched(series))[0]))

    def feeding(self, rows: Ids) -> Ids:
        return self._child.feeding(rows)

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        if rows is None:
            child = self._child.evaluate(at)
            return column(child.values, self._judge(child, None, self._keys.group, self._keys.size, at=at))
        # All rows of the groups that these rows are in; then these rows among them.
        groups = np.unique(self._keys.group[rows])
        members, place = self._keys.members(groups)
        child = self._child.evaluate(at, members)
        levels = self._judge(child, members, place, len(groups), at=at)
        order = np.argsort(members)
        found = order[np.searchsorted(members, rows, sorter=order)]
        return column(child.values, levels).take(found)

    def shrink(self, left: Left) -> Ids | None:
        return left[self._child]

    def _judge(self, child: Column, rows: Ids | None, group: Ids, groups: int, *, at: int) -> Levels:
        """What becomes of the presence of each of these rows (None: all), of whole groups."""
        raise NotImplementedError


class Lone(InGroups):
    """Rows that must be alone in their group: where several are PRESENT, all are MISSING, and a problem."""

    fallible = True

    def __init__(self, child: Node, keys: AnyOf, role: str) -> None:
        super().__init__(child, keys)
        self._role = role
        self._crowded: list[Labels] = []

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        if self._keys.size == self._child.size:
            return self._child.evaluate(at, rows)
        return super().evaluate(at, rows)

    def _judge(self, child: Column, rows: Ids | None, group: Ids, groups: int, *, at: int) -> Levels:
        del at
        there = child.presence == PRESENT
        crowded = np.bincount(group[there], minlength=groups) > 1
        if rows is None:
            self._crowded = [self._keys.labels(int(row)) for row in np.flatnonzero(crowded)]
        return np.where(crowded[group] & there, MISSING, child.presence)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for labels in self._crowded:
            yield f"{self._role}: several series are {show(labels)} at the same time"


class Ranked(InGroups):
    """`topk`, `bottomk`: NaN comes last; equal values stand in order of their labels."""

    fallible = True

    def __init__(self, child: Node, keys: AnyOf, parameter: Node, *, top: bool) -> None:
        super().__init__(child, keys, parameter)
        self._parameter = parameter
        self._top = top
        self._problem = ""
        self._names: Ids = np.empty(0, np.int64)

    def shrink(self, left: Left) -> Ids | None:
        self._names = np.empty(0, np.int64)
        return super().shrink(left)

    def _ranks(self) -> Ids:
        """The place of each row in order of labels."""
        if len(self._names) != self.size:
            self._names = np.empty(self.size, np.int64)
            self._names[sorted(range(self.size), key=self.labels)] = np.arange(self.size)
        return self._names

    def touched(self, series: Ids) -> Ids:
        return np.arange(self.size) if len(self._parameter.touched(series)) else super().touched(series)

    def _judge(self, child: Column, rows: Ids | None, group: Ids, groups: int, *, at: int) -> Levels:
        parameter = self._parameter.evaluate(at)
        wanted = float(parameter.values[0])
        self._problem = "" if abs(wanted) < _LIMIT else f"{'topk' if self._top else 'bottomk'} of {wanted} rows"
        levels = beside(child.presence, parameter)
        if self._problem:
            return np.where(levels == PRESENT, MISSING, levels)
        there = np.flatnonzero(levels == PRESENT)
        values, mine = child.values[there], group[there]
        names = self._ranks()[there if rows is None else rows[there]]
        order = np.lexsort((names, -values if self._top else values, np.isnan(values), mine))
        counts = np.bincount(mine, minlength=groups)
        place = np.arange(len(there)) - np.repeat(np.cumsum(counts) - counts, counts)
        levels = levels.copy()
        levels[there[order[place >= int(wanted)]]] = FILTERED
        return levels

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self._problem:
            yield self._problem


class CountValues(Node):
    """A row for each value in each group; `keys` groups the child's rows by the other labels of the result."""

    fallible = True

    def __init__(self, child: Node, keys: AnyOf, key: Key, label: str) -> None:
        super().__init__(child, keys)
        self.unsettled = True
        self._child = child
        self._keys = keys
        self._key = key
        self._label = label
        self._forget()

    def _forget(self) -> None:
        self._names: list[Labels] = []
        self._rows: dict[Labels, int] = {}
        self._group = Growing()
        self._known: dict[tuple[int, float], int] = {}  # child's row and value → row
        self._full = False

    def shrink(self, left: Left) -> None:
        del left
        self._forget()  # the next evaluation finds the values that there are

    @property
    def size(self) -> int:
        return len(self._names)

    def labels(self, row: int) -> Labels:
        return self._names[row]

    def reveal(self, at: int) -> None:
        super().reveal(at)
        before = self.size
        child = self._child.evaluate(at)
        for row in np.flatnonzero(child.presence == PRESENT).tolist():
            self._row(row, float(child.values[row]))
        if self.size > before:
            grow_above([self])

    def _row(self, row: int, value: float) -> int:
        """The row that counts a value of a row of the child, −1 where there is no room for a new one."""
        known = self._known.get((row, value))
        if known is not None:
            return known
        labels = self._key(labels_of({**dict(self._child.labels(row)), self._label: written(value)}))
        found = self._rows.get(labels, -1)
        if found < 0:
            if self.size >= _MOST:
                self._full = True
                return -1
            found = self._rows[labels] = self.size
            self._names.append(labels)
            self._group.append(int(self._keys.group[row]))
        if value == value and len(self._known) < 10 * _MOST:  # noqa: PLR0124  # NaN is never found again
            self._known[row, value] = found
        return found

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        child = self._child.evaluate(at)
        there = np.flatnonzero(child.presence == PRESENT).tolist()
        found = np.array([self._row_known(row, float(child.values[row])) for row in there], np.int64)
        counts = np.bincount(found[found >= 0], minlength=self.size)[: self.size].astype(np.float64)
        groups = highest(child.presence, self._keys.group, self._keys.size)
        levels = np.where(groups == PRESENT, FILTERED, groups)[self._group.view]
        whole = column(counts, np.where(counts > 0, PRESENT, levels))
        return whole if rows is None else whole.take(rows)

    def _row_known(self, row: int, value: float) -> int:
        labels = self._key(labels_of({**dict(self._child.labels(row)), self._label: written(value)}))
        return self._known.get((row, value), self._rows.get(labels, -1))

    def touched(self, series: Ids) -> Ids:
        return np.flatnonzero(np.isin(self._group.view, self._keys.touched(series)))

    def feeding(self, rows: Ids) -> Ids:
        return self._keys.feeding(np.unique(self._group.view[rows]))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self._full:
            yield f"count_values has seen {_MOST:,} values: others are not counted"


def written(value: float) -> str:
    """A value as Prometheus writes it into a label: never with an exponent."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return format(Decimal(repr(value)), "f").removesuffix(".0")


class Histogram(Grouped):
    """`histogram_quantile` (one number) and `histogram_fraction` (two) of classic buckets."""

    def __init__(self, child: Node, key: Key, parameters: tuple[Node, ...]) -> None:
        super().__init__(child, key, *parameters)
        self._parameters = parameters
        self._bounds: list[float] = []
        self.name_varies = child.name_varies

    def labels(self, row: int) -> Labels:
        return nameless(super().labels(row))

    def grow(self) -> None:
        super().grow()
        self._grow_bounds()

    def shrink(self, left: Left) -> Ids | None:
        rows = left[self._child]
        self._bounds = [] if rows is None else [self._bounds[row] for row in rows.tolist()]
        return super().shrink(left)

    def _grow_bounds(self) -> None:
        for row in range(len(self._bounds), self._child.size):
            self._bounds.append(bound_of(get(self._child.labels(row), "le")))

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        members, group, groups = self._gather(at, rows)
        bounds = np.array(self._bounds, np.float64)
        if rows is not None:
            bounds = bounds[self.members(rows)[0]]
        some = (members.presence == PRESENT) & ~np.isnan(bounds)
        buckets = Buckets(bounds[some], members.values[some], group[some], groups)
        levels = highest(
            np.where(np.isnan(bounds), np.minimum(members.presence, MISSING), members.presence), group, groups
        )
        parameters = [parameter.evaluate(at) for parameter in self._parameters]
        numbers = [float(parameter.values[0]) for parameter in parameters]
        for parameter in parameters:
            levels = beside(levels, parameter)
        values = quantiles(buckets, numbers[0]) if len(numbers) == 1 else fractions(buckets, numbers[0], numbers[1])
        return column(values, levels)

    def touched(self, series: Ids) -> Ids:
        if any(len(parameter.touched(series)) for parameter in self._parameters):
            return np.arange(self.size)
        return super().touched(series)


def bound_of(text: str) -> float:
    """The upper bound that a label `le` says, NaN for none."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan
