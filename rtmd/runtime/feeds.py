"""The sources at work: one task each, started, stopped and swapped as the configuration says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from rtmd.config import SourceConfig
from rtmd.formats.batch import SeriesTable
from rtmd.ports import Clock, Emit, Source
from rtmd.sources import make_source

_AGAIN = 5.0  # seconds before a source that broke is started anew

log = logging.getLogger(__name__)


class Feeds:
    """Runs sources; what they bring goes to `emit`."""

    def __init__(self, emit: Emit, *, series: SeriesTable, clock: Clock) -> None:
        self._emit = emit
        self._series = series
        self._clock = clock
        self._configured: dict[SourceConfig, asyncio.Task[None]] = {}
        self._others: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Feeds {len(self._configured) + len(self._others)}>"

    def configure(self, sources: Iterable[SourceConfig]) -> None:
        """Exactly these from now on; one whose table did not change goes on undisturbed."""
        wanted = set(sources)
        for config in self._configured.keys() - wanted:
            self._configured.pop(config).cancel()
        for config in wanted - self._configured.keys():
            source = make_source(config, series=self._series, clock=self._clock)
            self._configured[config] = asyncio.create_task(self._keep(source), name=f"source {config.name}")

    def add(self, source: Source) -> None:
        """One more, for good."""
        self._others.append(asyncio.create_task(self._keep(source), name=f"source {source.name}"))

    async def stop(self) -> None:
        """End them all."""
        tasks = [*self._configured.values(), *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, source: Source) -> None:
        while True:
            try:
                await source.run(self._emit)
            except Exception:  # a broken source must not take the daemon along
                log.exception("source %s broke and starts anew", source.name)
                await asyncio.sleep(_AGAIN)
            else:
                return
