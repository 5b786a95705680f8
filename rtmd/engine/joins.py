"""Operators: with a number, and between two vectors: arithmetic and comparison, `and`, `unless`, `or`.

Rows of two vectors find each other by a key: the labels named by `on`, or all but those named by `ignoring`, never
the metric's name. What becomes of two presences is said by the tables in `presence`.

Arithmetic and comparison pair every row of one side with every row of the other that has its key: `Paired`. The "one"
side is `Lone` by the key, and the results are `Unique`: so only rows that are PRESENT at the same instant are in each
other's way, and with `group_left (node)` a series may move to another node.

One corner is lenient: in `left > ignoring (…) right` (no `bool`) left rows that differ in the metric's name alone are
rows of their own, since that filter keeps the name; Prometheus calls two of them at one instant an error.
"""

# ruff: noqa: D102  # what the methods of a node promise stands once, in Node

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rtmd.engine.functions import ARITHMETIC, COMPARISONS
from rtmd.engine.growing import Growing
from rtmd.engine.nodes import NAME, AnyOf, Key, Left, Node
from rtmd.engine.presence import FILTERED, PAIRED, PRESENT, UNFED, Column, Levels, column
from rtmd.formats.batch import Ids, Values
from rtmd.model.expr import Many, Matching
from rtmd.model.labels import Labels, labels_of, only, without


class Operation(Struct, frozen=True):
    """An arithmetic operator or comparison; without `returns_bool` a comparison is a filter."""

    sign: str
    returns_bool: bool = False

    @property
    def filters(self) -> bool:
        """Whether it takes rows away and leaves their labels and values alone."""
        return self.sign in COMPARISONS and not self.returns_bool

    def columns(self, left: Values, right: Values, *, kept: Values, presence: Levels) -> Column:
        """The operation on values that have this presence; a filter lets `kept` through."""
        if self.sign in ARITHMETIC:
            return column(ARITHMETIC[self.sign](left, right), presence)
        holds: NDArray[np.bool_] = COMPARISONS[self.sign](left, right)
        if self.returns_bool:
            return column(holds.astype(np.float64), presence)
        return column(kept, np.where((presence == PRESENT) & ~holds, FILTERED, presence))

    def with_number(self, *, first: bool) -> Callable[[Column, np.float64], Column]:
        """The operation between a column and a number, which stands `first` or second."""

        def change(child: Column, number: np.float64) -> Column:
            left, right = (number, child.values) if first else (child.values, number)
            return self.columns(left, right, kept=child.values, presence=child.presence)  # type: ignore[arg-type]

        return change


def matching_key(matching: Matching) -> Key:
    """What two rows must share to be matched."""
    named = frozenset(matching.labels)
    if matching.on:
        return lambda labels: only(labels, named)
    return lambda labels: without(labels, named | NAME)


def result_labels(matching: Matching, operation: Operation) -> Callable[[Labels, Labels], Labels]:
    """The labels of a result, from those of its two rows: the "many" side's (or the left one's) first."""
    named, included = frozenset(matching.labels), frozenset(matching.included)
    dropped = frozenset() if operation.filters else NAME

    def alone(many: Labels, one: Labels) -> Labels:
        del one
        labels = without(many, dropped)
        return only(labels, named) if matching.on else without(labels, named)

    def grouped(many: Labels, one: Labels) -> Labels:
        return labels_of((*without(many, dropped | included), *only(one, included)))

    return grouped if matching.many else alone


class Paired(Node):
    """A row for each pair of rows, one of each side, that share a key."""

    def __init__(self, many: Node, one: Node, matching: Matching, operation: Operation) -> None:
        super().__init__(many, one)
        self._sides = (many, one)
        self._key = matching_key(matching)
        self._labels = result_labels(matching, operation)
        self._operation = operation
        self._swapped = matching.many is Many.RIGHT
        self.name_varies = operation.filters or "__name__" in matching.included
        self._forget()

    def _forget(self) -> None:
        self._parts = (Growing(), Growing())  # by row: the row on each side
        self._by_key: tuple[defaultdict[Labels, list[int]], ...] = (defaultdict(list), defaultdict(list))
        self._rows_of: tuple[defaultdict[int, list[int]], ...] = (defaultdict(list), defaultdict(list))
        self._seen = [0, 0]

    @property
    def size(self) -> int:
        return len(self._parts[0])

    def labels(self, row: int) -> Labels:
        many, one = (side.labels(int(part.view[row])) for side, part in zip(self._sides, self._parts, strict=True))
        return self._labels(many, one)

    def grow(self) -> None:
        for this, side in enumerate(self._sides):
            for row in range(self._seen[this], side.size):
                key = self._key(side.labels(row))
                self._by_key[this][key].append(row)
                for other in self._by_key[1 - this].get(key, ()):
                    self._pair(*((row, other) if this == 0 else (other, row)))
            self._seen[this] = side.size

    def shrink(self, left: Left) -> None:
        del left
        self._forget()
        self.grow()

    def _pair(self, many: int, one: int) -> None:
        row = self.size
        for theirs, part, rows_of in zip((many, one), self._parts, self._rows_of, strict=True):
            rows_of[theirs].append(row)
            part.append(theirs)

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        many, one = (
            side.evaluate(at).take(part.view) if rows is None else side.evaluate(at, part.view[rows])
            for side, part in zip(self._sides, self._parts, strict=True)
        )
        left, right = (one, many) if self._swapped else (many, one)
        presence = PAIRED[left.presence, right.presence]
        return self._operation.columns(left.values, right.values, kept=left.values, presence=presence)

    def touched(self, series: Ids) -> Ids:
        rows = {
            row
            for side, rows_of in zip(self._sides, self._rows_of, strict=True)
            for theirs in side.touched(series).tolist()
            for row in rows_of.get(theirs, ())
        }
        return np.array(sorted(rows), np.int64)

    def feeding(self, rows: Ids) -> Ids:
        many, one = (side.feeding(part.view[rows]) for side, part in zip(self._sides, self._parts, strict=True))
        return np.union1d(many, one)


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
        self._forget()

    def _forget(self) -> None:
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

    def shrink(self, left: Left) -> Ids | None:
        self._forget()
        self.grow()
        return left[self._left]

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
        self._forget()

    def _forget(self) -> None:
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

    def shrink(self, left: Left) -> None:
        del left
        self._forget()
        self.grow()

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
