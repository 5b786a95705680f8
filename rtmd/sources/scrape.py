"""Scraping a /metrics page, as Prometheus does it.

Each scrape gives one atomic batch at the time it began: the page's samples, with the labels `job` (the source's name)
and `instance` (host and port of the URL); stale markers for series that were on the last page and are not on this
one; and always `up` (1 or 0), `scrape_duration_seconds` and `scrape_samples_scraped`. A scrape that fails in any way
(no connection, too slow, too large, not 200, one bad line) is `up 0` and ends all series of the page.

The far side is not trusted: its answer is read piece by piece up to a limit, opened under the same limit, and has to
be complete within the timeout. Redirects are not followed: the URL in the configuration is the one that is asked.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from urllib.parse import urlsplit

import httpx

from rtmd import config
from rtmd.errors import FormatError
from rtmd.formats.batch import EMPTY, Ids, SampleBatch, SeriesTable
from rtmd.formats.compression import decode_body
from rtmd.formats.exposition import ExpositionDecoder
from rtmd.model.labels import METRIC_NAME, labels_of
from rtmd.ports import Clock, Emit
from rtmd.sources.schedule import Sleep, offset_of, wait
from rtmd.sources.staleness import Lineage, joined, rows

_HEADERS = {
    "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
    "User-Agent": "rtmd",
}
BODY_LIMIT = 32 * 1024**2


class Scraper:
    """The source of kind `scrape`. `run` closes the client when it ends; `sleep` is for tests.

    `last_error` is the text of the last scrape's failure ("" when it went well); `errors` counts failures by reason,
    `scrapes` all of them.
    """

    def __init__(
        self,
        source: config.ScrapeSource,
        *,
        series: SeriesTable,
        clock: Clock,
        client: httpx.AsyncClient,
        limit: int = BODY_LIMIT,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = source.name
        self.last_error = ""
        self.errors: Counter[str] = Counter()
        self.scrapes = 0
        self._source = source
        self._clock = clock
        self._client = client
        self._limit = limit
        self._sleep = sleep
        target = (("instance", _instance(source.url)), ("job", source.name))
        self._decoder = ExpositionDecoder(series, target)
        self._lineage = Lineage(series)
        self._series = series
        self._target = target
        self._id("up")  # has room before its page takes it

    def __repr__(self) -> str:
        state = f"failing: {self.last_error}" if self.last_error else "up"
        return f"<Scraper {self.name} of {self._source.url}, {self.scrapes} scrapes, {state}>"

    def live(self) -> Ids:
        """The series of the last page, and those about it."""
        return self._lineage.live

    def adopt(self, series: Ids) -> None:
        """Take over from a predecessor: what is not continued ends."""
        self._lineage.adopt(series)

    async def run(self, emit: Emit) -> None:
        """Scrape every `every` ms until cancelled."""
        every = self._source.every
        offset = offset_of(f"{self.name} {self._source.url}", every)
        async with self._client:
            while True:
                await self._sleep(wait(self._clock.now(), every=every, offset=offset) / 1000)
                emit(self.name, await self.scrape_once())

    async def scrape_once(self) -> SampleBatch:
        """Scrape now; whatever goes wrong is in the batch and in `last_error`."""
        at = self._clock.now()
        self.scrapes += 1
        page, reason, problem = EMPTY, "", ""
        try:
            page = self._decoder.decode(await self._page(), at=at)
        except FormatError as error:
            reason, problem = error.reason, str(error)
        except TimeoutError:
            reason, problem = "timeout", f"no complete answer within {self._source.timeout} ms"
        except httpx.HTTPStatusError as error:
            reason, problem = "status", str(error)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            reason, problem = "connection", f"{type(error).__name__}: {error}"
        self.last_error = problem
        if reason:
            self.errors[reason] += 1
        about = {
            "up": 0.0 if reason else 1.0,
            "scrape_duration_seconds": (self._clock.now() - at) / 1000,
            "scrape_samples_scraped": float(len(page)),
        }
        own = rows([(self._id(metric), value) for metric, value in about.items()], at)
        return self._lineage.continued(joined(page, own), at)

    def _id(self, metric: str) -> int:
        return self._series.intern(labels_of([(METRIC_NAME, metric), *self._target]))

    async def _page(self) -> bytes:
        async with (
            asyncio.timeout(self._source.timeout / 1000),
            self._client.stream("GET", self._source.url, headers=_HEADERS, follow_redirects=False) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise httpx.HTTPStatusError(
                    f"the answer is {response.status_code}", request=response.request, response=response
                )
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > self._limit:
                    raise FormatError("body_too_large", f"the page has more than {self._limit} bytes")
            return decode_body(bytes(body), response.headers.get("Content-Encoding", ""), limit=self._limit)


def _instance(url: str) -> str:
    """`host:port`, with the scheme's port where the URL has none, and without credentials."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if parts.port is None:
        return f"{host.rstrip(':')}:{443 if parts.scheme == 'https' else 80}"
    return host
