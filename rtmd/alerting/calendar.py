"""Calendars at an instant (semantics S8): membership by the wall clock of their zone.

Nothing is converted to intervals first. The instant is shown on the zone's clock, and what that clock shows belongs
to the calendar or does not. So 02:15–02:45 in Berlin lasts 30 minutes on most days, none when the clock jumps over it
in spring, and 60 in autumn, when it is shown twice. The zone's data are those of the machine.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rtmd.model.calendar import Calendar, Span


def knows_zone(name: str) -> bool:
    """Whether this machine has data for the zone of that (IANA) name."""
    try:
        _zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def holds(calendar: Calendar, wall: int) -> bool:
    """Whether wall time `wall` (ms since the epoch) belongs to the calendar."""
    shown = datetime.fromtimestamp(wall // 1000, _zone(calendar.zone))
    return (
        _fits(calendar.times, shown.hour * 60 + shown.minute, half_open=True)
        and _fits(calendar.weekdays, shown.weekday())
        and _fits(calendar.months, shown.month)
        and _fits(calendar.years, shown.year)
        and (not calendar.days or any(_fits_day(span, shown) for span in calendar.days))
    )


def clock(wall: int) -> str:
    """A wall time as people say it: `14:05 UTC`."""
    return f"{datetime.fromtimestamp(wall // 1000, _zone('UTC')):%H:%M} UTC"


def moment(wall: int) -> str:
    """A wall time with its day, for what is read much later: `2026-09-21 14:05 UTC`."""
    return f"{datetime.fromtimestamp(wall // 1000, _zone('UTC')):%Y-%m-%d %H:%M} UTC"


def jumps(calendar: Calendar, year: int) -> list[str]:
    """The days of a year (`2026-03-29`) on which the zone's clock skips or repeats a part of the calendar's times."""
    zone = _zone(calendar.zone)
    midnights = (datetime(year, 1, 1, tzinfo=zone) + timedelta(days=day) for day in range(monthrange(year, 2)[1] + 337))
    changing = (day for day in midnights if day.utcoffset() != (day + timedelta(days=1)).utcoffset())
    return [f"{day:%Y-%m-%d}" for day in changing if any(_touches(span, day) for span in calendar.times)]


def _fits(spans: tuple[Span, ...], number: int, *, half_open: bool = False) -> bool:
    return not spans or any(span.first <= number < span.last + (not half_open) for span in spans)


def _fits_day(span: Span, shown: datetime) -> bool:
    """Days count from 1, or from the end of the month with −1; those that a month does not have are cut off."""
    length = monthrange(shown.year, shown.month)[1]
    first = span.first if span.first > 0 else length + 1 + span.first
    last = span.last if span.last > 0 else length + 1 + span.last
    return max(first, 1) <= shown.day <= min(last, length)


def _touches(span: Span, day: datetime) -> bool:
    """Whether the clock skips or repeats a minute of the span on that day."""
    minutes = (day.replace(hour=minute // 60, minute=minute % 60) for minute in range(span.first, span.last))
    # Both are told by what the two readings of one clock face say about UTC.
    return any(minute.utcoffset() != minute.replace(fold=1).utcoffset() for minute in minutes)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
