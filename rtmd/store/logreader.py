"""Reading the segments of a sample log: by the daemon that writes it, or by a process of its own beside it.

A segment is read up to its first short or damaged record: for the one that is being written at this moment, that is
where the writer has got to. What retention takes away meanwhile is skipped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
from msgspec import Struct

from rtmd.formats.batch import REFUSED, Ids, PlacedExemplar, SampleBatch
from rtmd.model.labels import Labels
from rtmd.ports import LoggedBatch
from rtmd.store import segments
from rtmd.store.segments import BATCHES, SERIES

Intern: TypeAlias = Callable[[Sequence[Labels]], Sequence[int]]

SUFFIX = ".samples"
_UNMAPPED = -2


class Segment(Struct, frozen=True):
    """One file of the log: its number, the engine time it begins at, and the bytes of it that count."""

    path: Path
    number: int
    first_at: int
    size: int


def find_segments(folder: Path) -> list[Segment]:
    """The segments in a folder, oldest first."""
    return sorted(_found(folder), key=lambda segment: segment.number)


def reaching(found: Sequence[Segment], since: int) -> list[Segment]:
    """Those that may hold what arrived at or after `since`: a segment ends where the next one begins."""
    return [segment for segment, after in pairwise(found) if after.first_at >= since] + list(found[-1:])


def read_segments(
    found: Sequence[Segment], since: int, intern: Intern, *, torn: set[str] | None = None
) -> Iterator[LoggedBatch]:
    """Entries of these segments that arrived at or after `since`, in order, with the ids that `intern` gives.

    Names of segments that end in damage are added to `torn`.
    """
    for segment in reaching(found, since):
        mapping = _Mapping(intern)
        try:
            for record in segments.records(segment.path, segment.size):
                if record is None:
                    if torn is not None:
                        torn.add(segment.path.name)
                elif record.kind == SERIES:
                    mapping.define(segments.decode_series(record.payload))
                elif record.kind == BATCHES and record.at >= since:
                    entries = segments.decode_batches(record.payload)
                    yield from (mapping.translated(entry) for entry in entries if entry.at >= since)
        except FileNotFoundError:
            continue


class _Mapping:
    """Ids of one segment → ids of the present table, asked for when first met."""

    def __init__(self, intern: Intern) -> None:
        self._intern = intern
        self._labels: dict[int, Labels] = {}
        self._present = np.full(0, _UNMAPPED, np.int64)

    def define(self, definitions: segments.Definitions) -> None:
        """Learn the label sets of ids."""
        self._labels.update(definitions)

    def translated(self, entry: LoggedBatch) -> LoggedBatch:
        """The entry with present ids, less what the table refuses."""
        batch = entry.batch
        ids = self._map(batch.ids)
        series = self._map(np.array([x.series for x in batch.exemplars], np.int64))
        exemplars = tuple(
            PlacedExemplar(present, x.time, x.exemplar)
            for present, x in zip(series.tolist(), batch.exemplars, strict=True)
            if present != REFUSED
        )
        kept = ids != REFUSED
        columns = SampleBatch(ids[kept], batch.times[kept], batch.values[kept], exemplars)
        return LoggedBatch(entry.at, entry.source, columns)

    def _map(self, ids: Ids) -> Ids:
        if not len(ids):
            return ids
        top = int(ids.max())
        if top >= len(self._present):
            self._present = np.append(self._present, np.full(max(1024, top + 1), _UNMAPPED, np.int64))
        present = self._present[ids]
        unmapped = present == _UNMAPPED
        if not unmapped.any():
            return present
        missing = np.unique(ids[unmapped])
        known = [series for series in missing.tolist() if series in self._labels]
        self._present[missing] = REFUSED  # used but never defined: nobody can say what it was
        self._present[known] = self._intern([self._labels[series] for series in known])
        return self._present[ids]


def _found(folder: Path) -> Iterator[Segment]:
    for path in folder.glob(f"*{SUFFIX}"):
        number, _, first_at = path.name.removesuffix(SUFFIX).partition("-")
        if number.isdecimal() and first_at.removeprefix("-").isdecimal():
            with contextlib.suppress(FileNotFoundError):  # retention was faster
                yield Segment(path, int(number), int(first_at), path.stat().st_size)
