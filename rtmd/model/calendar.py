"""Calendars as values: which wall-clock times of which days belong to them, in one zone.

What a calendar holds at an instant is decided in `rtmd.alerting.calendar`, by the wall clock of its zone.
"""

from __future__ import annotations

from msgspec import Struct

DAY_MINUTES = 24 * 60


class Span(Struct, frozen=True):
    """A closed range of whole numbers."""

    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last


class Calendar(Struct, frozen=True):
    """Times of a zone. Every field that is not empty must fit; an empty one fits always.

    `times` are half-open, minutes since midnight: [first, last) with last up to 1440. `weekdays` count from Monday = 0,
    `days` are days of the month (negative ones count from its end: −1 is the last), `months` count from January = 1.
    """

    name: str
    zone: str = "UTC"
    times: tuple[Span, ...] = ()
    weekdays: tuple[Span, ...] = ()
    days: tuple[Span, ...] = ()
    months: tuple[Span, ...] = ()
    years: tuple[Span, ...] = ()
