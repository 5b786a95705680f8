"""A ring of equally wide pieces of time over many rows: where buckets lie, and how samples get into them.

Columns lie time-major, `[slot][row]`: a bucket is a contiguous row of numbers, cleared when its slot comes round
again. Bucket k holds the samples in (k·width, (k + 1)·width], in slot k modulo the number of slots. Samples enter in
chunks, the pieces of time between multiples of `step`: each is summed up by itself and joined to what its bucket has,
so that it does not matter how many are taken at once. What series the rows are, and what time it is, is not known here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.parts import TYPES, Parts, join, nothing, summed
from rtmd.engine.raw import NEVER
from rtmd.formats.batch import Ids, Times, Values
from rtmd.model.tiers import Tier

_TIMES = frozenset({"first_time", "last_time"})  # kept as ms after the bucket's start


class Ring:
    """`columns` by field, shape (slots, room for rows); `newest` is the latest bucket that was opened."""

    def __init__(self, tier: Tier, room: int = 0) -> None:
        self.tier = tier
        self.newest = NEVER
        self.columns: Parts = {}
        self._room = room
        for field in tier.fields:
            self.add(field)

    def __repr__(self) -> str:
        return f"<Ring {self.tier.slots} of {self.tier.width} ms, {self._room} rows, {self.size} bytes>"

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(column.nbytes for column in self.columns.values())

    @property
    def present(self) -> range:
        """The buckets that have a slot."""
        return range(self.newest - self.tier.slots + 1, self.newest + 1)

    def add(self, field: str) -> None:
        """Keep one more field."""
        self.columns[field] = self._empty(field)

    def widen(self, rows: int) -> None:
        """Make room for so many rows."""
        known = self._room
        if rows <= known:
            return
        self._room = max(rows, known * 9 // 8 + 8) if known else rows
        for field, column in self.columns.items():
            self.columns[field] = self._empty(field)
            self.columns[field][:, :known] = column

    def keep(self, rows: Ids) -> None:
        """Only these rows, in this order."""
        self.columns = {field: column.take(rows, axis=1) for field, column in self.columns.items()}
        self._room = len(rows)

    def twin(self) -> Ring:
        """The same buckets, empty."""
        twin = Ring(self.tier, self._room)
        for field in self.columns.keys() - twin.columns.keys():
            twin.add(field)
        twin.newest = self.newest
        return twin

    def open(self, bucket: int) -> None:
        """Clear the slots of all buckets up to this one."""
        if bucket <= self.newest:
            return
        # What was never used is empty: memory is not touched before it is needed.
        fresh = bucket + 1 if self.newest == NEVER else max(self.newest, bucket - self.tier.slots) + 1
        for each in range(fresh, bucket + 1):
            for column in self.columns.values():
                column[each % self.tier.slots] = 0
        self.newest = bucket

    def take(self, rows: Ids, times: Times, values: Values) -> None:
        """Join samples, sorted by row and time, to their buckets, chunk by chunk."""
        if not len(rows):
            return
        chunk = (times - 1) // self.tier.step
        begins = np.ones(len(rows), np.bool_)
        begins[1:] = (rows[1:] != rows[:-1]) | (chunk[1:] != chunk[:-1])
        starts = np.flatnonzero(begins)
        rows, chunk = rows[starts], chunk[starts]
        bucket = chunk * self.tier.step // self.tier.width
        parts = summed(self.columns, times, values, starts)
        for field in parts.keys() & _TIMES:
            parts[field] = (parts[field] - bucket * self.tier.width).astype(np.int32)
        order = np.argsort(chunk, kind="stable")
        for piece in np.split(order, np.flatnonzero(np.diff(chunk[order])) + 1):
            self._join(int(bucket[piece[0]]), rows[piece], {field: parts[field][piece] for field in parts})

    def put(self, bucket: int, rows: Ids, parts: Parts) -> None:
        """Let these be all that the bucket says of these rows."""
        for field in self.columns.keys() & parts.keys():
            self.columns[field][bucket % self.tier.slots, rows] = parts[field]

    def at(self, bucket: int, rows: Ids | slice) -> Parts:
        """What a bucket that is present says of some rows; times are ms after its start."""
        slot = bucket % self.tier.slots
        return {field: column[slot, rows] for field, column in self.columns.items()}

    def over(self, rows: Ids | slice, buckets: range, start: int) -> Parts:
        """These buckets, as far as they are present, joined; times are ms after `start`."""
        total = nothing(self.columns, len(range(*rows.indices(self._room))) if isinstance(rows, slice) else len(rows))
        for field in total.keys() & _TIMES:
            total[field] = total[field].astype(np.int64)
        for bucket in range(max(buckets.start, self.present.start), min(buckets.stop, self.present.stop)):
            part = self.at(bucket, rows)
            for field in part.keys() & _TIMES:
                part[field] = part[field] + np.int64(bucket * self.tier.width - start)
            join(total, part)
        return total

    def _join(self, bucket: int, rows: Ids, parts: Parts) -> None:
        self.open(bucket)
        if bucket in self.present:
            there = self.at(bucket, rows)
            join(there, parts)
            self.put(bucket, rows, there)

    def _empty(self, field: str) -> NDArray[Any]:
        return np.zeros((self.tier.slots, self._room), TYPES.get(field, np.float64))
