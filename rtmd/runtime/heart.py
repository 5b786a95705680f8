"""What happens by the second and by the minute, and proves that the rest is alive.

The watchdog is fed only when the loop has stepped lately: a timer by itself would prove nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from rtmd.api.stream import Hub
from rtmd.errors import StoreError
from rtmd.runtime.loop import StepLoop
from rtmd.runtime.office import Office
from rtmd.runtime.systemd import Notifier
from rtmd.store.snapshot import save_windows

SNAPSHOT_EVERY = 300  # seconds
_STATUS_EVERY = 10  # beats

log = logging.getLogger(__name__)


class Heart:
    """Beats once a second. `coach` gives a line of advice for an engine time (the demo)."""

    def __init__(
        self, loop: StepLoop, office: Office, hub: Hub, systemd: Notifier, *, coach: Callable[[int], str] | None = None
    ) -> None:
        self._loop = loop
        self._storage = loop.storage
        self._office = office
        self._hub = hub
        self._systemd = systemd
        self._coach = coach
        self._losing = False  # the sample log is not written at the moment, and it was said

    def line(self) -> str:
        """One line for `systemctl status`."""
        status = self._office.status()
        errors = f", {len(status.rule_errors)} rule errors" if status.rule_errors else ""
        return f"{status.rules} rules, {status.series} series, {status.firing} firing{errors}"

    async def beat(self) -> None:
        """For ever: flush the sample log, show life to screens and systemd."""
        beats = 0
        while True:
            await asyncio.sleep(1)
            beats += 1
            now = self._storage.clock.now()
            self._office.tick(self._coach(now) if self._coach else "")
            self._hub.beat()
            if not self._office.trouble():
                self._systemd.watchdog()
            if beats % _STATUS_EVERY == 0:
                self._systemd.status(self.line())
                self._storage.store.prune(self._storage.clock.wall())
            await self._flush(self._loop.at)

    async def save_windows(self) -> None:
        """Every five minutes, and once more at the end: the windows go to disk."""
        try:
            while True:
                await asyncio.sleep(SNAPSHOT_EVERY)
                await self._save()
        finally:
            await self._flush(self._loop.at)
            if not self._loop.fatal.done():  # what a step left half-done is no snapshot
                await self._save()

    async def _flush(self, at: int) -> None:
        self._storage.samples.tick(at)
        try:
            await asyncio.to_thread(self._storage.samples.flush)
        except StoreError as error:
            if not self._losing:
                log.warning("%s", error)  # how much is lost is counted
            self._losing = True
        else:
            self._losing = False

    async def _save(self) -> None:
        windows, at = self._loop.pipeline.engine.plans.snapshot(), self._loop.at
        try:
            await asyncio.to_thread(save_windows, self._storage.folder, windows, at)
        except StoreError as error:
            log.warning("%s", error)
