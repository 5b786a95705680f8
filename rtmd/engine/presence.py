"""How much a row has to say: the lattice that every node of a plan keeps beside its values.

Prometheus knows one bit, a result or none. A protocol has to tell three kinds of none apart (semantics S3): a
condition that is false, a window that holds too little, and a feed that died. The four levels are ordered, so that an
aggregation over rows is simply their maximum:

    UNFED     no feeding series has a sample within max(window, 5 min), or the newest of each is a stale marker
    MISSING   fed, but no result: one sample where a rate needs two, an empty window of a series that is still alive
    FILTERED  a comparison or a set operator took the row away: the condition is false
    PRESENT   there is a value

A result always wins: a range that still holds samples of a series that has ended is PRESENT, as in Prometheus,
until they leave the window; then the row is UNFED. Wherever a row is not PRESENT its value is NaN and means nothing.

How two sides combine is said by the tables below, indexed [left, right]:

* arithmetic and comparison: PRESENT iff both are; UNFED iff both are; otherwise the lower side, at least MISSING;
* `and`: a left row that is not PRESENT stays what it is (an instance belongs to its left side: when that feed dies,
  the row is unfed however lively the right side). PRESENT stays PRESENT beside PRESENT, is FILTERED beside FILTERED
  (and where the right side never had a matching row), and MISSING beside a right side that cannot say;
* `unless`: PRESENT is FILTERED beside PRESENT; everything else stays;
* `or` is the maximum, where a right row that is PRESENT but covered by a left one counts as FILTERED.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rtmd.formats.batch import Values


class Presence(IntEnum):
    """The four levels, in rising order; as an array: uint8."""

    UNFED = 0
    MISSING = 1
    FILTERED = 2
    PRESENT = 3


Levels = NDArray[np.uint8]

UNFED, MISSING, FILTERED, PRESENT = (np.uint8(level) for level in Presence)


class Column(Struct, frozen=True):
    """The result of a node at one instant: `values` float64 and `presence` uint8, parallel, shape (rows,).

    Columns may be shared between callers: read them, never write into them.
    """

    values: Values
    presence: Levels

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[np.int64]) -> Column:
        """These rows, in this order."""
        return Column(self.values[rows], self.presence[rows])


def column(values: Values, presence: Levels) -> Column:
    """A column whose values are NaN wherever the row is not PRESENT."""
    absent = presence != PRESENT
    return Column(np.where(absent, np.nan, values) if absent.any() else values, presence)


def _table(rows: tuple[tuple[int, int, int, int], ...]) -> Levels:
    return np.array(rows, np.uint8)


#        right:  UNFED MISSING FILTERED PRESENT
PAIRED = _table((
    (0, 1, 1, 1),  # left UNFED
    (1, 1, 1, 1),  # MISSING
    (1, 1, 2, 2),  # FILTERED
    (1, 1, 2, 3),  # PRESENT
))  # fmt: skip
KEPT_BY_AND = _table((
    (0, 0, 0, 0),
    (1, 1, 1, 1),
    (2, 2, 2, 2),
    (1, 1, 2, 3),
))  # fmt: skip
KEPT_BY_UNLESS = _table((
    (0, 0, 0, 0),
    (1, 1, 1, 1),
    (2, 2, 2, 2),
    (3, 3, 3, 2),
))  # fmt: skip
