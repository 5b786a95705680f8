"""Stages fused: which of many something may happen to, found by one comparison for all of them.

A stage whose instances are all idle stays as it is while no value of its signal meets its condition: `recent`, guard,
coverage and hold can only keep a met row from firing. So what is asked of every signal is how far its values reach
(`together`), and a tick in which nothing happens costs next to nothing however many stages there are. The others, those
with instances that are not idle among them, are judged one by one, and exactly.

With `no_data = "zero"` what nothing feeds is a value too: where a zero would be met, the stage is always judged.
A stage with `within` whose time has not come, after any mark of that kind, is none of those: it is as good as not met.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.moment import Moment
from rtmd.engine.stage_table import StageTable
from rtmd.engine.together import Extent, Together
from rtmd.formats.batch import Ids


class FusedStages:
    """The stages that are judged at the same times; answers are places in the given order, rising."""

    def __init__(self, tables: Sequence[StageTable], moment: Moment) -> None:
        self._tables = list(tables)
        places = {plan: place for place, plan in enumerate(dict.fromkeys(table.signal for table in tables))}
        self._together = Together(list(places), moment)
        self._signal = np.array([places[table.signal] for table in tables], np.int64)
        numbers = chain.from_iterable(table.beyond for table in tables)
        self._low, self._high, present, unfed = np.fromiter(numbers, np.float64, 4 * len(tables)).reshape(-1, 4).T
        self._present, self._always = present > 0, unfed > 0
        self._timed = {place for place, table in enumerate(self._tables) if table.stage.within}

    def __repr__(self) -> str:
        return f"<FusedStages {len(self._tables)} on {self._together!r}>"

    def exchange(self, place: int, table: StageTable) -> bool:
        """Another table in this place, with whatever condition; False where it has another signal."""
        if table.signal is not self._tables[place].signal:
            return False
        self._tables[place] = table
        (self._timed.add if table.stage.within else self._timed.discard)(place)
        self._low[place], self._high[place], self._present[place], self._always[place] = table.beyond
        return True

    def due(self, at: int) -> list[int]:
        """The stages that have to be judged at a grid point."""
        busy = np.fromiter((table.busy for table in self._tables), np.bool_, len(self._tables))
        return np.flatnonzero(busy | self._met(self._together.read(at), at)).tolist()

    def due_on_arrival(self, series: Ids, at: int) -> list[int]:
        """The stages that have to look at the instances that these series (distinct) feed."""
        return np.flatnonzero(self._met(self._together.read_touched(series, at), at)).tolist()

    def _met(self, extent: Extent, at: int) -> NDArray[np.bool_]:
        """Which stages may have a row that is met."""
        signal = self._signal
        met: NDArray[np.bool_] = (extent.lowest[signal] <= self._low) | (extent.highest[signal] >= self._high)
        met |= (extent.present[signal] & self._present) | self._always
        for place in self._timed:
            met[place] &= self._tables[place].has_time(at)
        return met
