"""Where the daemon is, and what to say when it cannot be reached or does not do what it was asked for."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct


class RefusedError(Exception):
    """The daemon did not do it; the text is the daemon's, or says why it was not reached.

    `confirm` has what must be meant: sent again with that said, it is done.
    """

    def __init__(self, text: str, confirm: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.confirm = tuple(confirm)


class Target(Struct, frozen=True):
    """Where the daemon is: a socket's path, or host and port."""

    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read a path, `unix:PATH` or `http://HOST:PORT`."""
        if not text.startswith(("http://", "https://")):
            return cls(path=text.removeprefix("unix:"))
        url = urlsplit(text)
        if url.scheme != "http" or not url.hostname:
            raise ValueError(f"{text}: give a socket's path or http://HOST:PORT")
        return cls(host=url.hostname, port=url.port or 80)

    def __str__(self) -> str:
        return self.path or f"http://{self.host}:{self.port}"


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (RefusedError, "{error}"),
    (FileNotFoundError, "cannot reach {target} (ENOENT). systemctl status rtmd · rtmd tui --connect URL"),
    (PermissionError, "EACCES on {target}: you (uid {uid}) are not in group {group}"),
    (ConnectionRefusedError, "{target} refused (ECONNREFUSED): nobody listens there. systemctl status rtmd"),
    (TimeoutError, "{target} is silent"),
    (asyncio.IncompleteReadError, "{target} hung up"),
    (ConnectionError, "{target} hung up"),
)


def words(error: BaseException, target: Target) -> str:
    """What is wrong with the link, for somebody who has to do something about it."""
    for kind, sentence in _WORDS:
        if isinstance(error, kind):
            return sentence.format(target=target, uid=os.getuid(), group=_group(target.path), error=error)
    if isinstance(error, OSError):
        code = errno.errorcode.get(error.errno or 0, "")
        return f"cannot reach {target} ({code or type(error).__name__})"
    return f"{target} does not speak as rtmd does: {error}"


def _group(path: str) -> str:
    """The group that may use the socket, as far as one can see it from outside."""
    import grp  # noqa: PLC0415  # needed for one error message only

    for place in (Path(path), Path(path).parent):
        try:
            return grp.getgrgid(place.stat().st_gid).gr_name
        except (OSError, KeyError):
            continue
    return "rtmd"
