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

_PAYLOAD = np.uint64(0x7F7F7F7F_7F7F0000)  # the bits of a varint in the upper six of eight bytes


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

    def read(self, raw: bytes | bytearray, places: Rows) -> tuple[NDArray[np.uint32], Words, Words]:
        """Heads, words that end in the time, and values as bits, of the samples that begin at these bytes.

        The message must leave room for them. Field by field: whole records would be copied one by one.
        """
        if not len(places):
            return np.empty(0, np.uint32), np.empty(0, np.uint64), np.empty(0, np.uint64)
        records = self._over(raw)
        bits = records["value"][places] if self.valued else np.zeros(len(places), np.uint64)
        return records["head"][places], records["time"][places], bits

    def lift(self, body: bytearray, places: Rows) -> tuple[Words, Words]:
        """The same words and values, taken out of the body: their bits are 0 afterwards, all others as they were."""
        _, words, bits = self.read(body, places)
        if len(places):
            records = self._over(body)
            records["time"][places] = words & ~_PAYLOAD
            if self.valued:
                records["value"][places] = 0
        return words, bits

    def holds(self, heads: NDArray[np.uint32], words: Words) -> NDArray[np.bool_]:
        """Which samples have every fixed bit right: the head, the tag, and a varint of exactly six bytes."""
        right: NDArray[np.bool_] = (heads & np.uint32(0xFFFFFF)) == self.head
        right &= (words & np.uint64(0x80808080_8080FF00)) == np.uint64(0x00808080_80801000)
        return right

    def _over(self, body: bytes | bytearray) -> NDArray[np.void]:
        """A record at every byte."""
        return np.ndarray(len(body) - self.size + 1, dtype=self.record, buffer=body, strides=(1,))


USUAL = Spelling(18, 0x091012, value=3)
ZERO = Spelling(9, 0x100712, value=None)


def unpack(words: Words) -> Times:
    """Varints of six bytes, in the upper six of eight, to integers: seven bits each, joined two by two."""
    bits = (words & _PAYLOAD) >> np.uint64(16)
    pairs = (bits & np.uint64(0x007F007F007F)) | ((bits & np.uint64(0x7F007F007F00)) >> np.uint64(1))
    joined = pairs & np.uint64(0x3FFF)
    joined |= (pairs >> np.uint64(2)) & np.uint64(0x3FFF << 14)
    joined |= (pairs >> np.uint64(4)) & np.uint64(0x3FFF << 28)
    return joined.view(np.int64)
