"""`windows.snap`: the engine's windows as they were at one engine time, so that a restart reads little of the log.

One file, replaced atomically: a mark, then the CRC-32 of the rest, then engine time `at` and a compressed body. A
snapshot is a shortcut and never the truth: one that is missing, damaged or of another version (its mark) is passed
over with a reason, and the windows come from the sample log alone.

Columns come back bit by bit; what they mean is the engine's business.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from pathlib import Path
from typing import Any, TypeAlias

import cramjam
import msgspec
import numpy as np
from numpy.typing import NDArray

from rtmd.engine.buckets import SavedBuckets
from rtmd.engine.plan import WindowSnapshot
from rtmd.errors import StoreError
from rtmd.model.labels import Labels
from rtmd.store.segments import restore, transpose

FILE = "windows.snap"

_MARK = b"RTMDSN3\n"
_HEAD = struct.Struct("<8sIq")  # mark, CRC-32 of at and body, at
_FIELDS = ("counts", "times", "values", "firsts", "senders", "delivered")
_OF_BUCKETS = ("series", "born", "since")

Column: TypeAlias = NDArray[Any]


class SnapshotRead(msgspec.Struct, frozen=True):
    """What was saved at engine time `at`, with writable arrays; or None and the reason in plain words."""

    windows: WindowSnapshot | None
    at: int = 0
    reason: str = ""


class _Packed(msgspec.Struct, array_like=True):
    """A column: its type, its shape, its bytes transposed."""

    dtype: str
    shape: tuple[int, ...]
    content: bytes

    @classmethod
    def of(cls, column: Column) -> _Packed:
        return cls(column.dtype.str, column.shape, transpose(np.ascontiguousarray(column).reshape(-1)))

    def column(self) -> Column:
        return restore(self.content, np.dtype(self.dtype)).reshape(self.shape)


class _Buckets(msgspec.Struct, array_like=True):
    width: int
    sealed: int
    newest: int
    rows: list[_Packed]  # in the order of _OF_BUCKETS
    columns: dict[str, _Packed]

    @classmethod
    def of(cls, saved: SavedBuckets) -> _Buckets:
        rows = [_Packed.of(getattr(saved, name)) for name in _OF_BUCKETS]
        columns = {field: _Packed.of(column) for field, column in saved.columns.items()}
        return cls(saved.width, saved.sealed, saved.newest, rows, columns)

    def saved(self) -> SavedBuckets:
        columns = {field: packed.column() for field, packed in self.columns.items()}
        series, born, since = (each.column() for each in self.rows)
        return SavedBuckets(self.width, self.sealed, self.newest, series, born, since, columns)


class _Body(msgspec.Struct, array_like=True):
    labels: list[Labels]
    columns: list[_Packed]  # in the order of _FIELDS
    lateness: int
    buckets: list[_Buckets]


_bodies = msgspec.msgpack.Decoder(_Body)


def save_windows(folder: Path, windows: WindowSnapshot, at: int) -> None:
    """Replace the snapshot; blocks (use a thread). StoreError when the disk refuses; the old one then stays."""
    columns = [_Packed.of(getattr(windows, name)) for name in _FIELDS]
    buckets = [_Buckets.of(saved) for saved in windows.buckets]
    body = _Body(windows.labels, columns, windows.lateness, buckets)
    packed = bytes(cramjam.zstd.compress(msgspec.msgpack.encode(body), level=1))
    temporary = folder / f"{FILE}.new"
    try:
        private = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(private, "wb") as file:
            file.write(_HEAD.pack(_MARK, _crc(at, packed), at))
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / FILE)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StoreError(f"{folder / FILE}: cannot be written: {error}") from error


def load_windows(folder: Path) -> SnapshotRead:
    """The last snapshot, if it is whole; never raises for what is on disk."""
    try:
        content = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return SnapshotRead(None, reason="no snapshot")
    except OSError as error:
        return SnapshotRead(None, reason=f"cannot be read: {error}")
    if len(content) < _HEAD.size:
        return SnapshotRead(None, reason="cut short")
    mark, crc, at = _HEAD.unpack_from(content)
    packed = content[_HEAD.size :]
    if mark != _MARK:
        return SnapshotRead(None, reason="written by another version")
    if _crc(at, packed) != crc:
        return SnapshotRead(None, reason="damaged")
    return SnapshotRead(_decoded(packed), at)


def _decoded(packed: bytes) -> WindowSnapshot:
    body = _bodies.decode(bytes(cramjam.zstd.decompress(packed)))
    counts, times, values, firsts, senders, delivered = (each.column() for each in body.columns)
    buckets = [each.saved() for each in body.buckets]
    return WindowSnapshot(body.labels, counts, times, values, firsts, body.lateness, buckets, senders, delivered)


def _crc(at: int, packed: bytes) -> int:
    return zlib.crc32(packed, zlib.crc32(struct.pack("<q", at)))
