"""Room for new series: when ids are worth freeing, and whose (semantics S13).

A series may go when it was not fed for longer than anything looks back, no instance that is not idle stands on it, and
nobody else holds its id. No decision can tell that it was there: what comes back is new, and warms up again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rtmd.engine.plan import Plans
from rtmd.engine.stage_table import StageTable
from rtmd.formats.batch import SeriesTable

AGAIN = 2_000  # ms between two looks
CROWDED = 0.8  # of a limit
WORTHWHILE = 0.2  # the share of all ids that must go: all plans drop rows for it
_NONE = np.empty(0, np.int64)


class Room:
    """Looks after the room in the table of series, and for the instances of rules."""

    def __init__(self, series: SeriesTable, plans: Plans, at: int) -> None:
        self._series = series
        self._plans = plans
        self._look_at = at

    def __repr__(self) -> str:
        return f"<Room {len(self._series)}/{self._series.limits.series}, looks again at {self._look_at}>"

    def is_wanted(self, tables: Iterable[StageTable], at: int) -> bool:
        """Whether series or instances are about to be refused; cheap to ask all the time."""
        if at < self._look_at:
            return False
        self._look_at = at + AGAIN
        full = len(self._series) > CROWDED * self._series.limits.series
        return full or any(table.signal.size > CROWDED * table.limit for table in tables)

    def make(self, tables: Sequence[StageTable], at: int) -> int:
        """Free what may go, if that is worth it; gives how many."""
        standing = np.concatenate([_NONE, *(table.feeding() for table in tables)])
        freed = self._plans.free(at, standing, least=WORTHWHILE)
        if freed:
            for table in tables:
                table.renew(at)
        return freed
