"""Sources come and go with the configuration: what they leave behind ends, what is replaced goes on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import numpy as np
import pytest
from fakes import StillClock

from rtmd.config import HostSource, ScrapeSource, SourceConfig
from rtmd.formats.batch import Ids, SampleBatch, SeriesTable, is_stale
from rtmd.ports import Clock, Emit
from rtmd.runtime import feeds as module
from rtmd.runtime.feeds import Feeds
from rtmd.sources.staleness import Lineage, rows

AT = 1_760_000_000_000


class Paper:
    """A source with two series, by the length of its interval."""

    log: list[str]

    def __init__(self, config: SourceConfig, decoded_bytes: int) -> None:
        self.name = config.name
        self.limit = decoded_bytes
        self.errors: Counter[str] = Counter()
        self.last_error = ""
        self.every = config.every if isinstance(config, HostSource | ScrapeSource) else 0
        self.lineage = Lineage(SeriesTable())

    def live(self) -> Ids:
        return self.lineage.live

    def adopt(self, series: Ids) -> None:
        self.lineage.adopt(series)

    async def run(self, emit: Emit) -> None:
        self.log.append(f"{self.name} {self.every} runs")
        emit(self.name, self.lineage.continued(rows([(1, 1.0), (self.every, 2.0)], AT), AT))
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.log.append(f"{self.name} {self.every} ended")


class Bench:
    def __init__(self) -> None:
        self.feeds = Feeds(self.emit, series=SeriesTable(), clock=StillClock())
        self.rows: list[tuple[str, int, bool]] = []

    def emit(self, name: str, batch: SampleBatch) -> None:
        assert (batch.times == AT).all()
        self.rows += [(name, *row) for row in zip(batch.ids.tolist(), is_stale(batch.values).tolist(), strict=True)]

    async def configure(self, *configs: SourceConfig) -> list[tuple[str, int, bool]]:
        """(source, series, whether it ends) of everything that was emitted because of it."""
        self.rows.clear()
        self.feeds.configure(configs, decoded_bytes=7)
        await asyncio.sleep(0.01)
        return self.rows


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    def make(config: SourceConfig, *, series: SeriesTable, clock: Clock, decoded_bytes: int) -> Paper:
        del series, clock
        return Paper(config, decoded_bytes)

    monkeypatch.setattr(module, "make_source", make)
    Paper.log = []
    bench = Bench()
    yield bench
    await bench.feeds.stop()


async def test_a_source_that_is_removed_ends_its_series(bench: Bench) -> None:
    assert sorted(await bench.configure(HostSource("a", 100), HostSource("b", 200))) == [
        ("a", 1, False),
        ("a", 100, False),
        ("b", 1, False),
        ("b", 200, False),
    ]
    assert await bench.configure(HostSource("b", 200)) == [("a", 1, True), ("a", 100, True)]
    assert [source.name for source in bench.feeds.sources()] == ["b"]


async def test_a_source_that_changed_continues_its_series_and_ends_the_others(bench: Bench) -> None:
    await bench.configure(HostSource("a", 100))
    assert await bench.configure(ScrapeSource("a", "http://x", every=200)) == [
        ("a", 1, False),
        ("a", 200, False),
        ("a", 100, True),
    ]
    assert Paper.log == ["a 100 runs", "a 100 ended", "a 200 runs"]  # one after the other: they may share an address


async def test_nothing_ends_when_the_daemon_stops_or_nothing_changed(bench: Bench) -> None:
    await bench.configure(HostSource("a", 100))
    assert await bench.configure(HostSource("a", 100)) == []
    await bench.feeds.stop()
    assert bench.rows == []


async def test_a_new_source_gets_the_limit_of_the_configuration(bench: Bench) -> None:
    await bench.configure(HostSource("a", 100))
    assert [source.limit for source in bench.feeds.sources() if isinstance(source, Paper)] == [7]
    assert np.array_equal(bench.feeds.sources()[0].live(), [1, 100])
