"""Until when marks cover the rows of a stage that has `within`.

One number a row: the time until which some mark covers it. A new mark raises it where its labels agree, found by
comparing whole columns: of each label that marks have, the rows' values are kept as numbers. So what `within` costs at
a grid point is one comparison, however many marks there were. It is a function of the marks alone, and nothing of it
has to be kept for a restart.

Ties: a mark covers from its own millisecond on and for `length` ms, the end not included, as windows do.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from rtmd.engine.columns import Bools
from rtmd.engine.identities import Identities
from rtmd.engine.marks import Marks, by_time
from rtmd.model.labels import Labels, get
from rtmd.model.mark import Mark, Within, agree
from rtmd.model.rule import HOUR

_BACK = HOUR  # ms that a clock may be set back by, and marks count again
_ABSENT = -1  # the number of a label that a row does not have


class Covered:
    """Until when marks cover the rows of one stage."""

    def __init__(self, within: Within, instances: Identities, marks: Marks) -> None:
        self._within = within
        self._instances = instances
        self._marks = marks
        self.renew()

    def __repr__(self) -> str:
        return f"<Covered {self._within}, {len(self._until)} rows>"

    def renew(self) -> None:
        """The stage has other rows."""
        self._until: NDArray[np.int64] = np.zeros(0, np.int64)
        self._columns: dict[str, _Column] = {}
        self._seen = 0

    def at(self, at: int, rows: NDArray[np.int64] | None) -> Bools:
        """Which of these rows (None: all instances) are covered."""
        self._sync(at)
        until = self._until if rows is None else self._until[rows]
        covered: Bools = self._marks.wall(at) < until
        return covered

    def _sync(self, at: int) -> None:
        known, size = len(self._until), len(self._instances)
        kind, wall = self._within.kind, self._marks.wall(at)
        if size > known:
            self._until = np.concatenate([self._until, np.zeros(size - known, np.int64)])
            latest = {mark.labels: mark for mark in sorted(self._marks.after(kind, 0), key=by_time)}
            self._take(latest.values(), wall, slice(known, size))
        if self._seen < self._marks.count:
            self._take(self._marks.after(kind, self._seen), wall, slice(0, size))
            self._seen = self._marks.count

    def _take(self, marks: Iterable[Mark], wall: int, rows: slice) -> None:
        for mark in marks:
            until = mark.time + self._within.length
            if wall < until + _BACK and agree(mark.labels, dict(self._within.labels)):
                raised = np.maximum(self._until[rows], until)
                np.copyto(self._until[rows], raised, where=self._agreeing(mark.labels)[rows])

    def _agreeing(self, labels: Labels) -> Bools:
        """The rows whose labels agree."""
        rows = np.ones(len(self._instances), np.bool_)
        for name, value in labels:
            column = self._columns.setdefault(name, _Column(name))
            rows &= column.agreeing(value, self._instances)
        return rows


class _Column(Struct):
    """The values of one label by row, as numbers."""

    name: str
    numbers: dict[str, int] = field(default_factory=lambda: {"": _ABSENT})
    by_row: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def agreeing(self, value: str, instances: Identities) -> Bools:
        """The rows that have this value, or none."""
        known = len(self.by_row)
        if known < len(instances):
            values = (get(instances.labels(row), self.name) for row in range(known, len(instances)))
            fresh = [self.numbers.setdefault(each, len(self.numbers)) for each in values]
            self.by_row = np.concatenate([self.by_row, np.array(fresh, np.int64)])
        agreeing: Bools = (self.by_row == self.numbers.get(value, len(self.numbers))) | (self.by_row == _ABSENT)
        return agreeing
