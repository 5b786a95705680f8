"""Samples as columns, and the table that gives series their ids.

A decoder interns each series once and hands over three parallel arrays. Ids are dense integers from 0, given in
order of first appearance; everything behind the decoders works on ids.

Ids are good until `renumber` frees those of series that nobody needs any more: then the others move up, in the same
order. Whoever remembers ids from one batch to the next is a `Holder`, enters itself among the table's `holders`, and is
told. A batch is never under way at that moment (`pipeline.inputs.RoomWanted`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakSet

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rtmd.model.firing import Exemplar
from rtmd.model.labels import Labels, Pair

Ids = NDArray[np.int64]
Times = NDArray[np.int64]
Values = NDArray[np.float64]

_NEW = "too_many_new_series"
_PAIRS = 16_384
REFUSED = -1  # what `intern` gives instead of an id when a limit says no

# Prometheus marks the end of a series with this NaN; every other NaN is an ordinary value.
STALE_BITS = 0x7FF0000000000002
STALE = np.array([STALE_BITS], dtype=np.uint64).view(np.float64)[0]


def is_stale(values: Values) -> NDArray[np.bool_]:
    """Which of these values are the stale marker, by bit pattern."""
    marked: NDArray[np.bool_] = values.view(np.uint64) == STALE_BITS
    return marked


class PlacedExemplar(Struct, frozen=True):
    """An exemplar with the series and time it belongs to."""

    series: int
    time: int
    exemplar: Exemplar


class SampleBatch(Struct, frozen=True):
    """One post or scrape, applied atomically: `ids`, `times` (ms) and `values` are parallel, shape (n,).

    Order within the batch is the order of arrival; of two samples with the same series and time the first wins.
    """

    ids: Ids
    times: Times
    values: Values
    exemplars: tuple[PlacedExemplar, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


EMPTY = SampleBatch(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


class SeriesLimits(Struct, frozen=True):
    """What a series may look like, and how many there may be (S13: refuse the new, keep the known)."""

    series: int = 200_000
    new_series_per_post: int = 20_000
    labels: int = 64
    name_bytes: int = 256
    value_bytes: int = 2048


UNLIMITED = SeriesLimits(*[1 << 40] * 5)


class Holder(Protocol):
    """Somebody who remembers ids."""

    def held(self) -> Ids:
        """Those that must live on."""
        ...

    def renumber(self, new: Ids) -> None:
        """From now on `new[id]` is what was `id`; negative: it was freed."""
        ...


class _Sharing:
    """Label sets made of what others are made of: most pairs, and nearly all names, are in many of them."""

    def __init__(self) -> None:
        self._pairs: dict[Pair, Pair] = {}  # seen lately
        self._names: dict[str, str] = {}

    def of(self, labels: Labels) -> Labels:
        """Equal to these labels."""
        if len(self._pairs) > _PAIRS:
            self._pairs.clear()
            self._names.clear()
        pairs = self._pairs
        return tuple([pairs.get(pair) or self._add(pair) for pair in labels])

    def _add(self, pair: Pair) -> Pair:
        name, value = pair
        ours = self._names.setdefault(name, name), value
        self._pairs[ours] = ours
        return ours


class SeriesTable:
    """Label sets ⇄ dense ids. `refused` counts, by reason, what was turned away.

    A new series costs many times a sample, so one post may bring only so many (`one_post`): it must not hold the loop.
    What is over that is refused like the rest, and has its turn with the next post.
    """

    def __init__(self, limits: SeriesLimits | None = None) -> None:
        self.limits = limits or SeriesLimits()
        self.refused: Counter[str] = Counter()
        self.holders: WeakSet[Holder] = WeakSet()
        self._ids: dict[Labels, int] = {}
        self._labels: list[Labels] = []
        self._sharing = _Sharing()
        self._room: int | None = None  # new series that the present post may bring; None: no post, no bound
        self._surplus = 0  # how many it had beyond

    def __len__(self) -> int:
        return len(self._labels)

    def __repr__(self) -> str:
        return f"<SeriesTable {len(self)}/{self.limits.series} series, {self.refused.total()} refused>"

    @contextmanager
    def one_post(self) -> Iterator[None]:
        """What is interned inside belongs to one post."""
        self._room, self._surplus = self.limits.new_series_per_post, 0
        try:
            yield
        finally:
            self._room = None

    def turns_away(self) -> bool:
        """Whether a spelling that is not known is not even worth reading; if so, it is counted.

        That is when this post has had its new series, and as many again that were read only to be refused.
        """
        if self._room is None or self._surplus < self.limits.new_series_per_post:
            return False
        self.refused[_NEW] += 1
        return True

    def intern(self, labels: Labels) -> int:
        """The id of this label set (sorted, as `labels_of` makes it), new if need be; REFUSED when over a limit."""
        known = self._ids.get(labels)
        if known is not None:
            return known
        reason = self._objection(labels)
        if reason:
            self.refused[reason] += 1
            return REFUSED
        if self._room is not None:
            self._room -= 1
        return self.reserve(labels)

    def reserve(self, labels: Labels) -> int:
        """The same without a limit: for the few series that rtmd itself cannot do without."""
        known = self._ids.get(labels)
        if known is not None:
            return known
        labels = self._sharing.of(labels)
        new = self._ids[labels] = len(self._labels)
        self._labels.append(labels)
        return new

    @property
    def names(self) -> Sequence[Labels]:
        """All label sets by id. It grows with the table; after `renumber` there is another one, and this one stays."""
        return self._labels

    def held(self) -> Ids:
        """The ids that somebody cannot do without."""
        return np.concatenate([np.empty(0, np.int64), *(holder.held() for holder in self.holders)])

    def renumber(self, living: NDArray[np.bool_]) -> Ids:
        """Keep these series only (a mask by id), among them all that are `held`; gives the new ids by old one."""
        new = np.where(living, np.cumsum(living) - 1, REFUSED)
        self._labels = [self._labels[series] for series in np.flatnonzero(living).tolist()]
        self._ids = {labels: series for series, labels in enumerate(self._labels)}
        for holder in self.holders:
            holder.renumber(new)
        return new

    def labels(self, series: int) -> Labels:
        """The label set of an id; IndexError for an id never given."""
        return self._labels[series]

    def since(self, first: int) -> Iterator[tuple[int, Labels]]:
        """All series from id `first` on, in order of id."""
        return ((series, self._labels[series]) for series in range(first, len(self._labels)))

    def _objection(self, labels: Labels) -> str:
        if len(self._labels) >= self.limits.series:
            return "too_many_series"
        reason = self._misshapen(labels)
        if not reason and self._room == 0:
            self._surplus += 1
            return _NEW
        return reason

    def _misshapen(self, labels: Labels) -> str:
        if not labels:
            return "no_labels"
        if len(labels) > self.limits.labels:
            return "too_many_labels"
        for name, value in labels:
            # A character has at most four bytes: only long strings need to be measured.
            if len(name) * 4 > self.limits.name_bytes and len(name.encode()) > self.limits.name_bytes:
                return "label_name_too_long"
            if len(value) * 4 > self.limits.value_bytes and len(value.encode()) > self.limits.value_bytes:
                return "label_value_too_long"
        return ""
