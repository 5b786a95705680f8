"""Posts of remote_write that come again: the same series in the same order, with other times and values.

A *layout* is a post of known series less the payload bits of its samples: everything that says where a series or a
sample begins, how it is spelled and which series it is. Senders repeat them, and a post with the layout of an earlier
one has its series, so nothing of it needs to be looked up: the payload is lifted out of a copy, and what is left must
be the layout, byte for byte. One bit that differs, and the post is read in full.

Only posts may be put in whose samples are all in a usual spelling, of series with an id, and whose reading had no
other effect. Layouts are found by length and first series; of two with the same the later one stays. They are
bounded by what they hold, and when they are full they are emptied, as `series_cache` is.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from rtmd.formats.batch import EMPTY, Ids, SampleBatch, SeriesTable
from rtmd.formats.frames import USUAL, ZERO, Rows, unpack

LAYOUT_BYTES = 32 * 1024**2  # about 150 a series
_ENTRY_BYTES = 800  # what a layout costs besides its arrays
_OPENING = 256  # bytes at most that are looked at to find one


class _Layout(Struct, frozen=True):
    """`bare` is the post without its payload; `order` puts its samples, usual ones first, in their order (or None)."""

    bare: bytes
    ids: Ids  # in order
    usual: Rows
    zeros: Rows
    order: Rows | None

    @property
    def size(self) -> int:
        return _ENTRY_BYTES + len(self.bare) + self.ids.nbytes + self.usual.nbytes + 2 * self.zeros.nbytes

    def read(self, raw: bytes) -> SampleBatch | None:
        """The batch of a post with this layout; None for any other."""
        body = bytearray(raw)
        words, bits = USUAL.lift(body, self.usual)
        if self.order is not None:
            more, none = ZERO.lift(body, self.zeros)
            words = np.concatenate([words, more])[self.order]
            bits = np.concatenate([bits, none])[self.order]
        if body != self.bare:
            return None
        return SampleBatch(self.ids, unpack(words), bits.view(np.float64))


class Layouts:
    """The layouts of lately read posts; `series` says when ids change. At most `limit` bytes."""

    def __init__(self, series: SeriesTable, limit: int = LAYOUT_BYTES) -> None:
        series.holders.add(self)
        self.limit = limit
        self.bytes = 0
        self._known: dict[tuple[int, bytes], _Layout] = {}

    def __repr__(self) -> str:
        return f"<Layouts {len(self._known)}, {self.bytes}/{self.limit} bytes>"

    def read(self, raw: bytes) -> SampleBatch | None:
        """The batch of a post that came before with another payload; None: read it in full."""
        layout = self._known.get(_key(raw))
        return layout.read(raw) if layout else None

    def put(self, raw: bytes, ids: Ids, *, usual: Rows, zeros: Rows) -> None:
        """Remember a post as it was read: its series in order, the first bytes of its samples by spelling, rising."""
        body = bytearray(raw)
        USUAL.lift(body, usual)
        ZERO.lift(body, zeros)
        order = np.argsort(np.concatenate([usual, zeros]), kind="stable") if len(zeros) else None
        ids = ids.copy()
        ids.flags.writeable = False  # every batch of this layout has it
        self._keep(_key(raw), _Layout(bytes(body), ids, usual, zeros, order))

    def held(self) -> Ids:
        """Nothing: what is forgotten is read again."""
        return EMPTY.ids

    def renumber(self, _: Ids) -> None:
        """Ids mean other series now."""
        self._known.clear()
        self.bytes = 0

    def _keep(self, key: tuple[int, bytes], layout: _Layout) -> None:
        before = self._known.pop(key, None)
        self.bytes += layout.size - (before.size if before else 0)
        if self.bytes > self.limit:
            self._known.clear()
            self.bytes = layout.size
        if layout.size <= self.limit:
            self._known[key] = layout


def _key(raw: bytes) -> tuple[int, bytes]:
    """Length, and the labels of the first series (less the last of a long one): what tells most layouts apart."""
    size = int.from_bytes(raw[1:3], "little")
    size = size & 0x7F | (size >> 8 << 7 if size & 0x80 else 0)
    return len(raw), raw[: min(max(0, size - USUAL.size), _OPENING)]
