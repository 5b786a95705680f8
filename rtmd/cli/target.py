"""Where the daemon is: a socket's path, `unix:PATH`, `tcp:HOST:PORT` or an http URL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

SYSTEM_SOCKET = "/run/rtmd/rtmd.sock"


def find_target(connect: str | None, environ: Mapping[str, str] | None = None) -> str:
    """The daemon to speak to, as a socket's path or an http URL.

    What was asked for, else $RTMD_CONNECT, else the first default socket that exists, else the system's.
    """
    environ = os.environ if environ is None else environ
    named = connect or environ.get("RTMD_CONNECT")
    if named:
        return f"http://{named.removeprefix('tcp:')}" if named.startswith("tcp:") else named.removeprefix("unix:")
    places = (
        *(f"{folder}/rtmd.sock" for folder in environ.get("RUNTIME_DIRECTORY", "").split(":") if folder),
        *(f"{folder}/rtmd/rtmd.sock" for folder in [environ.get("XDG_RUNTIME_DIR")] if folder),
        SYSTEM_SOCKET,
    )
    return next((place for place in places if Path(place).exists()), SYSTEM_SOCKET)
