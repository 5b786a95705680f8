"""The raw leaf: the recent samples of every series that some plan reads, exact, in one pair of flat arrays.

Each series owns a slab, a contiguous piece of the pool: `[start, limit)`, of which `[begin, end)` holds its samples
in order of time, never two of the same time. New samples go to the end. When a slab is full, what its series no
longer needs is cut off the front and the rest moves to the front of the slab, or to a larger one. Slabs are taken
from the end of the pool, an abandoned slab is waste; when the pool is full, all slabs are copied side by side into a
new pool, in order of series, with some air. So allocation is one addition, and whole columns of windows stay nearly
contiguous, which is what makes reductions over them fast.

What a series needs, seen from the newest engine time (the *horizon*; nobody evaluates earlier than that): everything
younger than its retention (the longest window that reads it, and at least a minute, the usual lateness), and the one
sample before, unless that is too old to say that the series is alive. With that one the newest sample at any
later instant is always here, so an instant selector needs no five minutes of samples.

Times are int32 milliseconds from `base`, which moves with the horizon every twelve days, when the pool is copied:
12 bytes a sample. Three things are noted on the way in because a window needs a closer look only where they lie in it:
the time of the newest stale marker, of the newest fall of the value (a counter reset) and of the newest value below
zero of each series.

There are two ways in. The fast one takes samples newer than the last one of their series, a few numpy operations a
batch. The exact one (late samples, duplicates, history) merges: of two samples of the same series and time the one
that was there, or came first, wins.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rtmd.engine.growing import room_for
from rtmd.engine.window import Offsets, Window, ascending, first_after, heads, pieces, roomy, spread
from rtmd.formats.batch import STALE_BITS, Ids, Times, Values, is_stale
from rtmd.model.expr import LOOKBACK
from rtmd.model.tiers import LONGEST_SAMPLES

_SHORTEST = 60_000
_REBASE = 1 << 30  # offsets stay within ±2^31 with room for windows, lateness and clocks that run ahead
NEVER = -(1 << 62)
UNSEEN = 1 << 62
AHEAD = 30_000  # how far ahead of the engine a sample may have been when it came, ms
# Kept for each series, and what stands there for one that was never fed.
_COLUMNS = {
    **dict.fromkeys(("first", "_pinned"), UNSEEN),
    **dict.fromkeys(("since", "_last", "_stale", "_fall", "_below"), NEVER),
    **dict.fromkeys(("retention", "_start", "_limit", "_begin", "_end"), 0),
}


class Stored(Struct, frozen=True):
    """What became of samples: the series that got one (unique), and how many were there already."""

    series: Ids
    duplicates: int


class RawLeaf:
    """Samples by series id. `retention[series]` is 0 for a series that nobody reads: it is not stored.

    `version` rises with every change, so that results may be remembered beside it; `horizon` is the engine's time.
    """

    def __init__(self) -> None:
        self.version = 0
        self.first: Times = np.empty(0, np.int64)  # the first sample ever, UNSEEN before that
        self.since: Times = np.empty(0, np.int64)  # what came before is not here though some window would reach it
        self.retention: Times = np.empty(0, np.int64)
        self._last: Times = np.empty(0, np.int64)
        self._stale: Times = np.empty(0, np.int64)
        self._fall: Times = np.empty(0, np.int64)
        self._below: Times = np.empty(0, np.int64)
        self._pinned: Times = np.empty(0, np.int64)
        self._start = self._limit = self._begin = self._end = np.empty(0, np.int64)
        self._times: Offsets = np.zeros(0, np.int32)
        self._values: Values = np.zeros(0, np.float64)
        self._used = 0
        self._base = 0
        self.horizon = NEVER

    def __repr__(self) -> str:
        stored = int((self._limit > self._start).sum())
        return f"<RawLeaf {stored} series, {int((self._end - self._begin).sum())} samples, {self.size} bytes>"

    @property
    def size(self) -> int:
        """Bytes in use: the pool as far as it was ever touched, and what is kept for each series."""
        return 12 * self._used + 12 * 8 * len(self.first)

    # -- who is read, and for how long

    def cover(self, series: int) -> None:
        """Make room for the series with ids below `series`."""
        known = len(self.first)
        if series <= known:
            return
        more = room_for(series, known) - known
        for name, empty in _COLUMNS.items():
            setattr(self, name, np.append(getattr(self, name), np.full(more, empty, np.int64)))

    def read(self, series: Ids, window: int, since: int | None = None) -> None:
        """From now on keep what a window of this length (ms) needs of these series, and no less than before.

        With `since`, everything from that time on (as far as LONGEST_SAMPLES reaches), whatever its age.

        Of a series that is kept longer than before nothing is known `since` before the oldest sample that is still
        here: a longer window must not be called covered.
        """
        retention = max(window, _SHORTEST)
        grown = series[self.retention[series] < retention]
        self.retention[grown] = retention
        if since is not None:
            self._pinned[series] = np.minimum(self._pinned[series], since)
        held = grown[self._end[grown] > self._begin[grown]]
        self.since[held] = self._times[self._begin[held]] + np.int64(self._base)
        self.version += 1

    def keep(self, windows: Times, since: Times | None = None) -> None:
        """Keep exactly this much (ms, and from when on, by series id), and nothing where the window is negative."""
        self._pinned = np.full_like(windows, UNSEEN) if since is None else since
        self.retention = np.where(windows < 0, 0, np.maximum(windows, _SHORTEST))
        unread = self.retention == 0
        self.first[unread] = UNSEEN
        for column in (self.since, self._last, self._stale, self._fall, self._below):
            column[unread] = NEVER
        for column in (self._start, self._limit, self._begin, self._end):
            column[unread] = 0
        self.version += 1

    def renumber(self, living: Ids) -> None:
        """These series, in rising order, are all there are now: the i-th of them is series i."""
        for column in _COLUMNS:
            setattr(self, column, getattr(self, column)[living])
        self.version += 1

    def patience(self) -> Times:
        """How long a series must be without samples until nobody can tell that it was there."""
        return np.where(self._pinned == UNSEEN, self.retention + LOOKBACK + AHEAD, UNSEEN)

    def seen(self, series: Ids, first: Times) -> None:
        """It is known that these series had a first sample then."""
        series, first = series[self.retention[series] > 0], first[self.retention[series] > 0]
        np.minimum.at(self.first, series, first)
        np.minimum.at(self.since, series, first)

    def advance(self, at: int) -> None:
        """Engine time is `at`: nothing will be asked for an earlier instant."""
        self.horizon = max(self.horizon, at)
        if self.horizon - self._base > _REBASE:
            self._rebuild()

    def tidy(self) -> None:
        """Cut off all that nobody needs any more and lay the slabs side by side again."""
        self._rebuild()
        self.version += 1

    # -- samples in

    def store(self, ids: Ids, times: Times, values: Values) -> Stored:
        """Take samples of series that are read, in order of arrival; shapes (n,)."""
        self.version += 1
        before = self._last[ids]
        if not ascending(ids):
            order = ids.argsort(kind="stable")
            ids, times, values, before = ids[order], times[order], values[order], before[order]
            again = np.flatnonzero(ids[1:] == ids[:-1])
            before[again + 1] = times[again]
        early = times <= before
        if not early.any():
            return Stored(self._append(ids, times, values), 0)
        troubled = np.isin(ids, ids[early])
        merged = self._merge(ids[troubled], times[troubled], values[troubled])
        fine = ~troubled
        appended = self._append(ids[fine], times[fine], values[fine])
        return Stored(np.concatenate((merged.series, appended)), merged.duplicates)

    def fill(self, ids: Ids, times: Times, values: Values) -> None:
        """Take history, of any age and order, of series that are read. Costs one merge: give all at once."""
        if not len(ids):
            return
        self.version += 1
        self.advance(int(times.max()) - AHEAD)
        self.seen(ids, times)
        useful = times >= np.minimum(self._since(ids), self.horizon - LOOKBACK)
        self._merge(ids[useful], times[useful], values[useful])

    def _append(self, ids: Ids, times: Times, values: Values) -> Ids:
        """The fast way: sorted by series, then time, and newer than all that is there. Gives the series."""
        series, starts = ids, None
        counts: Ids | np.int64 = np.int64(1)
        if not ascending(ids):
            starts = np.flatnonzero(heads(ids))
            series, counts = ids[starts], np.diff(starts, append=len(ids))
        self._reserve(series, counts)
        place = self._end[ids]
        if starts is not None:
            place += np.arange(len(ids)) - np.repeat(starts, counts)
        self._times[place] = times - self._base
        self._values[place] = values
        self._end[ids] = place + 1  # of several samples of a series the last, and newest, assignment stays
        self._last[ids] = times
        earliest = times if starts is None else times[starts]
        self.first[series] = np.minimum(self.first[series], earliest)
        self._note(ids, times, values, place)
        return series

    def _note(self, ids: Ids, times: Times, values: Values, place: Ids) -> None:
        """Remember markers, falls, negatives; of several in a series the last one stays, which is the newest."""
        below = values < 0
        if below.any():
            self._below[ids[below]] = times[below]
        fell = values < self._values[place - 1]
        if fell.any():
            fell &= place > self._begin[ids]
            self._fall[ids[fell]] = times[fell]
        stale = is_stale(values)
        if stale.any():
            self._stale[ids[stale]] = times[stale]

    def _merge(self, ids: Ids, times: Times, values: Values) -> Stored:
        """The exact way: any order, any age, duplicates."""
        series = np.unique(ids)
        counts = self._end[series] - self._begin[series]
        here = spread(self._begin[series], counts)
        old = len(here)
        ids = np.concatenate((np.repeat(series, counts), ids))
        times = np.concatenate((self._times[here] + np.int64(self._base), times))
        values = np.concatenate((self._values[here], values))
        order = np.lexsort((times, ids))  # stable: what was here before stands before its duplicates
        ids, times, values = ids[order], times[order], values[order]
        repeated = np.zeros(len(ids), np.bool_)
        repeated[1:] = (ids[1:] == ids[:-1]) & (times[1:] == times[:-1])
        fresh = np.unique(ids[(order >= old) & ~repeated])
        self._replace(series, ids[~repeated], times[~repeated], values[~repeated])
        return Stored(fresh, int(repeated.sum()))

    def _replace(self, series: Ids, ids: Ids, times: Times, values: Values) -> None:
        """Let these samples, in order and without duplicates, be all that these series hold."""
        self._begin[series] = self._end[series] = self._start[series]
        self._last[series] = self._stale[series] = self._fall[series] = self._below[series] = NEVER
        kept = self._worth(ids, times)
        # Falls between a sample that goes and one that stays need no note: no window has both.
        ids, times, values = ids[kept], times[kept], values[kept]
        if len(ids):
            self._append(ids, times, values)

    def _worth(self, ids: Ids, times: Times) -> NDArray[np.bool_]:
        """Which of these sorted samples anybody still needs (see the theory above)."""
        young = times >= self._since(ids)
        before_young = np.append(young[1:] | (ids[1:] != ids[:-1]), True)[: len(ids)]
        return young | (before_young & (times >= self.horizon - np.maximum(self.retention[ids], LOOKBACK)))

    # -- slabs

    def _reserve(self, series: Ids, extra: NDArray[np.int64] | np.int64) -> None:
        """Make sure that so many samples fit behind each series."""
        short = self._end[series] + extra > self._limit[series]
        if not short.any():
            return
        extra = np.broadcast_to(extra, short.shape)
        if not self._make_room(series[short], extra[short]):
            self._rebuild(series, extra)  # for those with room, too: a new pool gives nobody more than is asked for

    def _make_room(self, series: Ids, extra: NDArray[np.int64]) -> bool:
        """Cut the slabs of these series and move what remains to the front, or to a larger slab; False: pool full."""
        cut = self._cut(series)
        kept = self._end[series] - cut
        need = kept + extra
        start = self._start[series]
        capacity = self._limit[series] - start
        moves = need * 8 > capacity * 7  # a slab nearly full of what is needed would be full again at once
        capacity[moves] = roomy(need[moves])
        ends = self._used + np.cumsum(capacity[moves])
        if len(ends):
            if ends[-1] > len(self._times):
                return False
            start[moves] = ends - capacity[moves]
            self._used = int(ends[-1])
        source, place = spread(cut, kept), spread(start, kept)
        self._times[place] = self._times[source]
        self._values[place] = self._values[source]
        self._settle(series, start, kept, capacity)
        return True

    def _settle(self, series: Ids, start: Ids, kept: Ids, capacity: Ids) -> None:
        self._start[series] = self._begin[series] = start
        self._end[series] = start + kept
        self._limit[series] = start + capacity

    def _since(self, series: Ids) -> Times:
        """From when on each series is needed."""
        since = self.horizon - self.retention[series]
        return np.maximum(np.minimum(since, self._pinned[series]), self.horizon - LONGEST_SAMPLES)

    def _cut(self, series: Ids) -> Ids:
        """Where what each series still needs begins (see the theory above)."""
        begin, end, retention = self._begin[series], self._end[series], self.retention[series]
        young = first_after(self._times, begin, end, self._offsets(self._since(series) - 1))
        before = np.maximum(young - 1, begin)
        alive = self._offsets(self.horizon - np.maximum(retention, LOOKBACK))
        useful = (before < young) & (self._times.take(before, mode="clip") >= alive) if len(self._times) else False
        return np.where(useful, before, young)

    def _rebuild(self, series: Ids | None = None, extra: Ids | None = None) -> None:
        """Copy everything that is needed into a new pool, with room for `extra` more samples of some series."""
        stored = np.flatnonzero(self._limit > self._start)
        if series is not None:
            stored = np.union1d(stored, series)
        cut = self._cut(stored)
        kept = self._end[stored] - cut
        need = kept.copy()
        if series is not None and extra is not None:
            need[np.searchsorted(stored, series)] += extra
        capacity = np.where(need > 0, roomy(need), 0)
        ends = np.cumsum(capacity)
        used = int(ends[-1]) if len(ends) else 0
        base = self.horizon if self.horizon - self._base > _REBASE else self._base
        start = ends - capacity
        times = np.zeros(used + used // 4 + 64, np.int32)  # what is never written costs no memory
        values = np.zeros(len(times), np.float64)
        for some in pieces(kept):
            source, place = spread(cut[some], kept[some]), spread(start[some], kept[some])
            times[place] = self._times[source] + np.int64(self._base - base)
            values[place] = self._values[source]
        self._times, self._values, self._used, self._base = times, values, used, base
        self._settle(stored, start, kept, capacity)

    def _offset(self, time: int) -> int:
        """A time as an offset from base; what lies outside int32 lies outside all samples too."""
        return max(-(1 << 31), min(time - self._base, (1 << 31) - 1))

    def _offsets(self, times: Times) -> NDArray[np.int64]:
        """Many times as offsets from base."""
        return np.clip(times - self._base, -(1 << 31), (1 << 31) - 1)

    # -- samples out

    def window(self, series: Ids, at: int, length: int) -> Window:
        """The samples of each series in (at − length, at], stale markers among them."""
        begin, end = self._begin[series], self._end[series]
        high = self._high(series, begin, end, at)
        start = self._offset(at - length)
        low = first_after(self._times, begin, high, start)
        falling = self._fall[series] > at - length
        negative = self._below[series] > at - length
        return Window(
            self._times, self._values, low, high, start=start, length=length, falling=falling, negative=negative
        )

    def marked(self, series: Ids, since: int) -> NDArray[np.bool_]:
        """Which series may have a stale marker later than `since`."""
        return self._stale[series] > since

    def latest(self, series: Ids, at: int, reach: int) -> tuple[Values, NDArray[np.bool_]]:
        """The newest value of each series at `at`, and whether the series is alive.

        Alive: that sample lies in (at − reach, at] and is no stale marker.
        """
        begin, end = self._begin[series], self._end[series]
        newest = self._high(series, begin, end, at) - 1
        if not len(self._times):
            return np.full(len(series), np.nan), np.zeros(len(series), np.bool_)
        values = self._values.take(newest, mode="clip")
        alive = (newest >= begin) & (self._times.take(newest, mode="clip") > self._offset(at - reach))
        alive &= values.view(np.uint64) != STALE_BITS
        return values, alive

    def stamps(self, series: Ids, at: int) -> Times:
        """The time of the newest sample of each series at `at`; of one that is not alive it means nothing."""
        newest = self._high(series, self._begin[series], self._end[series], at) - 1
        return self._times.take(newest, mode="clip") + np.int64(self._base)

    def columns(self) -> tuple[Ids, NDArray[np.int64], Times, Values]:
        """A copy of everything: series ids, samples of each, and all their times and values one after the other."""
        series = np.flatnonzero(self.first != UNSEEN)
        counts = self._end[series] - self._begin[series]
        place = spread(self._begin[series], counts)
        return series, counts, self._times[place] + np.int64(self._base), self._values[place]

    def between(self, series: Ids, after: int, until: int) -> tuple[Ids, Times, Values]:
        """All samples in (after, until], place in `series` by place: that place, time and value of each."""
        begin = self._begin[series]
        high = self._high(series, begin, self._end[series], until)
        low = first_after(self._times, begin, high, self._offset(after))
        here = spread(low, high - low)
        return (
            np.repeat(np.arange(len(series)), high - low),
            self._times[here] + np.int64(self._base),
            self._values[here],
        )

    def dips(self, series: Ids) -> bool:
        """Whether any of these series may be below zero somewhere."""
        return bool((self._below[series] != NEVER).any())

    def _high(self, series: Ids, begin: Ids, end: Ids, at: int) -> Ids:
        ahead = self._last[series] > at
        if ahead.any():
            end[ahead] = first_after(self._times, begin[ahead], end[ahead], self._offset(at))
        return end
