"""One connection of the HTTP server: who is at the other end, and how much patience it gets.

uvicorn's protocol knows neither the peer of a Unix socket nor any limit before a request's head is complete.
What is added here:

* `scope["state"]["peer"]` has the Unix peer's credentials (SO_PEERCRED, asked of the kernel once per connection;
  None over TCP), and `scope["state"]["abort"]` drops the connection without waiting for its buffers;
* a head must be complete within HEAD_SECONDS, a body within BODY_SECONDS after it;
* HEAD_BYTES bounds what may arrive without the parser making anything of it: an endless head, trailer or chunk
  extension alike;
* TCP and the Unix socket have a budget of connections each, so that a flood on one leaves the other usable.
"""

from __future__ import annotations

import asyncio
import socket
import struct

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rtmd.api.auth import Peer

HEAD_SECONDS = 5.0
BODY_SECONDS = 15.0
HEAD_BYTES = 64 * 1024
CONNECTIONS = 256  # of each family

_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP protocol with credentials and limits."""

    family: int = 0
    _deadline: asyncio.TimerHandle | None = None
    _unheard = 0  # bytes since the parser last had something to say

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask who it is, and whether there is room."""
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        self.family = sock.family
        self.app_state = {"peer": peer_of(sock), "abort": transport.abort}
        fellows = sum(isinstance(other, Connection) and other.family == self.family for other in self.connections)
        if fellows > CONNECTIONS:
            self._turn_away(b"503 Service Unavailable")
        else:
            self._allow(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._allow(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and see whether it got anywhere."""
        self._unheard += len(data)
        super().data_received(data)
        if self._unheard > HEAD_BYTES:
            self._turn_away(b"431 Request Header Fields Too Large")
        elif self._deadline is None and self._idle:
            self._allow(HEAD_SECONDS)  # blank lines between requests have stopped uvicorn's own idle timer

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._unheard = 0
        self._allow(HEAD_SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head stands."""
        self._unheard = 0
        self._allow(BODY_SECONDS)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._unheard = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is all here; the answer may take as long as it takes."""
        self._unheard = 0
        self._allow(None)
        super().on_message_complete()

    @property
    def _idle(self) -> bool:
        if self.transport.is_closing():
            return False
        # Until the first request there is no cycle, whatever its declaration says.
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _allow(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _turn_away(self, status: bytes) -> None:
        if self._idle:
            head = b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\nretry-after: 1\r\n\r\n"
            self.transport.write(head)
        self.transport.close()


def peer_of(sock: socket.socket) -> Peer | None:
    """Who connected to this Unix socket, as the kernel knows it; None for every other kind."""
    if sock.family != socket.AF_UNIX:
        return None
    return Peer(*_CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)))
