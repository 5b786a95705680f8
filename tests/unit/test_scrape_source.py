"""The scrape source: a page becomes a batch, and whatever goes wrong becomes `up 0` and stale markers."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
import pytest
from fakes import StillClock

from rtmd.config import ScrapeSource
from rtmd.formats.batch import SampleBatch, SeriesTable, is_stale
from rtmd.sources import make_source
from rtmd.sources.schedule import offset_of
from rtmd.sources.scrape import Scraper

AT = 1_760_000_000_000
URL = "http://node.example:9100/metrics"

Answer = Callable[[httpx.Request], httpx.Response]
Failure = httpx.ConnectError("refused")


def page(text: str, **headers: str) -> Answer:
    return lambda _: httpx.Response(200, stream=httpx.ByteStream(text.encode()), headers=headers)


def broken(_: httpx.Request) -> httpx.Response:
    raise Failure


@dataclass
class Bench:
    answers: list[Answer]
    limit: int = 10_000
    timeout: int = 1_000
    clock: StillClock = field(default_factory=StillClock)
    series: SeriesTable = field(default_factory=SeriesTable)

    def __post_init__(self) -> None:
        self.requests: list[httpx.Request] = []
        source = ScrapeSource("node", URL, timeout=self.timeout)
        self.scraper = Scraper(
            source,
            series=self.series,
            clock=self.clock,
            client=httpx.AsyncClient(transport=httpx.MockTransport(self.answer), follow_redirects=True),
            limit=self.limit,
            sleep=self.sleep,
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.clock.at += 250  # what a scrape takes
        return self.answers[min(len(self.requests), len(self.answers)) - 1](request)

    async def sleep(self, seconds: float) -> None:
        self.clock.at += round(seconds * 1000)
        if len(self.requests) >= len(self.answers):
            raise asyncio.CancelledError

    async def scrape(self) -> dict[str, float | None]:
        return self.rows(await self.scraper.scrape_once())

    def rows(self, batch: SampleBatch) -> dict[str, float | None]:
        """Metric (and its label `a`) → value, None where the series ended."""
        found: dict[str, float | None] = {}
        stale = is_stale(batch.values).tolist()
        for series, value, ended in zip(batch.ids.tolist(), batch.values.tolist(), stale, strict=True):
            labels = dict(self.series.labels(series))
            assert (labels["job"], labels["instance"]) == ("node", "node.example:9100")
            found[labels["__name__"] + labels.get("a", "")] = None if ended else value
        return found


async def test_a_page_becomes_one_batch_at_the_time_the_scrape_began() -> None:
    bench = Bench([page('m{a="1"} 5\nm{a="2"} 6 1234\n')])
    batch = await bench.scraper.scrape_once()
    assert bench.rows(batch) == {
        "m1": 5.0,
        "m2": 6.0,
        "up": 1.0,
        "scrape_duration_seconds": 0.25,
        "scrape_samples_scraped": 2.0,
    }
    assert batch.times.tolist() == [AT, 1234, AT, AT, AT]
    assert bench.scraper.last_error == ""
    assert bench.requests[0].headers["accept"].startswith("application/openmetrics-text")


async def test_a_gzipped_page_is_opened() -> None:
    packed = httpx.ByteStream(gzip.compress(b"m 1"))
    bench = Bench([lambda _: httpx.Response(200, stream=packed, headers={"content-encoding": "gzip"})])
    assert (await bench.scrape())["m"] == 1.0


async def test_series_that_left_the_page_end_once() -> None:
    bench = Bench([page('m{a="1"} 5\nm{a="2"} 6\n'), page('m{a="1"} 5\n')])
    await bench.scrape()
    second = await bench.scrape()
    assert (second["m1"], second["m2"], second["up"]) == (5.0, None, 1.0)
    assert "m2" not in await bench.scrape()


async def test_series_with_their_own_time_are_not_ended() -> None:
    bench = Bench([page("m 5 1234\n"), page("")])
    await bench.scrape()
    assert "m" not in await bench.scrape()


async def test_a_successor_continues_what_it_still_brings_and_ends_the_rest() -> None:
    first = Bench([page('m{a="1"} 5\nm{a="2"} 6\n')])
    await first.scrape()
    assert len(first.scraper.live()) == 5  # with the three about the page
    second = Bench([page('m{a="1"} 5\n')], series=first.series)
    second.scraper.adopt(first.scraper.live())
    found = await second.scrape()
    assert (found["m1"], found["m2"], found["up"]) == (5.0, None, 1.0)
    assert len(second.scraper.live()) == 4


FAILURES = {
    "connection": broken,
    "status": lambda _: httpx.Response(500),
    "bad_exposition": page("m 1\n2\n"),
    "body_too_large": page("m 1\n" * 10_000),
    "unknown_encoding": page("x", **{"content-encoding": "br"}),
    "bad_gzip": page("m 1", **{"content-encoding": "gzip"}),
}


@pytest.mark.parametrize("reason", list(FAILURES))
async def test_a_failed_scrape_is_down_ends_everything_and_heals(reason: str) -> None:
    bench = Bench([page("m 5\n"), FAILURES[reason], page("m 6\n")])
    await bench.scrape()
    failed = await bench.scrape()
    assert (failed["m"], failed["up"], failed["scrape_samples_scraped"]) == (None, 0.0, 0.0)
    assert bench.scraper.errors == {reason: 1}
    assert bench.scraper.last_error
    healed = await bench.scrape()
    assert (healed["m"], healed["up"]) == (6.0, 1.0)
    assert bench.scraper.last_error == ""


async def test_a_redirect_is_not_followed() -> None:
    bench = Bench([lambda _: httpx.Response(302, headers={"location": "http://169.254.169.254/"})])
    assert (await bench.scrape())["up"] == 0.0
    assert len(bench.requests) == 1
    assert bench.scraper.last_error == "the answer is 302"


async def test_an_answer_that_never_ends_is_given_up() -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield b"m 1\n"
        await asyncio.Event().wait()

    bench = Bench([lambda _: httpx.Response(200, content=drip())], timeout=10)
    assert (await bench.scrape())["up"] == 0.0
    assert bench.scraper.errors == {"timeout": 1}


async def test_cancelling_a_scrape_cancels_it() -> None:
    started = asyncio.Event()

    async def drip() -> AsyncIterator[bytes]:
        started.set()
        await asyncio.Event().wait()
        yield b""

    bench = Bench([lambda _: httpx.Response(200, content=drip())])
    scrape = asyncio.create_task(bench.scraper.scrape_once())
    await started.wait()
    scrape.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scrape
    assert bench.scraper.errors == {}


async def test_it_scrapes_at_its_own_phase_and_goes_on_after_failures() -> None:
    bench = Bench([page("m 1\n"), broken, page("m 2\n")])
    begun: list[int] = []
    with pytest.raises(asyncio.CancelledError):
        await bench.scraper.run(lambda _, batch: begun.append(int(batch.times[-1])))
    assert [time % 5_000 for time in begun] == [offset_of(f"node {URL}", 5_000)] * 3
    assert [time - begun[0] for time in begun] == [0, 5_000, 10_000]


@pytest.mark.parametrize(
    ("url", "instance"),
    [
        ("http://h.example/metrics", "h.example:80"),
        ("https://user:pw@h.example/metrics", "h.example:443"),
        ("http://[::1]:9100/metrics", "[::1]:9100"),
    ],
)
async def test_the_instance_is_host_and_port_without_credentials(url: str, instance: str) -> None:
    series = SeriesTable()
    source = make_source(ScrapeSource("node", url), series=series, clock=StillClock())
    assert source.name == "node"
    assert dict(series.labels(0))["instance"] == instance
