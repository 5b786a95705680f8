"""When a source is due: every so often, at an offset of its own.

The offset is a stable hash of the source's name: sources with the same interval do not all fall on the same
millisecond, and each falls on the same phase after every restart. A source that took too long skips what it missed.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from typing import TypeAlias

# Waits for so many seconds; `asyncio.sleep`, or a test's own.
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


def offset_of(name: str, every: int) -> int:
    """The phase of this source within its interval, in ms: 0 ≤ offset < `every`."""
    return zlib.crc32(name.encode()) % every


def wait(now: int, *, every: int, offset: int) -> int:
    """Milliseconds from `now` to the next time that is `offset` past a multiple of `every`; never 0."""
    return every - (now - offset) % every
