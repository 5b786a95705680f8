"""The daemon of the demo, as a child process: the real one, with the story beside its other sources.

It lives in a folder that the parent made (configuration, rules, state, socket). Its stdin is the parent's leash: when
that closes, however the parent ended, the daemon stops and the folder goes. On stdout it says one line as soon as it
serves: the engine time at which the story began.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import click
import uvloop

from rtmd.cli.run import EX_CONFIG, log_to_stderr, read_config
from rtmd.errors import RtmdError
from rtmd.formats.batch import SeriesTable
from rtmd.pipeline import Input
from rtmd.ports import Clock
from rtmd.replay.card import coach
from rtmd.replay.night import StorySource
from rtmd.replay.story import Story
from rtmd.runtime.daemon import Daemon, Extras

CONFIG = "rtmd.toml"
RULES = Path("rules") / "event-night.toml"
_STDIN = 0


class _Night:
    """The story on the daemon's clock, and what the screen should advise meanwhile."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.begins = 0
        self._rules = str(folder / RULES)
        self._seed = seed

    def source(self, series: SeriesTable, clock: Clock, report: Callable[[Input], None]) -> StorySource:
        """Begins now."""
        self.begins = clock.now()
        return StorySource(Story(self._seed, self.begins, series), clock, report)

    def hint(self, at: int) -> str:
        """The line of advice for an engine time."""
        return coach(at - self.begins, self._rules)


def serve(folder: Path, seed: int) -> int:
    """Run until stdin ends or a signal says so; the exit code."""
    log_to_stderr(logging.INFO)
    try:
        code, deserted = uvloop.run(_serve(folder, seed))
    except RtmdError as error:
        click.echo(str(error), err=True)
        return EX_CONFIG
    if deserted:
        shutil.rmtree(folder, ignore_errors=True)
    return code


async def _serve(folder: Path, seed: int) -> tuple[int, bool]:
    """The exit code, and whether it was the leash that ended it."""
    night = _Night(folder, seed)
    path = folder / CONFIG
    daemon = Daemon(
        read_config(path),
        load_config=lambda: read_config(path),
        extras=Extras(sources=[night.source], coach=night.hint),
    )
    loop, deserted = asyncio.get_running_loop(), asyncio.Event()

    def let_go() -> None:
        deserted.set()
        daemon.stop()

    threading.Thread(target=_hold_leash, args=(loop, let_go), name="leash", daemon=True).start()
    running = asyncio.create_task(daemon.run())
    started = asyncio.create_task(daemon.started.wait())
    await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    if daemon.started.is_set():
        click.echo(str(night.begins))
    return await running, deserted.is_set()


def _hold_leash(loop: asyncio.AbstractEventLoop, let_go: Callable[[], None]) -> None:
    """Wait for the end of stdin, in a thread: one blocking read that no event loop can miss."""
    # Unbuffered: a buffered reader would keep its lock through the interpreter's shutdown.
    while os.read(_STDIN, 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself meanwhile
        loop.call_soon_threadsafe(let_go)
