"""Sources that bring samples in by themselves, one file a kind."""

from __future__ import annotations

from typing import assert_never

import httpx

from rtmd import config
from rtmd.formats.batch import SeriesTable
from rtmd.ports import Clock, ConfiguredSource
from rtmd.sources.graphite import GraphiteListener
from rtmd.sources.host import HostPoller
from rtmd.sources.scrape import BODY_LIMIT, Scraper
from rtmd.sources.statsd import StatsdListener


def make_source(
    source: config.SourceConfig, *, series: SeriesTable, clock: Clock, decoded_bytes: int = BODY_LIMIT
) -> ConfiguredSource:
    """The source that this table of rtmd.toml describes, ready to `run`; a page has at most `decoded_bytes`."""
    match source:
        case config.HostSource():
            return HostPoller(source, series=series, clock=clock)
        case config.ScrapeSource():
            client = httpx.AsyncClient(timeout=source.timeout / 1000, follow_redirects=False, trust_env=False)
            return Scraper(source, series=series, clock=clock, client=client, limit=decoded_bytes)
        case config.StatsdSource():
            return StatsdListener(source, series=series, clock=clock)
        case config.GraphiteSource():
            return GraphiteListener(source, series=series, clock=clock)
        case _:
            assert_never(source)
