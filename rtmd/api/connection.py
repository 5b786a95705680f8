"""One connection of the HTTP server: who is at the other end, and how much patience it gets.

uvicorn's protocol knows neither the peer of a Unix socket nor any limit before a request's head is complete.
What is added here:

* `scope["state"]["peer"]` has the Unix peer's credentials (SO_PEERCRED, asked of the kernel once per connection;
  None over TCP), and `scope["state"]["abort"]` drops the connection without waiting for its buffers;
* a head must be complete within HEAD_SECONDS, a body within BODY_SECONDS after it;
* HEAD_BYTES bounds what may arrive without the parser making anything of it: an endless head, trailer or chunk
  extension alike;
* a small post of samples that is all here is answered at once, without a task and what else ASGI needs: `PromptApp`;
* TCP and the Unix socket have a budget of connections each, so that a flood on one leaves the other usable.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Collection
from typing import Protocol, runtime_checkable

from starlette.responses import Response
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from rtmd.api.auth import Peer

HEAD_SECONDS = 5.0
BODY_SECONDS = 15.0
HEAD_BYTES = 64 * 1024
CONNECTIONS = 256  # of each family

_PROMPT_BYTES = 64 * 1024  # of a body that is kept here until it is complete
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


log = logging.getLogger(__name__)


@runtime_checkable
class PromptApp(Protocol):
    """An ASGI app that answers whole posts to some paths without waiting for anything."""

    prompt: Collection[bytes]

    def answer(self, scope: Scope, body: bytes) -> Response | None:
        """The answer; None: it is to be served like any other request."""
        ...


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP protocol with credentials and limits."""

    family: int = 0
    _patience: float | None = None  # seconds for what is awaited now
    _is_new = False  # it was not awaited when bytes came last
    _deadline: asyncio.TimerHandle | None = None
    _unheard = 0  # bytes since the parser last had something to say
    _prompt: PromptApp | None = None
    _post: bytearray | None = None  # the body so far of a post that may be answered at once
    _answered = (
        False  # one at once, of the bytes that are being read: of many posts in line the others take their turns
    )
    _leaving = False

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
            self._prompt = self.app if isinstance(self.app, PromptApp) else None
            self._allow(HEAD_SECONDS)
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._allow(None)
        self._arm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and see whether it got anywhere."""
        self._unheard += len(data)
        self._answered = False
        super().data_received(data)
        if self._unheard > HEAD_BYTES:
            self._turn_away(b"431 Request Header Fields Too Large")
        elif not self._is_new and self._deadline is None and self._idle:
            self._allow(HEAD_SECONDS)  # blank lines between requests have stopped uvicorn's own idle timer
        self._arm()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._unheard = 0
        self._allow(HEAD_SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head stands."""
        self._unheard = 0
        self._allow(BODY_SECONDS)
        if self._may_be_prompt():
            self._post = bytearray()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._unheard = 0
        if self._post is None:
            super().on_body(body)
            return
        self._post += body
        if len(self._post) > _PROMPT_BYTES:
            self._serve(self._post)

    def on_message_complete(self) -> None:
        """The request is all here; the answer may take as long as it takes."""
        self._unheard = 0
        self._allow(None)
        if self._post is not None:
            self._answer(self._post)
        else:
            super().on_message_complete()

    def shutdown(self) -> None:
        """The server ends: so does the connection, as soon as nothing is under way."""
        self._leaving = True
        if self._post is None:
            super().shutdown()

    def _may_be_prompt(self) -> bool:
        """Whether the request whose head stands is a plain post that may be answered at once."""
        return (
            self._prompt is not None
            and self.url in self._prompt.prompt
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not (self.parser.should_upgrade() or self.expect_100_continue or self.flow.write_paused)
            and not self._answered
            and self._idle
        )

    def _answer(self, post: bytearray) -> None:
        path = self.url.decode("ascii")
        scope: Scope = {**self.scope, "method": "POST", "path": path, "raw_path": self.url, "query_string": b""}
        assert self._prompt is not None  # noqa: S101  # posts are collected for it alone
        try:
            response = self._prompt.answer(scope, bytes(post))
        except Exception:
            log.exception("a post could not be answered")
            response = Response("Internal Server Error", 500)
        if response is None:
            self._serve(post)
            super().on_message_complete()
            return
        self._post = None
        self._answered = True
        head = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        self.transport.write(b"".join((STATUS_LINE[response.status_code], head, b"\r\n", response.body)))
        if self._leaving:
            self.transport.close()
        self.on_response_complete()

    def _serve(self, post: bytearray) -> None:
        """As any other request, of which this much of the body is here."""
        self._post = None
        super().on_headers_complete()
        super().on_body(bytes(post))
        if self._leaving:
            super().shutdown()

    @property
    def _idle(self) -> bool:
        if self.transport.is_closing() or self._post is not None:
            return False
        # Until the first request there is no cycle, whatever its declaration says.
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _allow(self, seconds: float | None) -> None:
        """What is awaited from now on may take so long; `_arm` when all bytes that are here are read."""
        self._patience, self._is_new = seconds, True

    def _arm(self) -> None:
        if self._is_new:
            self._is_new = False
            if self._deadline is not None:
                self._deadline.cancel()
            patience = self._patience
            self._deadline = None if patience is None else self.loop.call_later(patience, self.transport.abort)

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
