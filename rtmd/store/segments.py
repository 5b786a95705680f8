"""The bytes of the sample log: records in segment files, each of which stands alone.

A segment is an eight-byte mark and then records: length, CRC-32, kind and engine time in a fixed head, then the
payload. A reader that meets a short or damaged record stops there: everything before it is a prefix of what was
written. Kinds:

1. SERIES: ids and label sets; comes before the first record of the segment that uses the ids.
2. BATCHES: all batches of one flush. `at` in the head is the newest of them, so that old ones need no decoding.
3. TICK: nothing but the proof that engine time `at` was reached.

The columns of a flush lie one after the other (steps of the ids, times less `at`, values), each with its bytes
transposed, under zstd. For 10,000 series that makes 3 to 9 bytes a sample against 20 raw, and it is both smaller
and three times faster than zstd over the untransposed columns.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import cramjam
import msgspec
import numpy as np
from numpy.typing import NDArray

from rtmd.formats.batch import Ids, PlacedExemplar, SampleBatch
from rtmd.model.firing import Exemplar
from rtmd.model.labels import Labels
from rtmd.ports import LoggedBatch

MARK = b"RTMDSL1\n"
SERIES, BATCHES, TICK = 1, 2, 3

_HEAD = struct.Struct("<IIBq")  # length of the payload, CRC-32 of all that follows it, kind, at
_LENGTH = struct.Struct("<I")
_SAMPLE_BYTES = 4 + 8 + 8
_LEVEL = 1

Definitions: TypeAlias = Sequence[tuple[int, Labels]]


class Record(msgspec.Struct, frozen=True):
    """One complete, undamaged record, its payload still encoded."""

    kind: int
    at: int
    payload: bytes


class _Flush(msgspec.Struct, array_like=True):
    sources: list[str]
    entries: list[tuple[int, int, int, int]]  # at, index of the source, samples, exemplars
    exemplars: list[tuple[int, int, Exemplar]]  # series, time, exemplar


_definitions = msgspec.msgpack.Decoder(list[tuple[int, Labels]])
_flushes = msgspec.msgpack.Decoder(_Flush)


def encode_series(at: int, definitions: Definitions) -> bytes:
    """A SERIES record."""
    return _record(SERIES, at, _squeeze(msgspec.msgpack.encode(definitions)))


def encode_batches(entries: Sequence[LoggedBatch]) -> bytes:
    """A BATCHES record of at least one entry; ids must fit 32 bits."""
    at = max(entry.at for entry in entries)
    names = {entry.source: 0 for entry in entries}
    places = {name: place for place, name in enumerate(names)}
    head = msgspec.msgpack.encode(
        _Flush(
            sources=list(names),
            entries=[(e.at, places[e.source], len(e.batch), len(e.batch.exemplars)) for e in entries],
            exemplars=[(x.series, x.time, x.exemplar) for e in entries for x in e.batch.exemplars],
        )
    )
    ids = np.concatenate([entry.batch.ids for entry in entries]).astype(np.uint32)
    times = np.concatenate([entry.batch.times for entry in entries]) - at
    values = np.concatenate([entry.batch.values for entry in entries])
    steps = np.diff(ids, prepend=np.uint32(0)).astype(np.uint32)
    columns = b"".join(map(transpose, (steps, times.astype("<i8"), values.astype("<f8"))))
    return _record(BATCHES, at, _squeeze(_LENGTH.pack(len(head)) + head + columns))


def encode_tick(at: int) -> bytes:
    """A TICK record."""
    return _record(TICK, at, b"")


def decode_series(payload: bytes) -> Definitions:
    """The definitions in a SERIES record."""
    return _definitions.decode(_swell(payload))


def decode_batches(payload: bytes) -> Iterator[LoggedBatch]:
    """The entries of a BATCHES record, in order of arrival, with the ids of the segment."""
    body = _swell(payload)
    (length,) = _LENGTH.unpack_from(body)
    flush = _flushes.decode(body[_LENGTH.size : _LENGTH.size + length])
    at = max(entry[0] for entry in flush.entries)
    ids, times, values = _columns(body[_LENGTH.size + length :])
    times += at
    sample = exemplar = 0
    for moment, source, samples, exemplars in flush.entries:
        here = slice(sample, sample + samples)
        placed = tuple(PlacedExemplar(*found) for found in flush.exemplars[exemplar : exemplar + exemplars])
        yield LoggedBatch(moment, flush.sources[source], SampleBatch(ids[here], times[here], values[here], placed))
        sample += samples
        exemplar += exemplars


def records(path: Path, size: int | None = None) -> Iterator[Record | None]:
    """The complete records within the first `size` bytes of a segment (None: all); a last None says it is torn.

    Raises OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        left = path.stat().st_size if size is None else size
        mark = file.read(min(left, len(MARK)))
        left -= len(mark)
        whole = mark == MARK
        while whole and left >= _HEAD.size:
            head = file.read(_HEAD.size)
            length, crc, kind, at = _HEAD.unpack(head)
            left -= _HEAD.size
            payload = file.read(length) if length <= left else b""
            whole = len(payload) == length and _crc(kind, at, payload) == crc
            if whole:
                left -= length
                yield Record(kind, at, payload)
        if left or not whole:
            yield None


def _record(kind: int, at: int, payload: bytes) -> bytes:
    return _HEAD.pack(len(payload), _crc(kind, at, payload), kind, at) + payload


def _crc(kind: int, at: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(struct.pack("<Bq", kind, at)))


def _squeeze(raw: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(raw, level=_LEVEL))


def _swell(payload: bytes) -> bytes:
    return bytes(cramjam.zstd.decompress(payload))


def transpose(column: NDArray[Any]) -> bytes:
    """The bytes of a column, first all lowest ones, then all second ones, …: what zstd likes."""
    return np.ascontiguousarray(column.view(np.uint8).reshape(-1, column.itemsize).T).tobytes()


def _columns(raw: bytes) -> tuple[Ids, Ids, NDArray[np.float64]]:
    count = len(raw) // _SAMPLE_BYTES
    steps = restore(raw[: 4 * count], np.dtype("<u4"))
    ids = np.cumsum(steps, dtype=np.uint32).astype(np.int64)
    times = restore(raw[4 * count : 12 * count], np.dtype("<i8"))
    return ids, times, restore(raw[12 * count :], np.dtype("<f8"))


def restore(raw: bytes, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The column that `transpose` made these bytes of."""
    transposed = np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, len(raw) // dtype.itemsize)
    return transposed.T.copy().reshape(-1).view(dtype)
