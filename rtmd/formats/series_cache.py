"""What a series looks like on the wire → its id: the memory that makes decoding cheap.

A decoder that has read a series once, in full and with every check, remembers the exact bytes it was spelled
with; the next time those bytes alone are enough. Only verified spellings may be put in. The cache is bounded
by what it holds, not by an order of use: when it is full it is emptied, and one round of posts is read in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rtmd.errors import FormatError
from rtmd.formats.batch import EMPTY, REFUSED, Ids, SeriesTable
from rtmd.model.labels import METRIC_NAME, labels_of

ENTRY_BYTES = 120  # what one entry costs besides its key: dict slot, bytes object, integer
CACHE_BYTES = 64 * 1024**2
_MAX_LABELS = 10_000  # beyond any limit that could be configured: not even worth sorting


class SeriesCache:
    """`ids[spelling]` is a series of `table`; read it directly, write it with `put`. At most `limit` bytes."""

    def __init__(self, table: SeriesTable, limit: int = CACHE_BYTES) -> None:
        table.holders.add(self)
        self.ids: dict[bytes, int] = {}  # the same object for ever: decoders hold its bound `get`
        self.limit = limit
        self.bytes = 0

    def __repr__(self) -> str:
        return f"<SeriesCache {len(self.ids)} spellings, {self.bytes}/{self.limit} bytes>"

    def put(self, spelling: bytes, series: int) -> None:
        """Remember a verified spelling; a series that was refused is never remembered."""
        cost = len(spelling) + ENTRY_BYTES
        if series == REFUSED or cost > self.limit:
            return
        if self.bytes + cost > self.limit:
            self.ids.clear()
            self.bytes = 0
        self.ids[spelling] = series
        self.bytes += cost

    def held(self) -> Ids:
        """Nothing: what is forgotten is read again."""
        return EMPTY.ids

    def renumber(self, new: Ids) -> None:
        """Spellings of series that were freed go."""
        spellings = list(self.ids)
        ids = new[np.fromiter(self.ids.values(), np.int64, len(spellings))]
        self.ids.clear()
        self.ids.update(each for each in zip(spellings, ids.tolist(), strict=True) if each[1] >= 0)
        self.bytes = sum(map(len, self.ids)) + ENTRY_BYTES * len(self.ids)


def intern_pairs(series: SeriesTable, pairs: Sequence[tuple[str, str]]) -> int:
    """As `intern_labels`, for labels that came as pairs: a repeated name is a FormatError ("bad_labels")."""
    labels = dict(pairs)
    if len(labels) != len(pairs):
        raise FormatError("bad_labels", "a series has the same label twice")
    return intern_labels(series, labels)


def intern_labels(series: SeriesTable, labels: Mapping[str, str]) -> int:
    """The id of the series with these labels, in any order; REFUSED, and counted, when a limit says no.

    A series without a metric name is refused as well. Raises FormatError ("bad_labels") for an empty label name and
    ("too_many_labels") for a label set that no limit could ever allow.
    """
    if len(labels) > _MAX_LABELS:
        raise FormatError("too_many_labels", f"a series has {len(labels)} labels")
    if "" in labels:
        raise FormatError("bad_labels", "a series has a label without a name")
    if not labels.get(METRIC_NAME):
        series.refused["no_metric_name"] += 1
        return REFUSED
    return series.intern(labels_of(labels))
