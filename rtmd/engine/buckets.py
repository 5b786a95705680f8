"""The buckets of one tier: over all series that some leaf reads so, as time goes by.

Samples are *sealed*: once no source may bring one that old any more, they leave the raw leaf (the head) for their
bucket, in the fixed chunks of the ring. When a chunk is sealed does not matter, then, only which samples came. What is
asked for at an instant is the buckets of its window, and the samples of the head.

History (older samples from a log, buckets of a snapshot) may come later. A row is *born* with what was sealed when it
was first read; from then on its buckets miss nothing. So a bucket that begins after the birth stays as it is, one that
began before is replaced by the one from history, if that has seen at least as many samples. `since`: nothing is known
of what came before, as in the raw leaf.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from rtmd.engine.parts import Parts, join, summed
from rtmd.engine.raw import NEVER, UNSEEN, RawLeaf
from rtmd.engine.ring import Ring
from rtmd.engine.still import StillLeaf
from rtmd.engine.window import heads
from rtmd.formats.batch import Ids, Times, Values
from rtmd.model.replace import replace
from rtmd.model.tiers import Tier

_FOREVER = 1 << 60


class SavedBuckets(Struct, frozen=True):
    """The buckets of some series: columns of shape (buckets, series), the last bucket is `newest`.

    `series` says which ones: as places in a list of label sets, or as ids.
    """

    width: int
    sealed: int
    newest: int
    series: Ids
    born: Times
    since: Times
    columns: Parts

    def some(self, kept: Ids, series: Ids) -> SavedBuckets:
        """Only these places, under other names."""
        columns = {field: column.take(kept, axis=1) for field, column in self.columns.items()}
        return replace(self, series=series, born=self.born[kept], since=self.since[kept], columns=columns)

    def among(self, series: Ids) -> SavedBuckets:
        """Only those of these series (in rising order), as places in them."""
        kept = np.flatnonzero(np.isin(self.series, series))
        return self.some(kept, np.searchsorted(series, self.series[kept]))

    def fits(self, tier: Tier) -> bool:
        """Whether these can be buckets of that tier."""
        return self.width == tier.width and self.columns.keys() >= set(tier.fields)


class Buckets:
    """The rows of a tier. `sealed` is the time up to which samples are in buckets; None before the first."""

    def __init__(self, tier: Tier, raw: RawLeaf) -> None:
        self.tier = tier
        self.sealed: int | None = None
        self.series: Ids = np.empty(0, np.int64)  # by row
        self._raw = raw
        self._ring = Ring(tier)
        self._row_of: Ids = np.empty(0, np.int64)  # by series, -1 for others
        self._born: Times = np.empty(0, np.int64)
        self._since: Times = np.empty(0, np.int64)

    def __repr__(self) -> str:
        return f"<Buckets {self._ring!r}, {len(self.series)} series>"

    @property
    def size(self) -> int:
        """Bytes in use."""
        return self._ring.size + 8 * (3 * len(self.series) + len(self._row_of))

    def can_be(self, tier: Tier) -> bool:
        """Whether these buckets say all that another tier wants of its buckets."""
        return self.tier.width == tier.width and set(tier.fields) <= set(self.tier.fields)

    # -- who is read

    def cover(self, series: Ids) -> None:
        """Read these series (in rising order) too; what the raw leaf has of them is taken in."""
        if not len(series):
            return
        if series[-1] >= len(self._row_of):
            more = max(int(series[-1]) + 1, len(self._row_of) * 5 // 4) - len(self._row_of)
            self._row_of = np.append(self._row_of, np.full(more, -1))
        fresh = series[self._row_of[series] < 0]
        if not len(fresh):
            return
        first = len(self.series)
        self._row_of[fresh] = np.arange(first, first + len(fresh))
        self.series = np.append(self.series, fresh)
        self._born = np.append(self._born, np.full(len(fresh), UNSEEN if self.sealed is None else self.sealed))
        place, times, values = self._raw.between(fresh, NEVER, _FOREVER)
        oldest = np.where(self._raw.first[fresh] == UNSEEN, NEVER, UNSEEN)
        oldest[place[::-1]] = times[::-1]  # of several assignments the last one stays
        self._since = np.append(self._since, oldest)
        self._ring.widen(len(self.series))
        if self.sealed is not None:
            past = times <= self.sealed
            self._take(place[past] + first, times[past], values[past])

    def keep(self, series: Ids) -> None:
        """Forget all other series."""
        if len(series) < len(self.series):
            self._keep(np.sort(self._row_of[series]))

    def renumber(self, new: Ids) -> None:
        """Series have other ids (`new` by old one), or none (negative)."""
        self._keep(np.flatnonzero(new[self.series] >= 0))
        self.series = new[self.series]
        self._find_rows()

    def _keep(self, rows: Ids) -> None:
        self._ring.keep(rows)
        self.series, self._born, self._since = self.series[rows], self._born[rows], self._since[rows]
        self._find_rows()

    def _find_rows(self) -> None:
        self._row_of[:] = -1
        self._row_of[self.series] = np.arange(len(self.series))

    def since(self, series: Ids) -> Times:
        """Since when each of these series is known; NEVER for one that is not read."""
        rows = self._rows(series)
        return np.where(rows < 0, NEVER, self._since[rows]) if len(self.series) else np.full(len(series), NEVER)

    def doubt(self) -> None:
        """There is a past: what nothing is known of yet counts as unknown, not as new."""
        self._since[self._since == NEVER] = UNSEEN

    def _rows(self, series: Ids) -> Ids:
        """The row of each series, -1 for one that is not read."""
        rows = np.full(len(series), -1)
        known = series < len(self._row_of)
        rows[known] = self._row_of[series[known]]
        return rows

    # -- samples in

    def seal(self, until: int) -> None:
        """No sample as old as this comes any more: take what the raw leaf has up to there, in whole steps."""
        until = until // self.tier.step * self.tier.step
        if until > self._after:
            self._watch_signs(dips=self._raw.dips(self.series))
            self._advance(until, *self._raw.between(self.series, self._after, until))

    def fill(self, series: Ids, times: Times, values: Values, until: int) -> None:
        """Take history of series that are read, of any age and order; samples after `until` are not for buckets."""
        rows = self._row_of[series]
        place, old_times, old_values = self._raw.between(self.series, NEVER, _FOREVER)
        samples = (np.append(place, rows), np.append(old_times, times), np.append(old_values, values))
        whole, everything = StillLeaf(*samples, len(self.series)), np.arange(len(self.series))
        self._watch_signs(dips=whole.dips(everything))
        if self.sealed is not None:
            past = self._ring.twin()
            past.take(*whole.between(everything, NEVER, self.sealed))
            self._learn(past, np.unique(rows))
        until = until // self.tier.step * self.tier.step
        if until > self._after:
            self._advance(until, *whole.between(everything, self._after, until))
        np.minimum.at(self._since, rows, times)

    @property
    def _after(self) -> int:
        return NEVER if self.sealed is None else self.sealed

    def _advance(self, until: int, rows: Ids, times: Times, values: Values) -> None:
        self._take(rows, times, values)
        self._ring.open((until - 1) // self.tier.width)
        if self.sealed is None:
            self._born[:] = until
        self.sealed = until

    def _take(self, rows: Ids, times: Times, values: Values) -> None:
        self._ring.take(rows, times, values)
        unknown = self._since[rows] == UNSEEN
        np.minimum.at(self._since, rows[unknown], times[unknown])

    def _watch_signs(self, *, dips: bool) -> None:
        """Where sums may cancel, what they lose to rounding is kept, too, from the first value below zero on."""
        if dips and "sum" in self._ring.columns and "low" not in self._ring.columns:
            self._ring.add("low")

    # -- history

    def _learn(self, past: Ring, rows: Ids) -> None:
        """Take over what a twin of the ring knows better of these rows (see the theory above)."""
        for bucket in self._ring.present:
            richer = past.at(bucket, rows)["count"] >= self._ring.at(bucket, rows)["count"]
            taken = rows[richer & (bucket * self.tier.width < self._born[rows])]
            self._ring.put(bucket, taken, past.at(bucket, taken))

    def saved(self) -> SavedBuckets | None:
        """A copy of everything, series by id; None before anything was sealed."""
        if self.sealed is None:
            return None
        order, rows = np.array(self._ring.present) % self.tier.slots, len(self.series)
        columns = {field: column[order, :rows] for field, column in self._ring.columns.items()}
        past = (self.series.copy(), self._born.copy(), self._since.copy())
        return SavedBuckets(self.tier.width, self.sealed, self._ring.newest, *past, columns)

    def restore(self, saved: SavedBuckets) -> None:
        """Take over buckets that fit, of series by id; those that are read."""
        known = np.flatnonzero(self._rows(saved.series) >= 0)
        saved = saved.some(known, saved.series[known])
        rows, fresh = self._row_of[saved.series], self.sealed is None
        self._watch_signs(dips="low" in saved.columns)
        if fresh:
            self._ring.open(saved.newest)
            self.sealed = saved.sealed
        past, first = self._ring.twin(), saved.newest - len(saved.columns["count"]) + 1
        for bucket in range(max(first, past.present.start), min(saved.newest + 1, past.present.stop)):
            past.put(bucket, rows, {field: column[bucket - first] for field, column in saved.columns.items()})
        self._learn(past, rows)
        lost = first * self.tier.width if first > past.present.start else NEVER  # fewer buckets than there may be
        since = np.maximum(saved.since, lost)
        self._since[rows] = since if fresh else np.minimum(self._since[rows], since)
        if fresh:
            self._born[:] = saved.sealed
            self._born[rows] = saved.born

    # -- windows out

    def over(self, series: Ids, seen: int, length: int) -> Parts:
        """The samples of each series in (seen − length, seen], as parts; times are ms after the window's start.

        Exact where both ends are multiples of the width; elsewhere older samples come and go by whole buckets.
        """
        self._watch_signs(dips=self._raw.dips(self.series))
        rows, width, start, sealed = self._row_of[series], self.tier.width, seen - length, self._after
        high = seen // width if seen < sealed else -(-sealed // width)
        in_order = len(rows) == len(self.series) and bool((rows[1:] > rows[:-1]).all())
        total = self._ring.over(slice(0, len(rows)) if in_order else rows, range(start // width, high), start)
        if seen > sealed:
            self._join_head(total, series, after=max(sealed, start), seen=seen, start=start)
        return total

    def _join_head(self, total: Parts, series: Ids, *, after: int, seen: int, start: int) -> None:
        place, times, values = self._raw.between(series, after, seen)
        if not len(place):
            return
        begins = np.flatnonzero(heads(place))
        head = summed(self._ring.columns, times - start, values, begins)
        place = place[begins]
        if len(place) == len(series):
            join(total, head)
            return
        some = {field: column[place] for field, column in total.items()}
        join(some, head)
        for field, column in total.items():
            column[place] = some[field]
