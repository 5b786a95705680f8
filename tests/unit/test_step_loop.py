"""The loop around `Pipeline.step`: where its time begins."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from fakes_config import load

from rtmd.model.effects import Journaled
from rtmd.runtime.storage import Storage, open_storage


async def storage_in(folder: Path, stack: AsyncExitStack) -> Storage:
    return await open_storage(load(f"[daemon]\nstate = '{folder}'"), stack)


async def test_engine_time_never_begins_before_the_latest_decision(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        storage = await storage_in(tmp_path, stack)
        ahead = storage.clock.wall() + 3_600_000
        await storage.store.commit([Journaled(ahead, "transition", "surge", "f1")])
    async with AsyncExitStack() as stack:
        assert (await storage_in(tmp_path, stack)).clock.now() >= ahead
