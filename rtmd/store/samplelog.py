"""`SegmentLog`: everything ingested lately, on disk in order of arrival.

`append` and `tick` only remember; `flush` writes, once a second and on a thread, without a sync: a crash of the
daemon loses at most the last second, a power cut what the kernel had not written yet. Segments are about five
minutes long and stand alone, so that retention deletes whole files; every start begins a new one, so that nothing
is ever written behind a torn tail.

Who may do what from where: `append` and `tick` from the loop; `flush`, `read` and `close` from any thread. Ids
in a segment are those of the process that wrote it; `read` gives them anew, for the series that occur, with
`intern`. A table is not made for two threads: a reader off the loop must bring an `intern` that runs on the loop
(for series that the table already knows, the default is safe anywhere).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from msgspec import Struct

from rtmd.errors import StoreError
from rtmd.formats.batch import SeriesTable
from rtmd.model.labels import Labels
from rtmd.ports import LoggedBatch
from rtmd.store import segments
from rtmd.store.logreader import SUFFIX, Intern, Segment, find_segments, read_segments
from rtmd.store.segments import MARK, SERIES

SEGMENT = 5 * 60_000
_BUFFERED = 4_000_000  # samples that may wait for a flush: minutes of a stuck disk


class LogLimits(Struct, frozen=True):
    """How long (ms of engine time) and how large (bytes) the log may grow, and how long a segment is (ms)."""

    keep: int = 2 * 3_600_000
    keep_bytes: int = 2 * 1024**3
    segment: int = SEGMENT


class SegmentLog:
    """The sample log in `folder` (made when missing), for the series of `table`; StoreError if it cannot be used.

    `last_at` is the newest engine time found on disk, None for an empty log; `torn` counts segments that were
    read up to damage, `lost` the samples that could not be written.
    """

    def __init__(self, folder: Path, table: SeriesTable, limits: LogLimits | None = None) -> None:
        self.folder = folder
        self.limits = limits or LogLimits()
        self.lost = 0
        self._table = table
        self._buffer: list[tuple[LoggedBatch, Sequence[Labels]]] = []  # with the names of its ids
        self._names: Sequence[Labels] = ()  # of the ids in the present segment
        self._buffered = 0
        self._reached: int | None = None
        self._guard = threading.Lock()  # the buffer and the list of segments
        self._writing = threading.RLock()
        self._torn: set[str] = set()
        self._file = -1
        self._defined = np.zeros(0, np.bool_)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._segments = find_segments(folder)
            self.last_at = self._newest()
        except OSError as error:
            raise StoreError(f"{folder}: the sample log cannot be used: {error}") from error

    def __repr__(self) -> str:
        return f"<SegmentLog {len(self._segments)} segments, {self.size} bytes, {self.torn} torn, {self.lost} lost>"

    @property
    def torn(self) -> int:
        """Segments that ended in a torn or damaged record when they were read."""
        return len(self._torn)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        with self._guard:
            return sum(segment.size for segment in self._segments)

    def append(self, entry: LoggedBatch) -> None:
        """Remember one batch for the next flush."""
        with self._guard:
            if self._buffered + len(entry.batch) > _BUFFERED:
                self.lost += len(entry.batch)
                return
            self._buffer.append((entry, self._table.names))
            self._buffered += len(entry.batch)

    def tick(self, at: int) -> None:
        """Engine time `at` was reached; the next flush writes it down."""
        self._reached = at

    def flush(self) -> None:
        """Write what is remembered. A StoreError says that it was lost (and counted): the disk did not take it."""
        with self._writing:
            with self._guard:
                waiting, self._buffer, self._buffered = self._buffer, [], 0
            try:
                for names, entries in _by_names(waiting) or [(self._names, [])]:
                    self._write(entries, names)
            except (OSError, UnicodeEncodeError) as error:
                self.lost += sum(len(entry.batch) for entry, _ in waiting)
                self._abandon()
                raise StoreError(f"{self.folder}: the sample log cannot be written: {error}") from error

    def close(self) -> None:
        """Flush and close; idempotent."""
        with self._writing:
            try:
                self.flush()
            finally:
                self._end_segment()

    def read(self, since: int, intern: Intern | None = None) -> Iterator[LoggedBatch]:
        """Entries that arrived at or after engine time `since`, in order, with ids of the present table.

        What is not on disk yet is flushed first. Damage ends a segment early and is counted; a segment that
        retention takes away meanwhile is skipped. Samples of series that the table refuses are left out.
        """
        with contextlib.suppress(StoreError):
            self.flush()
        with self._guard:
            found = list(self._segments)
        yield from read_segments(found, since, intern or self._intern, torn=self._torn)

    def _intern(self, labels: Sequence[Labels]) -> Sequence[int]:
        return [self._table.intern(each) for each in labels]

    def _write(self, entries: list[LoggedBatch], names: Sequence[Labels]) -> None:
        at = max((entry.at for entry in entries), default=self.last_at)
        reached = self._reached
        behind = reached is not None and (at is None or reached > at)
        at = reached if behind else at
        if at is None or not (entries or behind):
            return
        if names is not self._names:
            self._end_segment()  # ids mean other series
            self._names = names
        self._begin_segment(entries[0].at if entries else at)
        blob = self._definitions(entries) + segments.encode_batches(entries) if entries else b""
        self._put(blob + segments.encode_tick(at) if behind else blob)
        self.last_at = at if self.last_at is None else max(at, self.last_at)
        self._drop_old(at)

    def _definitions(self, entries: list[LoggedBatch]) -> bytes:
        exemplars = np.array([x.series for entry in entries for x in entry.batch.exemplars], np.int64)
        ids = np.concatenate([*(entry.batch.ids for entry in entries), exemplars])
        top = int(ids.max(initial=-1))
        if top >= len(self._defined):
            self._defined = np.append(self._defined, np.zeros(max(1024, top + 1), np.bool_))
        new = np.unique(ids[~self._defined[ids]])
        if not len(new):
            return b""
        self._defined[new] = True
        return segments.encode_series(entries[0].at, [(series, self._names[series]) for series in new.tolist()])

    def _put(self, blob: bytes) -> None:
        rest = memoryview(blob)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._resize(len(blob))

    def _resize(self, more: int) -> None:
        with self._guard:
            last = self._segments[-1]
            self._segments[-1] = Segment(last.path, last.number, last.first_at, last.size + more)

    def _begin_segment(self, at: int) -> None:
        if self._file >= 0:
            last = self._segments[-1]
            small = last.size < max(1, self.limits.keep_bytes // 8)
            if small and last.first_at <= at < last.first_at + self.limits.segment:
                return
            self._end_segment()
        number = self._segments[-1].number + 1 if self._segments else 1
        path = self.folder / f"{number:08d}-{at}{SUFFIX}"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._defined = np.zeros(0, np.bool_)
        with self._guard:
            self._segments.append(Segment(path, number, at, 0))
        self._put(MARK)

    def _end_segment(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _abandon(self) -> None:
        # Whatever reached the file in part is cut off again; the next flush begins a new segment either way.
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._segments[-1].size)
        self._end_segment()

    def _drop_old(self, at: int) -> None:
        size = self.size
        while len(self._segments) > 1:
            if self._segments[1].first_at > at - self.limits.keep and size <= self.limits.keep_bytes:
                return
            with self._guard:
                oldest = self._segments.pop(0)
            size -= oldest.size
            oldest.path.unlink(missing_ok=True)

    def _newest(self) -> int | None:
        for segment in reversed(self._segments):
            # A definition proves nothing: what it was made for may be torn off.
            found = [record.at for record in segments.records(segment.path) if record and record.kind != SERIES]
            if found:
                return max(found)
        return None


def _by_names(
    waiting: Sequence[tuple[LoggedBatch, Sequence[Labels]]],
) -> list[tuple[Sequence[Labels], list[LoggedBatch]]]:
    """The entries in order, in runs whose ids mean the same."""
    runs = groupby(waiting, key=lambda each: id(each[1]))
    return [(run[0][1], [entry for entry, _ in run]) for run in (list(found) for _, found in runs)]
