"""When each series was last fed, and by which sender.

The first says that its id may be freed (semantics S13): by arrival and not by the time of samples, and for every series
that ever came, whether some plan reads it or not. A time that nobody watched does not count.

The second tells a series that left its sender (a replaced pod) from a sender that died (semantics S3): whether all
who fed some series have delivered since. A sender is whoever posts the same series time and again, as a page or a host
does: the sender of a batch is the one that brought most of its series before, or a new one where all are new. Many
hosts may post to one address, so that it is what they post that tells them apart. What delivers is neither a stale
marker nor a report about the delivery: a scrape that fails still says `up` 0, and ends every series of its page.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.growing import room_for
from rtmd.formats.batch import Ids, SeriesTable, Times, Values, is_stale
from rtmd.model.labels import METRIC_NAME, get

_UNKNOWN = -1  # sender
_LOOKED_AT = 64  # samples of a batch, before it is taken to be more than reports
_REPORTS = frozenset({
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
})  # fmt: skip


class Arrivals:
    """Engine times and senders by series id."""

    def __init__(self, table: SeriesTable) -> None:
        self._table = table
        self._at: Times = np.empty(0, np.int64)
        self._by: Ids = np.empty(0, np.int64)
        self._delivered: Times = np.empty(0, np.int64)  # by sender; 0: never
        self._senders = 0
        self._known = 0
        self._now = 0

    def __repr__(self) -> str:
        return f"<Arrivals of {self._known} series from {self._senders} senders until {self._now}>"

    def cover(self, series: int, at: int) -> None:
        """Time is `at`, and there are so many series; those that are new came now."""
        self._now = max(self._now, at)
        if series > len(self._at):
            more = room_for(series, len(self._at)) - len(self._at)
            self._at = np.append(self._at, np.zeros(more, np.int64))
            self._by = np.append(self._by, np.full(more, _UNKNOWN))
        self._at[self._known : series] = self._now
        self._known = max(self._known, series)

    def note(self, series: Ids) -> None:
        """These were fed together."""
        if not len(series):
            return
        self._at[series] = self._now
        before = self._by[series]
        if before[0] == _UNKNOWN or (before != before[0]).any():
            self._by[series] = self._sender(before)

    def deliver(self, series: Ids, values: Values) -> None:
        """Of what was fed together, this was accepted."""
        stale = is_stale(values)
        alive = series[~stale] if stale.any() else series
        if len(alive) > _LOOKED_AT or any(self._name(each) not in _REPORTS for each in alive.tolist()):
            self._delivered[self._by[alive[0]]] = self._now

    def have_delivered(self, series: Ids, since: int) -> bool:
        """Whether everybody who fed these series last has delivered something after `since`; it has to be known who."""
        senders = self._by[series]
        return len(senders) > 0 and bool((senders != _UNKNOWN).all() and (self._delivered[senders] > since).all())

    def shift(self, gap: int) -> None:
        """Nobody watched for `gap` ms."""
        self._at += gap
        self._now += gap
        self._delivered[self._delivered > 0] += gap

    def silent(self, patience: Times) -> NDArray[np.bool_]:
        """Which series have been without samples for longer than that (ms, by id)."""
        return self._now - self._at[: self._known] > patience[: self._known]

    def latest(self, series: Ids) -> int:
        """When any of these series (at least one) was fed last."""
        return int(self._at[series].max())

    def senders(self, series: Ids) -> tuple[Ids, Times]:
        """Who fed each series last (a number, negative: unknown), and when that one delivered."""
        by = self._by[series]
        known = by != _UNKNOWN
        delivered = np.zeros(len(by), np.int64)
        delivered[known] = self._delivered[by[known]]
        return by, delivered

    def restore(self, series: Ids, by: Ids, delivered: Times) -> None:
        """What `senders` said at the end of an earlier run; what came since then counts more."""
        fresh = (by != _UNKNOWN) & (series >= 0)
        fresh[fresh] = self._by[series[fresh]] == _UNKNOWN
        numbers, numbered = np.unique(by[fresh], return_inverse=True)
        first = self._add(len(numbers))
        self._by[series[fresh]] = first + numbered
        self._delivered[first + numbered] = delivered[fresh]

    def renumber(self, living: Ids) -> None:
        """These series, in rising order, are all there are now."""
        self._at, self._known = self._at[living], len(living)
        senders, self._by = np.unique(np.append(self._by[living], _UNKNOWN), return_inverse=True)
        self._by = self._by[:-1] - 1  # the first is nobody
        self._delivered, self._senders = self._delivered[senders[1:]], len(senders) - 1

    def _name(self, series: int) -> str:
        return get(self._table.labels(series), METRIC_NAME)

    def _sender(self, before: Ids) -> int:
        """Whose series these are, of which each was fed by that sender before."""
        senders, counts = np.unique(before[before != _UNKNOWN], return_counts=True)
        return int(senders[counts.argmax()]) if len(senders) else self._add(1)

    def _add(self, senders: int) -> int:
        """The number of the first of so many new ones."""
        first, self._senders = self._senders, self._senders + senders
        if self._senders > len(self._delivered):
            more = max(self._senders, 2 * len(self._delivered)) - len(self._delivered)
            self._delivered = np.append(self._delivered, np.zeros(more, np.int64))
        return first
