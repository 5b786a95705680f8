"""StatsD over UDP: datagrams go into a tally, which is flushed every second or so as one atomic batch.

Nobody is answered, and nothing that comes can do harm: a bad line is counted, what comes faster than it can be read
is dropped by the kernel.
"""

from __future__ import annotations

import asyncio
import socket

from rtmd import config
from rtmd.formats.batch import Ids, SeriesTable
from rtmd.ports import Clock, Emit
from rtmd.sources.listening import Listening
from rtmd.sources.schedule import Sleep, offset_of, wait
from rtmd.sources.tally import Tally


class StatsdListener:
    """The source of kind `statsd`. `sleep` is for tests."""

    def __init__(
        self, source: config.StatsdSource, *, series: SeriesTable, clock: Clock, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.name = source.name
        self.tally = Tally(series, every=source.every)
        self.errors = self.tally.errors
        self.listening = Listening(source.name, source.listen, socket.SOCK_DGRAM, self.errors)
        self._every = source.every
        self._clock = clock
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<StatsdListener {self.name}, {self.listening!r}, {self.tally!r}>"

    @property
    def last_error(self) -> str:
        """Why it does not listen; empty while it does."""
        return self.listening.problem

    def live(self) -> Ids:
        """The series that it keeps."""
        return self.tally.lineage.live

    def adopt(self, series: Ids) -> None:
        """Take over from a predecessor: what is not continued ends."""
        self.tally.lineage.adopt(series)

    async def run(self, emit: Emit) -> None:
        """Listen, and flush every `every` ms until cancelled."""
        closed = asyncio.get_running_loop().create_future()
        sock = await self.listening.socket(self._sleep)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self.tally, closed), sock=sock
        )
        offset = offset_of(self.name, self._every)
        try:
            while True:
                await self._sleep(wait(self._clock.now(), every=self._every, offset=offset) / 1000)
                batch = self.tally.flush(self._clock.now())
                if len(batch):
                    emit(self.name, batch)
        finally:
            transport.abort()
            await closed  # the address is free again


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, tally: Tally, closed: asyncio.Future[None]) -> None:
        self._tally = tally
        self._closed = closed

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self._tally.take(data)

    def error_received(self, exc: Exception) -> None:
        del exc
        self._tally.errors["receive"] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self._closed.done():
            self._closed.set_result(None)
