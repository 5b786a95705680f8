"""Vendors in one process: an HTTP server that keeps what each path was sent, and answers as it is told."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from daemon import PATIENCE, until


@dataclass(frozen=True, slots=True)
class Request:
    """One request to one path."""

    method: str
    body: bytes
    headers: Mapping[str, str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = self.server.inbox.take(self.path, Request(self.command, body, dict(self.headers.items())))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815  # the name that http.server looks for

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # many connect at once: who does not fit in would try again a second later

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: object) -> None:
        """The daemon may be killed in the middle of a post."""


class Inbox:
    """Listens on a loopback port. `answers` has a status by path (200 where it is missing); 0 says nothing at all."""

    def __init__(self) -> None:
        self.received: defaultdict[str, list[Request]] = defaultdict(list)
        self.answers: dict[str, int] = {}
        self._released = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def take(self, path: str, request: Request) -> int:
        """Keep it; the status to answer."""
        self.received[path].append(request)
        status = self.answers.get(path, 200)
        if status == 0:
            self._released.wait()
        return status or 503

    def wait(self, path: str, wanted: Callable[[Request], bool] = bool, *, within: float = PATIENCE) -> Request:
        """The first request to a path that is wanted."""

        def look() -> Request | None:
            return next((each for each in list(self.received[path]) if wanted(each)), None)

        def why() -> str:
            return f"{path} got {[each.body[:400] for each in self.received[path]]}"

        found = until(f"a request to {path}", look, within=within, why=why)
        assert found
        return found
