"""Noticing that files changed: watchfiles as the hint, a rescan every two seconds as the guarantee.

The watcher fires before slow writers are done, misses swapped symlinks and recreated folders, and dies on a file
name that is not UTF-8; so an event only means "look now", a dead watcher is started again, and what decides is the
content. A watch holds on to a folder and not to its name: when another folder stands under the name (it was made
anew, or a link was pointed elsewhere), that one is watched.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import stat
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import watchfiles

RESCAN = 2.0  # seconds
_STEP, _DEBOUNCE = 25, 50  # ms; each step wakes a thread, and a change is told after one or two
_ARMED = 0.1  # seconds after which a new watch surely watches

log = logging.getLogger(__name__)


class Watch:
    """Calls for a look at folders (or single files) when they may have changed, and every two seconds in any case."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._look = asyncio.Event()
        self._replaced = asyncio.Event()
        self._watched = _standing(folders)

    async def looks(self) -> AsyncIterator[None]:
        """One item for each look that is due; never ends by itself."""
        hints = asyncio.create_task(self._hint(), name="watchfiles")
        try:
            while True:
                # Not `wait_for`: on Python 3.11 it loses a cancellation that comes together with the event.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RESCAN):
                        await self._look.wait()
                self._look.clear()
                if _standing(self._folders) != self._watched:
                    self._replaced.set()
                yield
        finally:
            hints.cancel()

    def follow(self, folders: Sequence[Path]) -> None:
        """Watch these from the next look on."""
        self._folders = folders

    def look_after(self, seconds: float) -> None:
        """Ask for a look in `seconds`: a file was seen half-written."""
        asyncio.get_running_loop().call_later(seconds, self._look.set)

    async def _hint(self) -> None:
        while True:
            self._replaced.clear()
            self._watched = _standing(self._folders)
            self.look_after(_ARMED)  # what was saved while nobody watched
            try:
                async for _ in watchfiles.awatch(
                    *{folder for folder, _, _ in self._watched},
                    step=_STEP,
                    debounce=_DEBOUNCE,
                    watch_filter=None,
                    recursive=True,
                    stop_event=self._replaced,
                ):
                    self._look.set()
            except (OSError, RuntimeError) as error:  # the Rust side raises RuntimeErrors of its own
                log.warning("the file watcher gave up and starts anew: %s", error)
                await asyncio.sleep(RESCAN)


def _standing(paths: Sequence[Path]) -> list[tuple[Path, int, int]]:
    """The folders to watch that are there, and which ones they are: device and inode."""
    standing = []
    for path in paths:
        with contextlib.suppress(OSError):
            # A single file is watched through its folder: its replacement by a rename would go unseen otherwise.
            folder = path if stat.S_ISDIR(path.stat().st_mode) else path.parent
            found = folder.stat()
            standing.append((folder, found.st_dev, found.st_ino))
    return standing
