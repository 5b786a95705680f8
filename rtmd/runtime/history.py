"""Older samples, read off the loop: to fill the windows of new rules, and to answer queries.

The sample log is read into a table of series of its own (interning into the daemon's table from two threads would not
be safe), only for series that some selector wants. Samples may be stamped ahead of their arrival, so the log is read
from a little before the time that is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct

from rtmd.engine.plan import WindowSnapshot
from rtmd.engine.raw import AHEAD
from rtmd.errors import QueryLimitError
from rtmd.formats.batch import EMPTY, REFUSED, UNLIMITED, SampleBatch, SeriesTable
from rtmd.matching import compile_matchers
from rtmd.model.labels import Labels
from rtmd.model.matcher import Matcher
from rtmd.ports import LoggedBatch
from rtmd.store.samplelog import SegmentLog


class History(Struct, frozen=True):
    """Samples with a table of their own."""

    series: SeriesTable
    batch: SampleBatch

    def moved_to(self, table: SeriesTable) -> SampleBatch:
        """The same samples with the ids of `table`."""
        ids = np.array([table.intern(labels) for _, labels in self.series.since(0)], np.int64)
        if not len(ids):
            return EMPTY
        moved = ids[self.batch.ids]
        kept = moved != REFUSED
        return SampleBatch(moved[kept], self.batch.times[kept], self.batch.values[kept])


class Sieve:
    """Takes samples of wanted series, at most `most` of them: QueryLimitError for more."""

    def __init__(self, wanted: Sequence[tuple[Matcher, ...]], *, most: int | None = None) -> None:
        self.series = SeriesTable(UNLIMITED)  # whose samples these are has its own limits
        self._wants = [compile_matchers(matchers) for matchers in wanted]
        self._batches: list[SampleBatch] = []
        self._most = most
        self._taken = 0

    def intern(self, series: Sequence[Labels]) -> list[int]:
        """Ids of the wanted ones, REFUSED for the others."""
        return [self.series.intern(each) if any(want(each) for want in self._wants) else REFUSED for each in series]

    def take(self, entries: Iterable[LoggedBatch]) -> None:
        """Entries with the ids that `intern` gave."""
        for entry in entries:
            self.add(entry.batch)

    def add(self, batch: SampleBatch) -> None:
        """Samples with these ids."""
        self._taken += len(batch)
        if self._most is not None and self._taken > self._most:
            raise QueryLimitError(f"more than {self._most:,} samples would have to be read")
        self._batches.append(batch)

    def add_windows(self, windows: WindowSnapshot) -> None:
        """The samples of a snapshot; those that are there already win."""
        ids = np.repeat(np.array(self.intern(windows.labels), np.int64), windows.counts)
        kept = ids != REFUSED
        self.add(SampleBatch(ids[kept], windows.times[kept], windows.values[kept]))

    def history(self) -> History:
        """Everything taken, in that order."""
        columns = [(each.ids, each.times, each.values) for each in self._batches] or [
            (EMPTY.ids, EMPTY.times, EMPTY.values)
        ]
        ids, times, values = zip(*columns, strict=True)
        return History(self.series, SampleBatch(np.concatenate(ids), np.concatenate(times), np.concatenate(values)))


def read_history(log: SegmentLog, since: int, wanted: Sequence[tuple[Matcher, ...]]) -> History:
    """What the log holds since engine time `since` of the series that one of these selectors matches."""
    sieve = Sieve(wanted)
    sieve.take(log.read(since - AHEAD, sieve.intern))
    return sieve.history()
