"""`windows.snap`: the engine's windows as they were at one engine time, so that a restart reads little of the log.

One file, replaced atomically: a mark, then the CRC-32 of the rest, then engine time `at` and a compressed body. A
snapshot is a shortcut and never the truth: one that is missing, damaged or of another version (its mark) is passed
over with a reason, and the windows come from the sample log alone.

Nothing is known here about what the arrays mean; the engine is told what it said.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import cramjam
import msgspec
import numpy as np
from numpy.typing import NDArray

from rtmd.errors import StoreError
from rtmd.model.labels import Labels
from rtmd.store.segments import restore, transpose

FILE = "windows.snap"

_MARK = b"RTMDSN1\n"
_HEAD = struct.Struct("<8sIq")  # mark, CRC-32 of at and body, at
_FIELDS = ("counts", "times", "values", "firsts")

Column: TypeAlias = NDArray[Any]


class Windows(Protocol):
    """What the engine hands over: label sets and flat arrays."""

    @property
    def labels(self) -> list[Labels]: ...  # noqa: D102
    @property
    def counts(self) -> Column: ...  # noqa: D102
    @property
    def times(self) -> Column: ...  # noqa: D102
    @property
    def values(self) -> Column: ...  # noqa: D102
    @property
    def firsts(self) -> Column: ...  # noqa: D102


@dataclass(frozen=True, slots=True, eq=False)
class StoredWindows:
    """What was saved at engine time `at`: the fields as the engine gave them, same types, writable arrays."""

    at: int
    labels: list[Labels]
    counts: Column
    times: Column
    values: Column
    firsts: Column


@dataclass(frozen=True, slots=True)
class SnapshotRead:
    """The windows, or None and the reason in plain words."""

    windows: StoredWindows | None
    reason: str = ""


class _Body(msgspec.Struct, array_like=True):
    labels: list[Labels]
    columns: list[tuple[str, bytes]]  # dtype and transposed bytes, in the order of _FIELDS


_bodies = msgspec.msgpack.Decoder(_Body)


def save_windows(folder: Path, windows: Windows, at: int) -> None:
    """Replace the snapshot; blocks (use a thread). StoreError when the disk refuses; the old one then stays."""
    columns = [np.ascontiguousarray(getattr(windows, name)) for name in _FIELDS]
    body = _Body(list(windows.labels), [(column.dtype.str, transpose(column)) for column in columns])
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
        return SnapshotRead(None, "no snapshot")
    except OSError as error:
        return SnapshotRead(None, f"cannot be read: {error}")
    if len(content) < _HEAD.size:
        return SnapshotRead(None, "cut short")
    mark, crc, at = _HEAD.unpack_from(content)
    packed = content[_HEAD.size :]
    if mark != _MARK:
        return SnapshotRead(None, "written by another version")
    if _crc(at, packed) != crc:
        return SnapshotRead(None, "damaged")
    return SnapshotRead(_decoded(at, packed))


def _decoded(at: int, packed: bytes) -> StoredWindows:
    body = _bodies.decode(bytes(cramjam.zstd.decompress(packed)))
    return StoredWindows(at, body.labels, *(restore(raw, np.dtype(dtype)) for dtype, raw in body.columns))


def _crc(at: int, packed: bytes) -> int:
    return zlib.crc32(packed, zlib.crc32(struct.pack("<q", at)))
