"""What limits turn away, as series: rtmd's own source, read by the built-in rule `rtmd.limits` (semantics S13).

    rtmd_limit_refused_total{limit="series",of="ingest"}        so many since the start
    rtmd_limit_refusing{limit="instances_per_rule",of="cpu"}    so many alerts of a rule have no room now

A series appears with the first refusal (it was 0 before that, which `increase` has to see) and stays. It has room
whatever the limits say: that there is none left must not go unheard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from msgspec import Struct, field

from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.labels import METRIC_NAME, labels_of
from rtmd.ports import Clock, Emit
from rtmd.sources.schedule import Sleep, offset_of, wait
from rtmd.sources.staleness import joined, rows

EVERY = 5_000  # ms
_REFUSED, _REFUSING = "rtmd_limit_refused_total", "rtmd_limit_refusing"


class Refused(Struct, frozen=True):
    """What is refused: since the start, by limit, and at this moment, by rule."""

    counts: Mapping[str, int] = field(default_factory=dict)
    instances: Mapping[str, int] = field(default_factory=dict)


class Refusals:
    """Asks `count` every few seconds. `sleep` is for tests."""

    def __init__(
        self, series: SeriesTable, clock: Clock, count: Callable[[], Refused], *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.name = "rtmd"
        self._series = series
        self._clock = clock
        self._count = count
        self._sleep = sleep
        self._known: set[tuple[str, str, str]] = set()

    def __repr__(self) -> str:
        return f"<Refusals {len(self._known)} series>"

    async def run(self, emit: Emit) -> None:
        """Emit what is refused until cancelled; nothing, as long as nothing was."""
        offset = offset_of(self.name, EVERY)
        while True:
            await self._sleep(wait(self._clock.now(), every=EVERY, offset=offset) / 1000)
            batch = self.poll()
            if len(batch):
                emit(self.name, batch)

    def poll(self) -> SampleBatch:
        """Every limit that has refused anything so far."""
        at, refused = self._clock.now(), self._count()
        now = {(_REFUSED, limit, "ingest"): count for limit, count in refused.counts.items()}
        now |= {(_REFUSING, "instances_per_rule", rule): count for rule, count in refused.instances.items()}
        fresh = [key for key, count in now.items() if count and key not in self._known]
        self._known.update(fresh)
        born = [(self._id(*key), 0.0) for key in fresh if key[0] == _REFUSED]
        known = [(self._id(*key), float(now.get(key, 0))) for key in sorted(self._known)]
        return joined(rows(born, at - EVERY), rows(known, at))

    def _id(self, metric: str, limit: str, of: str) -> int:
        return self._series.reserve(labels_of([(METRIC_NAME, metric), ("limit", limit), ("of", of)]))
