"""Numbers, and vectors of one row that depend on no series alone: literals, `time()`, `scalar()`, `absent()`.

A number is a node of one row without labels. `scalar()` of anything but one row is NaN in a query, as in Prometheus.
In a rule that would turn a dead feed into a false condition, so there (`strict`) the row is as absent as what stands
below it: UNFED, MISSING or FILTERED, and MISSING where several rows are PRESENT. `absent()` is PRESENT where its
argument has no result, FILTERED otherwise, and never anything else.
"""

# ruff: noqa: D102  # what the methods of a node promise stands once, in Node

from __future__ import annotations

import numpy as np

from rtmd.engine.nodes import Left, Node
from rtmd.engine.presence import FILTERED, MISSING, PRESENT, UNFED, Column, column
from rtmd.formats.batch import Ids
from rtmd.model.labels import Labels

_NO_SERIES = np.empty(0, np.int64)
_ROW = np.zeros(1, np.int64)


class Single(Node):
    """One row, `named` like this."""

    def __init__(self, *children: Node, named: Labels = ()) -> None:
        super().__init__(*children)
        self._named = named

    @property
    def size(self) -> int:
        return 1

    def labels(self, row: int) -> Labels:
        del row
        return self._named

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        one = self._one(at)
        return one if rows is None or len(rows) == 1 else one.take(rows)

    def _one(self, at: int) -> Column:
        raise NotImplementedError

    def shrink(self, left: Left) -> Ids:
        del left
        return _ROW

    def touched(self, series: Ids) -> Ids:
        return _ROW if any(len(child.touched(series)) for child in self.children) else _NO_SERIES

    def feeding(self, rows: Ids) -> Ids:
        if not len(rows) or not self.children:
            return _NO_SERIES
        child = self.children[0]
        return child.feeding(np.arange(child.size))


class Literal(Single):
    """A number."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self._column = Column(np.array([value]), np.array([PRESENT]))

    def _one(self, at: int) -> Column:
        del at
        return self._column


class Now(Single):
    """`time()`: seconds."""

    def _one(self, at: int) -> Column:
        return Column(np.array([at / 1000]), np.array([PRESENT]))


class Scalar(Single):
    """`scalar()`: the value of the one row."""

    def __init__(self, child: Node, *, strict: bool) -> None:
        super().__init__(child)
        self._strict = strict

    def _one(self, at: int) -> Column:
        child = self.children[0].evaluate(at)
        there = np.flatnonzero(child.presence == PRESENT)
        if len(there) == 1:
            return child.take(there)
        level = MISSING if len(there) else np.uint8(child.presence.max(initial=UNFED))
        return Column(np.array([np.nan]), np.array([level if self._strict else PRESENT]))


class Absent(Single):
    """`absent()`: 1 where the argument has no result."""

    def _one(self, at: int) -> Column:
        found = (self.children[0].evaluate(at).presence == PRESENT).any()
        return column(np.ones(1), np.array([FILTERED if found else PRESENT]))


class Stamped(Node):
    """`timestamp()` of anything but a selector: the instant of the evaluation."""

    def __init__(self, child: Node) -> None:
        super().__init__(child)
        self._child = child

    @property
    def size(self) -> int:
        return self._child.size

    def labels(self, row: int) -> Labels:
        return tuple(pair for pair in self._child.labels(row) if pair[0] != "__name__")

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        child = self._child.evaluate(at, rows)
        return column(np.full(len(child), at / 1000), child.presence)

    def shrink(self, left: Left) -> Ids | None:
        return left[self._child]

    def touched(self, series: Ids) -> Ids:
        return self._child.touched(series)

    def feeding(self, rows: Ids) -> Ids:
        return self._child.feeding(rows)
