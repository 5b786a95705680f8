"""A webhook that remembers: every POST with its body, key and time, and what it was answered.

`answer` is the status it gives (200 unless told otherwise); `hang` makes it take the request and say nothing until
`answer` is set anew. It counts before it answers, so it knows more than the daemon, never less.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import msgspec
from daemon import PATIENCE

from rtmd.wire.bodies import AlertBody, NotificationBody

# Made here: msgspec looks a type up when it first meets it, and two threads that do so at once crash the process.
BODIES = msgspec.json.Decoder(NotificationBody)
NO_ANSWER = -1  # the connection is closed instead


@dataclass(frozen=True, slots=True)
class Received:
    """One alert of a POST; `at` is monotonic seconds."""

    at: float
    key: str
    status: int
    alert: AlertBody

    def __str__(self) -> str:
        return f"{self.alert.message} {self.alert.firing.rule} {self.alert.firing.id} {self.key} → {self.status}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        at = time.monotonic()
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.sink.take(at, self.headers["Idempotency-Key"], raw)
        if status == NO_ANSWER:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def __init__(self, sink: Sink, port: int) -> None:
        self.sink = sink
        self.connections: list[socket.socket] = []
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def handle_error(self, *_: object) -> None:
        """The daemon may be killed in the middle of a post."""


class Sink:
    """Listens on a loopback port from the start, until `close`."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[Received] = []
        self._status = 200
        self._hanging = False
        self._changed = threading.Condition()
        self._server = _Server(self, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def config(self) -> str:
        """The tables of rtmd.toml that make this the place where everything goes."""
        receiver = f'[receivers.desk]\nkind = "webhook"\nurl = "http://127.0.0.1:{self.port}/hook"\ntimeout = "2s"\n'
        route = '[route]\nreceiver = "desk"\ngroup_by = ["..."]\ngroup_wait = "0s"\ngroup_interval = "1s"\n'
        return receiver + route

    @property
    def taken(self) -> list[Received]:
        """What was answered with 200."""
        return [each for each in self.received if each.status == 200]

    def messages(self, rule: str = "") -> list[str]:
        """The messages that were taken, of one rule or all."""
        return [each.alert.message for each in self.taken if rule in ("", each.alert.firing.rule)]

    def answer(self, status: int) -> None:
        """Answer this from now on."""
        with self._changed:
            self._status, self._hanging = status, False
            self._changed.notify_all()

    def hang(self) -> None:
        """Answer nothing from now on."""
        self._hanging = True

    def wait(self, what: str, wanted: Callable[[Received], bool], *, within: float = PATIENCE) -> Received:
        """The first POST like this, whatever it was answered; waits for it."""
        with self._changed:
            found = self._changed.wait_for(lambda: [each for each in self.received if wanted(each)], within)
        assert found, f"{what} did not arrive within {within:g} s; what did:\n" + "\n".join(map(str, self.received))
        return found[0]

    def wait_for(self, message: str, rule: str, *, within: float = PATIENCE) -> Received:
        """The first taken message of this kind of this rule."""

        def wanted(each: Received) -> bool:
            return each.status == 200 and each.alert.message == message and each.alert.firing.rule == rule

        return self.wait(f"{message} {rule}", wanted, within=within)

    def take(self, at: float, key: str, raw: bytes) -> int:
        """Remember one POST and say what to answer; a sink with moods of its own says something else."""
        body = BODIES.decode(raw)
        with self._changed:
            status = self._status
            taken = 0 if self._hanging else status
            self.received += [Received(at, key, taken, alert) for alert in body.alerts]
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._hanging)
        return status

    def close(self) -> None:
        """Stop listening and drop every connection."""
        self.answer(503)
        self._server.shutdown()
        self._thread.join()
        for connection in self._server.connections:
            with contextlib.suppress(OSError):  # it is closed already
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
