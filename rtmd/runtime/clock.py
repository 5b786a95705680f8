"""The engine's clock and the people's (design §4).

Engine time is wall time at start plus monotonic time since: it never goes back, and a step of the wall clock or a
suspend does not move it. The wall clock is read fresh each time; the difference between the two is reported to
the pipeline whenever it changes, and a jump forward of more than two seconds is a gap that nobody watched.
"""

from __future__ import annotations

import time


class SystemClock:
    """The real clocks; engine time starts at the wall, or at `not_before` where that is later."""

    def __init__(self, not_before: int = 0) -> None:
        self._base = max(time.time_ns() // 1_000_000, not_before) - time.monotonic_ns() // 1_000_000

    def now(self) -> int:
        """Engine time, ms."""
        return self._base + time.monotonic_ns() // 1_000_000

    def wall(self) -> int:
        """Wall time, ms."""
        return time.time_ns() // 1_000_000

    def skip(self, milliseconds: int) -> None:
        """Move engine time forward: wall time went on while the monotonic clock stood still (a suspend)."""
        self._base += milliseconds
