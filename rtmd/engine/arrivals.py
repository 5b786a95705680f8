"""When each series was last fed: what says that its id may be freed (semantics S13).

By arrival and not by the time of samples, and for every series that ever came, whether some plan reads it or not. A
time that nobody watched does not count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtmd.formats.batch import Ids, Times


class Arrivals:
    """Engine times by series id."""

    def __init__(self) -> None:
        self._at: Times = np.empty(0, np.int64)
        self._known = 0
        self._now = 0

    def __repr__(self) -> str:
        return f"<Arrivals of {self._known} series until {self._now}>"

    def cover(self, series: int, at: int) -> None:
        """Time is `at`, and there are so many series; those that are new came now."""
        self._now = max(self._now, at)
        if series > len(self._at):
            self._at = np.append(self._at, np.zeros(max(series, 2 * len(self._at)) - len(self._at), np.int64))
        self._at[self._known : series] = self._now
        self._known = max(self._known, series)

    def note(self, series: Ids) -> None:
        """These were fed."""
        self._at[series] = self._now

    def shift(self, gap: int) -> None:
        """Nobody watched for `gap` ms."""
        self._at += gap
        self._now += gap

    def silent(self, patience: Times) -> NDArray[np.bool_]:
        """Which series have been without samples for longer than that (ms, by id)."""
        return self._now - self._at[: self._known] > patience[: self._known]

    def renumber(self, living: Ids) -> None:
        """These series, in rising order, are all there are now."""
        self._at, self._known = self._at[living], len(living)
