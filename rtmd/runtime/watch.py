"""Noticing that files changed: the kernel's word as the hint, a rescan every two seconds as the guarantee.

The kernel tells before slow writers are done, and not of what a link leads to; so an event only means "look now", and
what decides is the content. A watch holds on to a folder and not to its name: before each look those are watched that
stand under the names by then (one was made anew, a link was pointed elsewhere, a sub-folder came).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from rtmd.runtime.inotify import Inotify

RESCAN = 2.0  # seconds
_QUIET, _AT_MOST = 0.01, 0.05  # seconds after an event, as long as there are more: many files are saved one by one

log = logging.getLogger(__name__)


class Watch:
    """Calls for a look at folders (or single files) when they may have changed, and every two seconds in any case."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._look = asyncio.Event()
        self._hint: asyncio.TimerHandle | None = None
        self._at_latest = 0.0
        self._trouble = ""  # why only rescans notice what changes, and it was said

    async def looks(self) -> AsyncIterator[None]:
        """One item for each look that is due, the first at once; never ends by itself."""
        with contextlib.ExitStack() as stack:
            inotify = self._enter_inotify(stack)
            while True:
                if inotify is not None:
                    self._arm(inotify, await asyncio.to_thread(_standing, self._folders))
                yield
                # Not `wait_for`: on Python 3.11 it loses a cancellation that comes together with the event.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RESCAN):
                        await self._look.wait()
                self._look.clear()

    def follow(self, folders: Sequence[Path]) -> None:
        """Watch these from the next look on."""
        self._folders = folders

    def look_after(self, seconds: float) -> None:
        """Ask for a look in `seconds`: a file was seen half-written."""
        asyncio.get_running_loop().call_later(seconds, self._look.set)

    def _enter_inotify(self, stack: contextlib.ExitStack) -> Inotify | None:
        try:
            return stack.enter_context(Inotify(self._noticed))
        except OSError as error:
            self._say(str(error))
            return None

    def _arm(self, inotify: Inotify, folders: Sequence[Path]) -> None:
        try:
            inotify.watch(folders)
        except OSError as error:
            self._say(str(error))
        else:
            self._trouble = ""

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("files are looked at every %g s only: %s", RESCAN, trouble)
        self._trouble = trouble

    def _noticed(self) -> None:
        """Something changed: look when it is quiet, or has not been for a while."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._hint is None:
            self._at_latest = now + _AT_MOST
        else:
            self._hint.cancel()
        self._hint = loop.call_at(min(now + _QUIET, self._at_latest), self._look_now)

    def _look_now(self) -> None:
        self._hint = None
        self._look.set()


def _standing(paths: Sequence[Path]) -> list[Path]:
    """The folders to watch that are there now: those named and what is below them, less what is hidden.

    A single file is watched through its folder: its replacement by a rename would go unseen otherwise.
    """
    standing = []
    for path in paths:
        if path.is_file():
            standing.append(path.parent)
        for folder, below, _ in os.walk(path):
            below[:] = [name for name in below if not name.startswith(".")]
            standing.append(Path(folder))
    return standing
