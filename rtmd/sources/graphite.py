"""Graphite's plaintext over TCP: what one read brings, up to its last whole line, is one atomic batch.

The protocol has no answers, so a bad line is counted and the rest of the read counts. A connection is ended (and
counted) when it has said nothing for five minutes, when a line does not end, or when there are too many already; what
it had not finished with a line break is dropped.
"""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import numpy as np

from rtmd import config
from rtmd.formats.batch import Ids, SeriesTable
from rtmd.formats.graphite import GraphiteDecoder
from rtmd.ports import Clock, Emit
from rtmd.sources.listening import Listening
from rtmd.sources.schedule import Sleep

CONNECTIONS = 256
IDLE = 300.0  # seconds
MAX_LINE = 8192  # bytes
_LARGE = 16 * 1024  # a read of so many bytes is followed by
_BREATH = 0.001  # so many seconds for everybody else


class GraphiteListener:
    """The source of kind `graphite`. `sleep` and `idle` are for tests."""

    def __init__(
        self,
        source: config.GraphiteSource,
        *,
        series: SeriesTable,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
        idle: float = IDLE,
    ) -> None:
        self.name = source.name
        self.decoder = GraphiteDecoder(series)
        self.errors = self.decoder.errors
        self.listening = Listening(source.name, source.listen, socket.SOCK_STREAM, self.errors)
        self.idle = idle
        self.connections: set[Connection] = set()
        self._clock = clock
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<GraphiteListener {self.name}, {self.listening!r}, {len(self.connections)} connections>"

    @property
    def last_error(self) -> str:
        """Why it does not listen; empty while it does."""
        return self.listening.problem

    def live(self) -> Ids:
        """None: its series belong to those who send them."""
        return np.empty(0, np.int64)

    def adopt(self, series: Ids) -> None:
        """Nothing to take over."""

    async def run(self, emit: Emit) -> None:
        """Listen until cancelled."""
        sock = await self.listening.socket(self._sleep)
        server = await asyncio.get_running_loop().create_server(lambda: Connection(self, emit), sock=sock)
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for connection in tuple(self.connections):
                connection.end()
            await server.wait_closed()  # the address is free again

    def take(self, lines: bytes, emit: Emit) -> None:
        """Whole lines, as one batch."""
        batch = self.decoder.decode(lines, at=self._clock.now())
        if len(batch):
            emit(self.name, batch)


class Connection(asyncio.Protocol):
    """One sender."""

    def __init__(self, listener: GraphiteListener, emit: Emit) -> None:
        self._listener = listener
        self._emit = emit
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, if there is room."""
        self._transport = cast("asyncio.Transport", transport)
        if len(self._listener.connections) >= CONNECTIONS:
            self.end("too_many_connections")
            return
        self._listener.connections.add(self)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """One read."""
        text = self._rest + data
        end = text.rfind(b"\n") + 1
        self._rest = text[end:]
        if end:
            self._listener.take(text[:end], self._emit)
        if len(self._rest) > MAX_LINE:
            self.end("line_too_long")
            return
        self._wait()
        if len(data) >= _LARGE and self._transport is not None:
            # The loop would go on reading a sender that is faster than we are, and leave everybody else waiting.
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(_BREATH, self._go_on)

    def _go_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        del exc
        self._listener.connections.discard(self)
        if self._patience is not None:
            self._patience.cancel()
        if self._rest:
            self._listener.errors["unfinished_line"] += 1

    def end(self, reason: str = "") -> None:
        """End the connection; a reason is counted."""
        if reason:
            self._listener.errors[reason] += 1
            self._rest = b""
        if self._transport is not None:
            self._transport.abort()

    def _wait(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = asyncio.get_running_loop().call_later(self._listener.idle, self.end, "idle")
