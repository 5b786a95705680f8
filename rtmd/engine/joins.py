"""Operators: with a number, and between two vectors: one-to-one arithmetic and comparison, `and`, `unless`, `or`.

Rows of two vectors find each other by a key: the labels named by `on`, or all but those named by `ignoring`, never
the metric's name. What becomes of two presences is said by the tables in `presence`.

One corner is lenient: in `left > ignoring (…) right` (no `bool`) left rows that differ in the metric's name alone are
rows of their own, since that filter keeps the name; Prometheus calls two of them at one instant an error.
"""

# ruff: noqa: D102  # what the methods of a node promise stands once, in Node

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.functions import ARITHMETIC, COMPARISONS
from rtmd.engine.growing import Growing
from rtmd.engine.nodes import NAME, AnyOf, Key, Node, Unique
from rtmd.engine.presence import FILTERED, PAIRED, PRESENT, UNFED, Column, Levels, column
from rtmd.formats.batch import Ids, Values
from rtmd.model.expr import Matching
from rtmd.model.labels import Labels, only, without

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Operation:
    """An arithmetic operator or comparison; without `returns_bool` a comparison is a filter."""

    sign: str
    returns_bool: bool = False

    @property
    def filters(self) -> bool:
        """Whether it takes rows away and leaves their labels and values alone."""
        return self.sign in COMPARISONS and not self.returns_bool

    def number(self, left: float, right: float) -> float:
        """The operation on two numbers; a comparison gives 0 or 1."""
        operation = ARITHMETIC.get(self.sign) or COMPARISONS[self.sign]
        with np.errstate(all="ignore"):
            return float(operation(np.float64(left), np.float64(right)))

    def columns(self, left: Values, right: Values, *, kept: Values, presence: Levels) -> Column:
        """The operation on values that have this presence; a filter lets `kept` through."""
        if self.sign in ARITHMETIC:
            return column(ARITHMETIC[self.sign](left, right), presence)
        holds: NDArray[np.bool_] = COMPARISONS[self.sign](left, right)
        if self.returns_bool:
            return column(holds.astype(np.float64), presence)
        return column(kept, np.where((presence == PRESENT) & ~holds, FILTERED, presence))

    def with_number(self, number: float, *, first: bool) -> Callable[[Column], Column]:
        """The operation between a column and a number, which stands `first` or second."""

        def change(child: Column) -> Column:
            other = np.float64(number)
            left, right = (other, child.values) if first else (child.values, other)
            return self.columns(left, right, kept=child.values, presence=child.presence)  # type: ignore[arg-type]

        return change


def matching_key(matching: Matching) -> Key:
    """What two rows must share to be matched."""
    named = frozenset(matching.labels)
    if matching.on:
        return lambda labels: only(labels, named)
    return lambda labels: without(labels, named | NAME)


def result_key(matching: Matching, operation: Operation) -> Key:
    """The labels of the result, from those of its left row."""
    named = frozenset(matching.labels)
    if operation.filters and not matching.on:
        return lambda labels: without(labels, named)
    return matching_key(matching)


class Matched(Node):
    """One-to-one: a row for each label set of the result that ever had a row on both sides.

    `left` is unique by `result_key`, `right` by `matching_key`.
    """

    def __init__(self, left: Unique, right: Unique, key: Key, operation: Operation) -> None:
        super().__init__(left, right)
        self._left = left
        self._right = right
        self._key = key
        self._operation = operation
        self.name_varies = operation.filters
        self._left_row, self._right_row = Growing(), Growing()  # by row
        self._by_key: defaultdict[Labels, list[int]] = defaultdict(list)  # rows of the left side
        self._row_of_left: dict[int, int] = {}
        self._rows_of_right: defaultdict[int, list[int]] = defaultdict(list)
        self._seen = (0, 0)

    @property
    def size(self) -> int:
        return len(self._left_row)

    def labels(self, row: int) -> Labels:
        return self._left.labels(int(self._left_row.view[row]))

    def grow(self) -> None:
        lefts, rights = self._seen
        self._seen = self._left.size, self._right.size
        for left in range(lefts, self._left.size):
            key = self._key(self._left.labels(left))
            self._by_key[key].append(left)
            right = self._right.row_of(key)
            if 0 <= right < rights:
                self._pair(left, right)
        for right in range(rights, self._right.size):
            for left in self._by_key.get(self._right.labels(right), ()):
                self._pair(left, right)

    def _pair(self, left: int, right: int) -> None:
        self._row_of_left[left] = self.size
        self._rows_of_right[right].append(self.size)
        self._left_row.append(left)
        self._right_row.append(right)

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        left_row, right_row = self._left_row.view, self._right_row.view
        if rows is None:
            left, right = self._left.evaluate(at).take(left_row), self._right.evaluate(at).take(right_row)
        else:
            left, right = self._left.evaluate(at, left_row[rows]), self._right.evaluate(at, right_row[rows])
        presence = PAIRED[left.presence, right.presence]
        return self._operation.columns(left.values, right.values, kept=left.values, presence=presence)

    def touched(self, series: Ids) -> Ids:
        lefts, rights = self._left.touched(series).tolist(), self._right.touched(series).tolist()
        rows = {self._row_of_left[left] for left in lefts if left in self._row_of_left}
        rows.update(row for right in rights if right in self._rows_of_right for row in self._rows_of_right[right])
        return np.array(sorted(rows), np.int64)

    def feeding(self, rows: Ids) -> Ids:
        left, right = self._left_row.view[rows], self._right_row.view[rows]
        return np.union1d(self._left.feeding(left), self._right.feeding(right))


def _levels(node: Node, at: int, rows: Ids, absent: np.uint8) -> Levels:
    """The presence of rows that may be −1: those are `absent`."""
    levels = np.full(len(rows), absent)
    known = rows >= 0
    distinct, place = np.unique(rows[known], return_inverse=True)
    if len(distinct):
        levels[known] = node.evaluate(at, distinct).presence[place]
    return levels


class Partners(Node):
    """The rows of `left`, and for each whether anything in `right` shares its key.

    Both sides are grouped by the same key; this is what `and`, `unless` and `or` have in common.
    """

    def __init__(self, left: Node, left_keys: AnyOf, right_keys: AnyOf) -> None:
        super().__init__(left, left_keys, right_keys)
        self._left = left
        self._left_keys = left_keys
        self._right_keys = right_keys
        self._partner = Growing()  # of each left key: the row of the right key, or −1
        self._rights = 0

    @property
    def size(self) -> int:
        return self._left.size

    def labels(self, row: int) -> Labels:
        return self._left.labels(row)

    def grow(self) -> None:
        for row in range(len(self._partner), self._left_keys.size):
            self._partner.append(self._right_keys.row_of(self._left_keys.labels(row)))
        for right in range(self._rights, self._right_keys.size):
            left = self._left_keys.row_of(self._right_keys.labels(right))
            if left >= 0:
                self._partner.view[left] = right
        self._rights = self._right_keys.size

    def partner(self, at: int, rows: Ids | None, absent: np.uint8) -> Levels:
        """The presence of what stands on the other side of these rows."""
        groups = self._left_keys.group if rows is None else self._left_keys.group[rows]
        partners = self._partner.view[groups]
        if rows is not None:
            return _levels(self._right_keys, at, partners, absent)
        levels = np.append(self._right_keys.evaluate(at).presence, absent)  # index −1 is the last
        return levels[partners]

    def touched(self, series: Ids) -> Ids:
        rights = self._right_keys.touched(series)
        groups = np.flatnonzero(np.isin(self._partner.view, rights)) if len(rights) else rights
        return np.union1d(self._left.touched(series), self._left_keys.members(groups)[0])

    def feeding(self, rows: Ids) -> Ids:
        partners = self._partner.view[self._left_keys.group[rows]]
        return np.union1d(self._left.feeding(rows), self._right_keys.feeding(np.unique(partners[partners >= 0])))


class Kept(Partners):
    """`and`, `unless`: the left rows, kept or filtered by what stands on the right, as `table` says."""

    def __init__(self, left: Node, left_keys: AnyOf, right_keys: AnyOf, table: Levels) -> None:
        super().__init__(left, left_keys, right_keys)
        self._table = table
        self.name_varies = left.name_varies

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        left = self._left.evaluate(at, rows)
        # A right side that never had such a row says no as clearly as one that was filtered.
        return column(left.values, self._table[left.presence, self.partner(at, rows, FILTERED)])


class Uncovered(Partners):
    """The right side of `or`: a row is filtered while a row of the other side with the same key is PRESENT."""

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        mine = self._left.evaluate(at, rows)
        covered = (mine.presence == PRESENT) & (self.partner(at, rows, UNFED) == PRESENT)
        return column(mine.values, np.where(covered, FILTERED, mine.presence))

    def feeding(self, rows: Ids) -> Ids:
        return self._left.feeding(rows)


class United(Node):
    """`or`: the rows of the left side and those of the right that nothing covers; equal label sets are one row."""

    def __init__(self, left: Node, right: Uncovered) -> None:
        super().__init__(left, right)
        self.name_varies = True
        self._rows: dict[Labels, int] = {}
        self._names: list[Labels] = []
        self._parts = (Growing(), Growing())  # by row: the row on each side, or −1
        self._row_of = (Growing(), Growing())  # by row of each side: the row

    @property
    def size(self) -> int:
        return len(self._names)

    def labels(self, row: int) -> Labels:
        return self._names[row]

    def grow(self) -> None:
        for side, (child, row_of) in enumerate(zip(self.children, self._row_of, strict=True)):
            for theirs in range(len(row_of), child.size):
                labels = child.labels(theirs)
                row = self._rows.setdefault(labels, self.size)
                if row == self.size:
                    self._names.append(labels)
                    for part in self._parts:
                        part.append(-1)
                self._parts[side].view[row] = theirs
                row_of.append(row)

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        left, right = (self._part(side, at, rows) for side in (0, 1))
        first = left.presence >= right.presence
        return Column(np.where(first, left.values, right.values), np.where(first, left.presence, right.presence))

    def _part(self, side: int, at: int, rows: Ids | None) -> Column:
        theirs = self._parts[side].view if rows is None else self._parts[side].view[rows]
        known = theirs >= 0
        values, presence = np.full(len(theirs), np.nan), np.full(len(theirs), UNFED)
        found = self.children[side].evaluate(at, None if rows is None else theirs[known])
        if rows is None:
            found = found.take(theirs[known])
        values[known], presence[known] = found.values, found.presence
        return Column(values, presence)

    def touched(self, series: Ids) -> Ids:
        left, right = (of.view[child.touched(series)] for child, of in zip(self.children, self._row_of, strict=True))
        return np.union1d(left, right)

    def feeding(self, rows: Ids) -> Ids:
        theirs = (part.view[rows] for part in self._parts)
        left, right = (child.feeding(row[row >= 0]) for child, row in zip(self.children, theirs, strict=True))
        return np.union1d(left, right)
