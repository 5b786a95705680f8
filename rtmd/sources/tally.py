"""Keeping StatsD's sums: lines go in as they come, one atomic batch comes out a flush.

| StatsD | series |
|---|---|
| counter `c` | `name_total`: the sum since the first event; it never goes down |
| gauge `g` | `name`: the last value; `+n` and `-n` change it |
| `ms`, `h`, `d` | `name_count`, `name_sum` (sums like counters), `name{quantile="0.5"}`, `"0.9"`, `"0.99"`, `"1"` |
| set `s` | `name`: how many different values came since the last flush |

Counters, gauges and sets are repeated at each flush. Quantiles are those of the values since the last flush, and end
with a stale marker where none came: an old latency is no latency. A sum that appears was 0 at the flush before, which
nobody but its keeper can know: so `rate` and `increase` see the first event too. What nobody has touched for five
minutes ends and is forgotten.

Time is an argument. Whatever is wrong with a line is counted in `errors` and costs that line alone; a packed line
counts up to its first bad value. A gauge and a set of the same name and tags are a conflict: the first one stays.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from rtmd.errors import FormatError
from rtmd.formats.batch import REFUSED, Ids, SampleBatch, SeriesTable
from rtmd.formats.series_cache import CACHE_BYTES, ENTRY_BYTES, intern_labels
from rtmd.formats.statsd import MAX_LINE, Kind, Target, cut, number, target
from rtmd.model.labels import METRIC_NAME
from rtmd.sources.staleness import Lineage, joined, rows

IDLE = 300_000  # ms without a line after which a metric ends
MAX_SERIES = 50_000
MAX_MEMBERS = 10_000  # of a set, between two flushes
QUANTILES = (0.5, 0.9, 0.99, 1.0)
_MAX_KEPT = 2_000  # values of one metric between two flushes; beyond, every second one is kept, every fourth, …
_CACHE_BYTES = CACHE_BYTES // 4

Rows: TypeAlias = Iterator[tuple[int, float]]
_Key: TypeAlias = tuple[Kind, str, tuple[tuple[str, str], ...]]


class _Counter:
    """A sum that only grows. `ids` are its series."""

    suffixes: tuple[str, ...] = ("_total",)
    sums = 1  # so many of the first series are sums

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = ids
        self.total = 0.0
        self.touched = False
        self.seen = 0  # the last flush before which a line came; 0: none yet

    def take(self, word: bytes, about: Target) -> None:
        """One value."""
        value = number(word) * about.weight
        if value < 0:
            raise FormatError("negative_counter", "a counter cannot go down")
        self.total = _sum(self.total, value)

    def rows(self) -> Rows:
        """What to say at a flush."""
        yield self.ids[0], self.total


class _Gauge(_Counter):
    suffixes = ("",)
    sums = 0

    def take(self, word: bytes, about: Target) -> None:
        relative = word.startswith((b"+", b"-"))
        self.total = _sum(self.total if relative else 0.0, number(word) * about.unit)


class _Set(_Counter):
    suffixes = ("",)
    sums = 0

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(ids)
        self.members: set[bytes] = set()

    def take(self, word: bytes, about: Target) -> None:
        del about
        if len(self.members) >= MAX_MEMBERS and word not in self.members:
            raise FormatError("set_full", f"a set may have {MAX_MEMBERS} members")
        self.members.add(word)

    def rows(self) -> Rows:
        yield self.ids[0], float(len(self.members))
        self.members.clear()


class _Observed(_Counter):
    suffixes = ("_count", "_sum", *(f"|{quantile:g}" for quantile in QUANTILES))
    sums = 2

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(ids)
        self.sum = 0.0
        self.values: list[float] = []
        self.came = 0  # since the last flush
        self.stride = 1

    def take(self, word: bytes, about: Target) -> None:
        value = number(word) * about.unit
        self.sum = _sum(self.sum, value * about.weight)
        self.total += about.weight
        if self.came % self.stride == 0:
            self.values.append(value)
            if len(self.values) > _MAX_KEPT:
                del self.values[1::2]
                self.stride *= 2
        self.came += 1

    def rows(self) -> Rows:
        yield self.ids[0], self.total
        yield self.ids[1], self.sum
        if self.values:
            yield from zip(self.ids[2:], quantiles(self.values), strict=True)
        self.values, self.came, self.stride = [], 0, 1


_SHAPES: dict[Kind, type[_Counter]] = {
    Kind.COUNTER: _Counter,
    Kind.GAUGE: _Gauge,
    Kind.SET: _Set,
    Kind.OBSERVED: _Observed,
}


class Tally:
    """Everything that one listener keeps. `every` (ms) is how often it is going to be flushed."""

    def __init__(self, series: SeriesTable, *, every: int) -> None:
        self.errors: Counter[str] = Counter()
        self.lineage = Lineage(series)
        self._series = series
        self._every = every
        self._known: dict[bytes, tuple[_Counter, Target]] = {}
        self._held = 0
        self._metrics: dict[_Key, _Counter] = {}
        self._owned: set[int] = set()  # all of their series
        series.holders.add(self)

    def __repr__(self) -> str:
        return f"<Tally {len(self._metrics)} metrics, {self.errors.total()} errors>"

    def take(self, datagram: bytes) -> None:
        """All lines of a datagram."""
        for line in datagram.split(b"\n"):
            if line and line != b"\r":
                try:
                    self._line(line)
                except FormatError as error:
                    self.errors[error.reason] += 1

    def flush(self, at: int) -> SampleBatch:
        """What all metrics are at `at`; new sums were 0 a flush earlier."""
        known: list[tuple[int, float]] = []
        new: list[tuple[int, float]] = []
        idle: list[_Key] = []
        for key, metric in self._metrics.items():
            if metric.touched:
                if not metric.seen:
                    new += [(each, 0.0) for each in metric.ids[: metric.sums]]
                metric.touched, metric.seen = False, at
            elif at - metric.seen >= IDLE:
                idle.append(key)
                continue
            known += metric.rows()
        self._forget(idle)
        # A millisecond after the flush before, where a stale marker of the same series may stand.
        return self.lineage.continued(joined(rows(new, at - self._every + 1), rows(known, at)), at)

    def held(self) -> Ids:
        """The series of all metrics: an observation may have none for a while."""
        return np.fromiter(self._owned, np.int64, len(self._owned))

    def renumber(self, new: Ids) -> None:
        """They have other ids."""
        self._owned = set(new[self.held()].tolist())
        for metric in self._metrics.values():
            metric.ids = new[list(metric.ids)].tolist()

    def _line(self, line: bytes) -> None:
        if len(line) > MAX_LINE:
            raise FormatError("line_too_long", f"a line may have {MAX_LINE} bytes")
        spelling, values = cut(line.rstrip(b" \r"))
        found = self._known.get(spelling)
        if found is None:
            found = self._new(spelling)
        metric, about = found
        for word in (values,) if about.kind is Kind.SET else values.split(b":"):
            metric.take(word, about)
            metric.touched = True

    def _new(self, spelling: bytes) -> tuple[_Counter, Target]:
        about = target(spelling)
        name = about.name.removesuffix("_total") if about.kind is Kind.COUNTER else about.name
        key = about.kind, name, tuple(sorted(about.labels))
        metric = self._metrics.get(key)
        if metric is None:
            metric = self._metrics[key] = self._made(about, name)
        cost = 3 * (len(spelling) + ENTRY_BYTES)
        if self._held + cost > _CACHE_BYTES:
            self._known.clear()
            self._held = 0
        self._held += cost
        self._known[spelling] = metric, about
        return metric, about

    def _made(self, about: Target, name: str) -> _Counter:
        """A new metric; nothing is interned for one that has no room."""
        shape = _SHAPES[about.kind]
        if len(self._owned) + len(shape.suffixes) > MAX_SERIES:
            raise FormatError("too_many_series", f"a listener keeps {MAX_SERIES} series")
        ids = [self._intern(about, name, suffix) for suffix in shape.suffixes]
        if REFUSED in ids:
            raise FormatError("refused_series", "a limit turned the series away")
        if not self._owned.isdisjoint(ids):
            raise FormatError("conflict", "another type has this name")
        self._owned.update(ids)
        return shape(ids)

    def _intern(self, about: Target, name: str, suffix: str) -> int:
        labels = dict(about.labels)
        if suffix.startswith("|"):
            labels["quantile"], suffix = suffix[1:], ""
        return intern_labels(self._series, {**labels, METRIC_NAME: name + suffix})

    def _forget(self, keys: Sequence[_Key]) -> None:
        for key in keys:
            self._owned.difference_update(self._metrics.pop(key).ids)
        if keys:  # what is remembered may lead to what is forgotten
            self._known.clear()
            self._held = 0


def quantiles(values: list[float]) -> list[float]:
    """QUANTILES of these values, which are put in order; between two values in proportion, as Prometheus does it."""
    values.sort()
    last = len(values) - 1
    found = []
    for quantile in QUANTILES:
        place = quantile * last
        low = int(place)
        below, above, part = values[low], values[min(low + 1, last)], place - low
        found.append(below if below == above else below * (1 - part) + above * part)
    return found


def _sum(one: float, other: float) -> float:
    total = one + other
    if not math.isfinite(total):
        raise FormatError("bad_value", "a sum is out of range")
    return total
