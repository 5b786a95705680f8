"""The moment a screen is drawn at, and how times are written.

People's times (acks, silences) are wall time, ages of firings are engine time; both are the daemon's, carried
forward by the monotonic clock of this process, so that a wrong clock on the operator's machine shows nothing
wrong. Times always say their zone: `14:03:07Z` or `15:03:07 CET`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from rtmd.model.display import age

_DAY = 86_400_000


class Moment(Struct, frozen=True):
    """Now, on three clocks (ms), and the zone to write it in."""

    mono: int
    wall: int
    at: int
    utc: bool = True

    def clock(self, wall: int, *, seconds: bool = True) -> str:
        """A wall time as people read it; with its date when that is not today."""
        there, here = self._zoned(wall), self._zoned(self.wall)
        text = there.strftime("%H:%M:%S" if seconds else "%H:%M")
        if abs(wall - self.wall) >= _DAY or there.date() != here.date():
            text = there.strftime("%m-%d ") + text
        return text + ("Z" if self.utc else f" {there.tzname() or ''}".rstrip())

    def engine_clock(self, at: int) -> str:
        """An engine time as people read it."""
        return self.clock(at + self.wall - self.at)

    def since(self, at: int) -> str:
        """How long ago an engine time was."""
        return age(self.at - at)

    def until(self, wall: int) -> str:
        """How long it is until a wall time."""
        return age(wall - self.wall)

    def _zoned(self, wall: int) -> datetime:
        # Times from outside may be beyond what a datetime can hold.
        bounded = min(max(wall, 0), 253_370_764_800_000)
        there = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=bounded)
        return there if self.utc else there.astimezone()


def countdown(milliseconds: int) -> str:
    """A span as minutes and seconds: `00:12`, `1:02:10`."""
    seconds = max(0, milliseconds) // 1000
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
