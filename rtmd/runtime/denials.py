"""Who was refused what they may not do, for the audit trail.

These are written down without anybody waiting, and a flood of them must not fill the disk: beyond so many a minute
they are counted, and the count is a line of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from rtmd.errors import StoreError
from rtmd.model.effects import Audited
from rtmd.model.replace import replace
from rtmd.model.rule import MINUTE
from rtmd.runtime.storage import Storage

MOST_A_MINUTE = 30

log = logging.getLogger(__name__)


class Denials:
    """Goes to the audit trail in the store of `storage`."""

    def __init__(self, storage: Storage) -> None:
        self._store = storage.store
        self._clock = storage.clock
        self._minute = 0
        self._written = 0
        self._left_out = 0
        self._writing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Denials {self._written} refusals this minute, {self._left_out} left out>"

    def note(self, attempt: Audited) -> None:
        """Write down a refusal, as far as there is room for it in this minute."""
        wall = self._clock.wall()
        if wall // MINUTE != self._minute:
            left_out, self._minute, self._written, self._left_out = self._left_out, wall // MINUTE, 0, 0
            if left_out:
                self._write(Audited(wall, "rtmd", "denied", "", f"{left_out} more refusals were not written down"))
        if self._written < MOST_A_MINUTE:
            self._written += 1
            self._write(replace(attempt, at=wall))
        else:
            self._left_out += 1

    def _write(self, line: Audited) -> None:
        task = asyncio.ensure_future(_written(self._store.commit([line])))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)


async def _written(done: Awaitable[None]) -> None:
    try:
        await done
    except StoreError as error:
        log.warning("a refusal is not in the audit trail: %s", error)
