"""The sources at work: one task each, started, stopped and swapped as the configuration says.

A source that is gone from the configuration ends its series at once; one whose table changed hands them to its
successor, which continues or ends them with its first batch. When the daemon stops nothing ends: it comes back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

from msgspec import Struct

from rtmd.config import SourceConfig
from rtmd.formats.batch import SeriesTable
from rtmd.ports import Clock, ConfiguredSource, Emit, Source
from rtmd.sources import make_source
from rtmd.sources.scrape import BODY_LIMIT
from rtmd.sources.staleness import ended

_AGAIN = 5.0  # seconds before a source that broke is started anew

log = logging.getLogger(__name__)


class _Running(Struct, frozen=True):
    source: ConfiguredSource
    task: asyncio.Task[None]


class Feeds:
    """Runs sources; what they bring goes to `emit`."""

    def __init__(self, emit: Emit, *, series: SeriesTable, clock: Clock) -> None:
        self._emit = emit
        self._series = series
        self._clock = clock
        self._configured: dict[SourceConfig, _Running] = {}
        self._others: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Feeds {len(self._configured) + len(self._others)}>"

    def sources(self) -> list[ConfiguredSource]:
        """Those of the configuration, by name."""
        return sorted((running.source for running in self._configured.values()), key=lambda source: source.name)

    def configure(self, sources: Iterable[SourceConfig], *, decoded_bytes: int = BODY_LIMIT) -> None:
        """Exactly these from now on; one whose table did not change goes on undisturbed.

        A page that a new source reads may have `decoded_bytes`.
        """
        wanted = set(sources)
        leaving = {config.name: self._configured.pop(config) for config in self._configured.keys() - wanted}
        for running in leaving.values():
            running.task.cancel()
        # An address of theirs may be wanted again.
        tasks = [running.task for running in leaving.values()]
        for config in wanted - self._configured.keys():
            source = make_source(config, series=self._series, clock=self._clock, decoded_bytes=decoded_bytes)
            if config.name in leaving:
                source.adopt(leaving.pop(config.name).source.live())
            task = asyncio.create_task(self._keep(source, tasks), name=f"source {config.name}")
            self._configured[config] = _Running(source, task)
        for name, running in leaving.items():
            self._end(name, running)

    def add(self, source: Source) -> None:
        """One more, for good."""
        self._others.append(asyncio.create_task(self._keep(source), name=f"source {source.name}"))

    async def stop(self) -> None:
        """End them all."""
        tasks = [*(running.task for running in self._configured.values()), *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, name: str, running: _Running) -> None:
        series = running.source.live()
        if len(series):
            self._emit(name, ended(series, self._clock.now()))

    async def _keep(self, source: Source, after: Sequence[asyncio.Task[None]] = ()) -> None:
        if after:
            await asyncio.wait(after)
        while True:
            try:
                await source.run(self._emit)
            except Exception:  # a broken source must not take the daemon along
                log.exception("source %s broke and starts anew", source.name)
                await asyncio.sleep(_AGAIN)
            else:
                return
