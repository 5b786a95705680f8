"""What a daemon has on disk, opened under its lock, with the series and the clock that go with it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec import Struct

from rtmd.config import Config
from rtmd.errors import StoreError
from rtmd.formats.batch import SeriesLimits, SeriesTable
from rtmd.runtime.clock import SystemClock
from rtmd.store.lock import StateLock
from rtmd.store.samplelog import LogLimits, SegmentLog
from rtmd.store.state import StateStore


class Storage(Struct, frozen=True):
    """State folder, series, decisions, samples, and the clock that never goes back behind them."""

    folder: Path
    series: SeriesTable
    store: StateStore
    samples: SegmentLog
    clock: SystemClock


async def open_storage(config: Config, stack: AsyncExitStack) -> Storage:
    """Open everything in order; the stack closes it in the opposite one. StoreError when it cannot be used."""
    folder = config.daemon.state
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: the state folder cannot be made: {error.strerror}") from error
    stack.enter_context(StateLock(folder))
    series = SeriesTable(SeriesLimits(config.limits.series, config.limits.new_series_per_post))
    store = StateStore(folder / "state.db")
    stack.callback(store.close)
    limits = LogLimits(keep=config.limits.sample_log, keep_bytes=config.limits.sample_log_bytes)
    samples = await asyncio.to_thread(SegmentLog, folder / "samples", series, limits)
    stack.callback(samples.close)
    return Storage(folder, series, store, samples, SystemClock(not_before=max(samples.last_at or 0, store.newest())))
