"""Who looks: the people and programs that follow the stream."""

from __future__ import annotations

import msgspec


class WatcherView(msgspec.Struct, frozen=True):
    """One of them, by name: whoever has several screens open, or from several places, is one."""

    name: str
    since: int  # wall time at which the first of the open ones was opened
    origins: list[str] = []  # where they ask from: "unix uid 1000", "tcp 10.0.0.7"
    screens: int = 1
