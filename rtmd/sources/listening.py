"""Sockets of sources that listen: bound by us, so that both event loops treat them alike, and tried again.

An address that cannot be had (in use, not there) is no reason to give up: it is counted under `listen`, said in
`last_error`, and tried every few seconds until it is free.
"""

from __future__ import annotations

import logging
import socket
from collections import Counter
from collections.abc import Callable

from rtmd.config import Address
from rtmd.sources.schedule import Sleep

_AGAIN = 5.0  # seconds
_BUFFER = 4 * 1024**2  # bytes of datagrams that may wait; the kernel gives what it allows

log = logging.getLogger(__name__)


def bound(address: Address, kind: socket.SocketKind) -> socket.socket:
    """A socket on this address, listening if it is a stream; OSError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.settimeout(0)
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        sock.bind((address.host, address.port))
        if kind is socket.SOCK_STREAM:
            sock.listen()
    except OSError:
        sock.close()
        raise
    return sock


class Listening:
    """What a listening source knows about its address; `errors` is the source's own counter."""

    def __init__(self, name: str, address: Address, kind: socket.SocketKind, errors: Counter[str]) -> None:
        self.name = name
        self.problem = ""
        self.port = address.port  # of the bound socket, once there is one
        self._address = address
        self._kind = kind
        self._errors = errors

    def __repr__(self) -> str:
        return f"<Listening on {self._address.host}:{self.port}{self.problem and ', ' + self.problem}>"

    async def socket(self, sleep: Sleep, bind: Callable[..., socket.socket] = bound) -> socket.socket:
        """The bound socket, as soon as it can be had."""
        while True:
            try:
                sock = bind(self._address, self._kind)
            except OSError as error:
                problem = f"cannot listen on {self._address.host}:{self._address.port}: {error.strerror}"
                if problem != self.problem:
                    log.warning("source %s %s", self.name, problem)
                self.problem = problem
                self._errors["listen"] += 1
                await sleep(_AGAIN)
            else:
                self.problem = ""
                self.port = int(sock.getsockname()[1])
                log.info("source %s listens on %s:%s", self.name, self._address.host, self.port)
                return sock
