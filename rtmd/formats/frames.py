"""The usual spellings of a remote_write post, read in bulk.

A frame is one TimeSeries of the message: `0A length labels sample`. In nearly every frame the sample is spelled in
18 bytes, `12 10 09 value×8 10 varint×6`, or in 9 where the value is zero and so left out: `12 07 10 varint×6` (a
varint of six bytes holds the milliseconds from 1971 to 2109). `hop` goes from frame to frame; a `Spelling` checks and
reads thousands of samples in a few numpy operations. Neither decides anything: what does not check is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from rtmd.formats.batch import Times

UNKNOWN = -2  # labels nobody has seen yet, or a frame that ends in something else than one usual sample
LEAST_FRAME = 20  # bytes of the smallest frame that could be usual

Rows = NDArray[np.int64]
Words = NDArray[np.uint64]


def hop(raw: bytes, known: Callable[[bytes, int], int], most: int) -> tuple[list[int], list[int]]:
    """From frame to frame by their lengths alone: what each one's labels are known as, and where it ends.

    Assumes that every frame is a TimeSeries with a length of one or two bytes; the caller checks. Gives up after
    `most` frames, or on frames too small to be any. IndexError when the message ends inside a length.
    """
    ids: list[int] = []
    stops: list[int] = []
    pos, end = 0, len(raw)
    for _ in repeat(None, min(end // LEAST_FRAME, most) + 1):
        if pos >= end:
            break
        size = raw[pos + 1]
        if size > 0x7F:
            start = pos + 3
            pos = start + (raw[pos + 2] << 7) + size - 0x80
        else:
            start = pos + 2
            pos = start + size
        ids.append(known(raw[start : pos - 18], UNKNOWN))
        stops.append(pos)
    return ids, stops


class Spelling:
    """A usual spelling of a sample: `size` bytes, the first three of them fixed, the last seven a tag and a time.

    `record` reads it at any byte of the message: the head, eight bytes that end in the time, and the value.
    """

    def __init__(self, size: int, head: int, *, value: int | None) -> None:
        self.size = size
        self.head = np.uint32(head)
        self.valued = value is not None
        offsets = [0, size - 8] if value is None else [0, size - 8, value]
        names = ["head", "time", "value"][: len(offsets)]
        formats = ["<u4", "<u8", "<u8"][: len(offsets)]
        self.record = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})

    def at(self, raw: bytes, places: Rows) -> NDArray[np.void]:
        """The records at these bytes of the message, which must leave room for them."""
        window: NDArray[np.void] = np.ndarray(len(raw) - self.size + 1, dtype=self.record, buffer=raw, strides=(1,))
        return window[places]

    def holds(self, records: NDArray[np.void]) -> NDArray[np.bool_]:
        """Which records have every fixed bit right: the head, the tag, and a varint of exactly six bytes."""
        right: NDArray[np.bool_] = (records["head"] & np.uint32(0xFFFFFF)) == self.head
        right &= (records["time"] & np.uint64(0x80808080_8080FF00)) == np.uint64(0x00808080_80801000)
        return right


USUAL = Spelling(18, 0x091012, value=3)
ZERO = Spelling(9, 0x100712, value=None)


def unpack(words: Words) -> Times:
    """Varints of six bytes, in the upper six of eight, to integers: seven bits each, joined two by two."""
    bits = (words >> np.uint64(16)) & np.uint64(0x7F7F7F7F7F7F)
    pairs = (bits & np.uint64(0x007F007F007F)) | ((bits & np.uint64(0x7F007F007F00)) >> np.uint64(1))
    joined = pairs & np.uint64(0x3FFF)
    joined |= (pairs >> np.uint64(2)) & np.uint64(0x3FFF << 14)
    joined |= (pairs >> np.uint64(4)) & np.uint64(0x3FFF << 28)
    return joined.view(np.int64)
