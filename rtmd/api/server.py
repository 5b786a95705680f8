"""The HTTP server inside the daemon's own loop: all listeners at once, and no opinion about signals.

uvicorn serves; we bind the sockets (`sockets`), look after the connections (`connection`) and keep uvicorn from
what belongs to the daemon: signal handlers, logging set-up, a clock of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Generator, Sequence

import uvicorn
from starlette.types import ASGIApp

from rtmd.api.connection import Connection
from rtmd.api.sockets import Listener, open_listeners
from rtmd.config import Listen


def _nothing() -> None:
    """Nothing to do before stopping."""


class Server:
    """Serves `app` on these addresses.

    `closing` is called before the server waits for open requests, at most `grace` seconds: whoever keeps streams
    open ends them there. `inherited` are sockets of socket activation. `beyond`: TCP may be offered beyond loopback.
    """

    def __init__(
        self,
        app: ASGIApp,
        listen: Sequence[Listen],
        *,
        inherited: Sequence[socket.socket] = (),
        beyond: bool = False,
        closing: Callable[[], None] = _nothing,
        grace: int = 5,
    ) -> None:
        self._listen = listen
        self._inherited = inherited
        self._beyond = beyond
        self._closing = closing
        self._listeners: list[Listener] = []
        self._serving: asyncio.Task[None] | None = None
        self._uvicorn = _Uvicorn(_settings(app, grace))

    def __repr__(self) -> str:
        state = "stopped" if self._serving is None else "serving"
        return f"<Server {state} {' '.join(listener.address for listener in self._listeners)}>"

    async def start(self) -> list[str]:
        """Listen, and return the bound addresses as rtmd.toml spells them; ListenError if one cannot be had."""
        self._listeners = open_listeners(self._listen, self._inherited, beyond=self._beyond)
        sockets = [listener.sock for listener in self._listeners]
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets=sockets), name="http server")
        ready = asyncio.create_task(self._uvicorn.ready.wait())
        await asyncio.wait({self._serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._serving.done():
            await self._serving  # it can only have failed
        return [listener.address for listener in self._listeners]

    async def stop(self) -> None:
        """Accept nothing more, let open requests finish, remove the socket files. Safe to call twice."""
        if self._serving is None:
            return
        self._closing()
        self._uvicorn.leaving.set()
        await self._serving
        self._serving = None
        for listener in self._listeners:
            listener.close()


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.leaving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # Signals are the daemon's: the stock version takes them over and raises them again when it is done, so
        # that nothing after it would run.
        yield

    async def main_loop(self) -> None:
        # The stock loop wakes ten times a second to look at a clock; there is nothing to look for.
        await self.on_tick(0)
        self.ready.set()
        await self.leaving.wait()


def _settings(app: ASGIApp, grace: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=logging.ERROR,  # every malformed request would be a line of its own
        access_log=False,
        proxy_headers=False,  # nobody in front of us may say who is asking
        server_header=False,
        date_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=grace,
    )
