"""The verbs' line to the daemon: one request each, over the Unix socket or loopback TCP.

$RTMD_TOKEN is shown to it (`target` says where it is). Whatever goes wrong becomes one line and exit code 1: an
unreachable daemon, a refusal (with the daemon's own words), an answer nobody understands.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import TypeVar

import click
import httpx
import msgspec

from rtmd.model.display import safe
from rtmd.wire import Problem

_SECONDS = 30.0

Answer = TypeVar("Answer")


class InstantData(msgspec.Struct, frozen=True):
    """What a query gave: `result` is rows for a vector, a pair for a number or a text."""

    kind: str = msgspec.field(name="resultType")
    result: msgspec.Raw = msgspec.Raw(b"[]")


class Instant(msgspec.Struct, frozen=True):
    """Prometheus' answer to an instant query."""

    data: InstantData


class Client:
    """Asks the daemon at a target that `find_target` gave."""

    def __init__(self, target: str) -> None:
        self.target = target
        remote = target.startswith(("http://", "https://"))
        base = target if remote else "http://localhost"
        if not remote:
            _knock(target)
        transport = None if remote else httpx.HTTPTransport(uds=target)
        # Proxies of the environment have no business between us and this machine's daemon.
        try:
            self._http = httpx.Client(
                base_url=base, transport=transport, headers=_identity(), timeout=_SECONDS, trust_env=False
            )
        except httpx.InvalidURL as error:
            raise click.ClickException(f"{safe(target)} is neither a socket nor a URL: {safe(str(error))}") from None

    def get(self, path: str, kind: type[Answer], params: Mapping[str, str] | None = None) -> Answer:
        """What the daemon says at this path."""
        return self._decoded(self._sent(self._http.build_request("GET", path, params=params)), kind)

    def post(self, path: str, request: msgspec.Struct | None, kind: type[Answer]) -> Answer:
        """What the daemon says to this request."""
        content = b"" if request is None else msgspec.json.encode(request)
        headers = {"Content-Type": "application/json"}
        return self._decoded(self._sent(self._http.build_request("POST", path, content=content, headers=headers)), kind)

    def close(self) -> None:
        """Drop the connection."""
        self._http.close()

    def _sent(self, request: httpx.Request) -> bytes:
        try:
            response = self._http.send(request)
        except httpx.TimeoutException:
            raise click.ClickException(f"no answer from {safe(self.target)} within {_SECONDS:g} s") from None
        except (httpx.HTTPError, OSError) as error:
            raise click.ClickException(f"cannot reach rtmd at {safe(self.target)}: {safe(str(error))}") from None
        if response.is_error:
            raise click.ClickException(_words(response))
        return response.content

    def _decoded(self, body: bytes, kind: type[Answer]) -> Answer:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise click.ClickException(
                f"the answer of {safe(self.target)} is not rtmd's; is it another version?"
            ) from None


def _identity() -> dict[str, str]:
    """The token of $RTMD_TOKEN, if there is one."""
    token = os.environ.get("RTMD_TOKEN", "").strip()
    if not token.isascii() or not token.isprintable():
        raise click.ClickException("RTMD_TOKEN is no token")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _knock(path: str) -> None:
    """See whether somebody listens: httpx says less about it, and leaves the failed socket lying about."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.settimeout(_SECONDS)
            probe.connect(path)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"cannot reach rtmd at {safe(path)}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such socket; is the daemon running?"
        case ConnectionRefusedError():
            return "nobody listens there; is the daemon running?"
        case PermissionError():
            return "you may not use this socket; are you in its group?"
        case _:
            return safe(str(error))


def _words(response: httpx.Response) -> str:
    """The daemon's own explanation of a refusal."""
    try:
        return safe(msgspec.json.decode(response.content, type=Problem).error) or f"refused ({response.status_code})"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"refused with status {response.status_code}"
