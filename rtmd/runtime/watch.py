"""Noticing that files changed: watchfiles as the hint, a rescan every two seconds as the guarantee.

The watcher fires before slow writers are done, misses swapped symlinks and recreated folders, and dies on a file
name that is not UTF-8; so an event only means "look now", a dead watcher is started again, and what decides is the
content.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import watchfiles

RESCAN = 2.0  # seconds
_STEP, _DEBOUNCE = 10, 50  # ms

log = logging.getLogger(__name__)


class Watch:
    """Calls for a look at folders (or single files) when they may have changed, and every two seconds in any case."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._look = asyncio.Event()

    async def looks(self) -> AsyncIterator[None]:
        """One item for each look that is due; never ends by itself."""
        hints = asyncio.create_task(self._hint(), name="watchfiles")
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), RESCAN)
                self._look.clear()
                yield
        finally:
            hints.cancel()

    def look_after(self, seconds: float) -> None:
        """Ask for a look in `seconds`: a file was seen half-written."""
        asyncio.get_running_loop().call_later(seconds, self._look.set)

    async def _hint(self) -> None:
        while True:
            # A single file is watched through its folder: its replacement by a rename would go unseen otherwise.
            existing = {path if path.is_dir() else path.parent for path in self._folders if path.exists()}
            try:
                # Without a path it would end at once, and the pause below is what is wanted then.
                async for _ in watchfiles.awatch(
                    *existing, step=_STEP, debounce=_DEBOUNCE, watch_filter=None, recursive=True
                ):
                    self._look.set()
            except (OSError, RuntimeError) as error:  # the Rust side raises RuntimeErrors of its own
                log.warning("the file watcher gave up and starts anew: %s", error)
            await asyncio.sleep(RESCAN)
