"""The loop around `Pipeline.step`: where its time begins, and what becomes of a step that raises."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

from fakes_config import load

from rtmd.model.effects import Effect, Journaled
from rtmd.pipeline import Pipeline
from rtmd.runtime.loop import Inbox, StepLoop
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


async def test_a_step_that_raises_is_fatal_and_the_half_done_state_steps_no_more(tmp_path: Path) -> None:
    performed: list[Effect] = []
    async with AsyncExitStack() as stack:
        storage = await storage_in(tmp_path, stack)
        pipeline = Pipeline(storage.series, storage.clock.now())
        loop = StepLoop(pipeline, Inbox(), storage=storage, perform=performed.append)
        loop.start(stack)
        loop.inbox.put(cast("Any", "no step knows this"))
        async with asyncio.timeout(60):
            assert "no step knows this" in str(await loop.fatal)
        loop.inbox.put(cast("Any", "nor this"))  # the end of the stack would raise it
    assert performed == []
