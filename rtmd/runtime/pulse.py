"""The heartbeat: a dead man's switch, so that somebody notices when rtmd itself has gone quiet.

An address elsewhere is asked for (GET) again and again, but only while rules are being judged, decisions reach the
disk and what is to be said is heard by somebody. Whoever is there raises the alarm when the pings stop; so one that is
withheld is worth a line in the log, and one that fails is tried again next time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import httpx

from rtmd.config import Config
from rtmd.errors import DeliveryError
from rtmd.receivers.post import Post
from rtmd.runtime.loop import StepLoop, stuck
from rtmd.runtime.outbox import Outbox

STUCK = 5 * 60_000  # ms that a message may wait with nobody told
TIMEOUT = 10_000

_log = logging.getLogger(__name__)


class Pulse:
    """Pings while `ailment` says nothing. `configure` takes another address; without one there are no pings."""

    def __init__(
        self,
        config: Config,
        transport: httpx.AsyncBaseTransport,
        ailment: Callable[[], str],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._ailment = ailment
        self._sleep = sleep
        self._said = ""
        self.configure(config)

    def __repr__(self) -> str:
        return f"<Pulse {self._ping!r}, {self._said or 'well'}>"

    def configure(self, config: Config) -> None:
        """Ping this address from the next time on."""
        url = config.daemon.heartbeat
        self._ping = Post(self._transport, url, TIMEOUT, method="GET") if url else None
        self._every = config.daemon.heartbeat_every / 1000

    async def beat(self) -> None:
        """For ever."""
        while True:
            if self._ping is not None:
                await self._once(self._ping)
            await self._sleep(self._every)

    async def _once(self, ping: Post) -> None:
        problem = self._ailment()
        if problem:
            problem = f"the heartbeat is withheld: {problem}"
        else:
            try:
                await ping(b"", {})
            except DeliveryError as error:
                problem = f"the heartbeat did not arrive: {error}"
        if problem != self._said:
            self._said = problem
            _log.log(logging.WARNING if problem else logging.INFO, "%s", problem or "the heartbeat goes out again")


def ailment(loop: StepLoop, outbox: Outbox) -> str:
    """Why nobody should believe that all is well; empty when it is."""
    late = stuck(loop.at, loop.storage.clock.now())
    if late:
        return late
    if loop.degraded:
        return f"not on disk: {loop.degraded}"
    if outbox.stuck(STUCK):
        return "messages are waiting that nobody was told of"
    return ""
