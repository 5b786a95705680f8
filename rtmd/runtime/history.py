"""Older samples, read off the loop: to fill the windows of new rules, and to answer queries.

The sample log is read in a thread into a table of series of its own (interning into the daemon's table from two
threads would not be safe), only for series that some selector wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtmd.engine.query import evaluate_batch
from rtmd.formats.batch import EMPTY, REFUSED, SampleBatch, SeriesTable
from rtmd.matching import compile_matchers
from rtmd.model.expr import selectors
from rtmd.model.labels import Labels
from rtmd.model.matcher import Matcher
from rtmd.model.reach import earliest
from rtmd.promql import parse
from rtmd.store.samplelog import SegmentLog
from rtmd.wire import ValueView


@dataclass(frozen=True, slots=True)
class History:
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


def read_history(log: SegmentLog, since: int, wanted: Sequence[tuple[Matcher, ...]]) -> History:
    """What the log holds since engine time `since` of the series that one of these selectors matches."""
    table = SeriesTable()
    wants = [compile_matchers(matchers) for matchers in wanted]

    def intern(series: Sequence[Labels]) -> list[int]:
        return [table.intern(labels) if any(want(labels) for want in wants) else REFUSED for labels in series]

    batches = [entry.batch for entry in log.read(since, intern)]
    if not batches:
        return History(table, EMPTY)
    return History(
        table,
        SampleBatch(
            np.concatenate([batch.ids for batch in batches]),
            np.concatenate([batch.times for batch in batches]),
            np.concatenate([batch.values for batch in batches]),
        ),
    )


def evaluate(log: SegmentLog, query: str, at: int) -> list[ValueView] | float | str:
    """An instant query at engine time `at` over what the log holds; raises PromqlError."""
    expr = parse(query)
    wanted = [selector.matchers for selector in selectors(expr)]
    history = read_history(log, earliest(expr, at), wanted) if wanted else History(SeriesTable(), EMPTY)
    result = evaluate_batch(expr, history.series, history.batch, at)
    return [ValueView(labels, value) for labels, value in result] if isinstance(result, list) else result
