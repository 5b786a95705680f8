"""Series that end: what a source brought last time and no longer brings gets the stale marker, as in Prometheus.

Without it a rule would go on seeing the last value for the lookback of five minutes. Series with timestamps of their
own are not tracked: their sender says when they are. A source that replaces another one adopts its series, and ends
those that it does not continue; those of a source that is removed are ended at once (`ended`).
"""

from __future__ import annotations

import numpy as np

from rtmd.formats.batch import STALE_BITS, Ids, SampleBatch, SeriesTable


class Lineage:
    """The series of `table` that a source brought last time."""

    def __init__(self, table: SeriesTable) -> None:
        self.live: Ids = np.empty(0, np.int64)
        table.holders.add(self)

    def __repr__(self) -> str:
        return f"<Lineage {len(self.live)} live series>"

    def held(self) -> Ids:
        """All of them: they may have to be ended."""
        return self.live

    def renumber(self, new: Ids) -> None:
        """They have other ids."""
        self.live = new[self.live]

    def adopt(self, series: Ids) -> None:
        """These were brought last time, too, by somebody else."""
        self.live = np.union1d(self.live, series)

    def continued(self, batch: SampleBatch, at: int) -> SampleBatch:
        """The batch, with a stale marker at `at` for each series of the last one that is not in it."""
        tracked = np.unique(batch.ids[batch.times == at])
        gone = np.setdiff1d(self.live, batch.ids)
        self.live = tracked
        return joined(batch, ended(gone, at)) if len(gone) else batch


def ended(series: Ids, at: int) -> SampleBatch:
    """Stale markers at `at` for these series."""
    markers = np.full(len(series), STALE_BITS, np.uint64).view(np.float64)
    return SampleBatch(series, np.full(len(series), at, np.int64), markers)


def rows(samples: list[tuple[int, float]], at: int) -> SampleBatch:
    """A batch of (series, value) samples at `at`; refused series (negative ids) are left out."""
    kept = [sample for sample in samples if sample[0] >= 0]
    return SampleBatch(
        np.array([series for series, _ in kept], np.int64),
        np.full(len(kept), at, np.int64),
        np.array([value for _, value in kept], np.float64),
    )


def joined(first: SampleBatch, second: SampleBatch) -> SampleBatch:
    """Two batches as one, in this order."""
    return SampleBatch(
        np.concatenate([first.ids, second.ids]),
        np.concatenate([first.times, second.times]),
        np.concatenate([first.values, second.values]),
        first.exemplars + second.exemplars,
    )
