"""Telling systemd how it goes: the sd_notify protocol, one datagram a message; silent where nobody listens."""

from __future__ import annotations

import contextlib
import os
import socket
import time


class Notifier:
    """Speaks to the socket in NOTIFY_SOCKET, if there is one."""

    def __init__(self, address: str | None = None) -> None:
        found = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        self._address = "\0" + found[1:] if found.startswith("@") else found

    def ready(self, status: str) -> None:
        """Up and serving, or done with reloading."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Reading rules and configuration again."""
        # systemd 253 and later fail a reload that does not say when it began.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={status}")

    def watchdog(self) -> None:
        """The evaluation is alive."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """On the way out."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A missing or full socket must never disturb what it reports on.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
        ):
            sock.setblocking(False)  # noqa: FBT003  # the name of the method says what it is
            sock.sendto(message.encode(), self._address)
