"""Performing effects: what went wrong there comes back as an input, whatever it was."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from fakes import StillClock
from fakes_config import load

from rtmd.model.effects import RunAction
from rtmd.model.firing import Firing
from rtmd.model.inputs import ActionDone
from rtmd.model.reaction import ActionRun, RunState
from rtmd.model.rule import StageName
from rtmd.pipeline import Input
from rtmd.runtime.outbox import Outbox
from rtmd.runtime.performer import Performer
from rtmd.runtime.storage import open_storage

RUN = ActionRun("r1", "hold", "f1", "surge", (), StageName.SECONDS, RunState.STARTED, 5)


@dataclass
class OutOfFiles:
    """A machine that starts nothing."""

    async def run(self, run: ActionRun, firing: Firing | None, *, undo: bool) -> str:
        raise OSError(24, f"Too many open files for {run.id} of {firing} {undo}")


async def test_a_run_that_fails_in_an_unforeseen_way_is_in_doubt_and_not_under_way_for_ever(tmp_path: Path) -> None:
    done: asyncio.Queue[Input] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        storage = await open_storage(load(f"[daemon]\nstate = '{tmp_path}'"), stack)
        outbox = Outbox(storage.store, {}, StillClock(), on_result=done.put_nowait)
        perform = Performer(done.put_nowait, storage, outbox=outbox, actions=OutOfFiles())
        for undo in (False, True):
            perform(RunAction(RUN, undo=undo))
            async with asyncio.timeout(60):
                assert await done.get() == ActionDone("r1", RunState.UNKNOWN, "internal error: OSError")
