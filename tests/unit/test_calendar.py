"""Calendars by the wall clock of their zone (semantics S8)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmd.alerting.calendar import holds, jumps, knows_zone
from rtmd.model.calendar import Calendar, Span

OFFICE = Calendar("office", "Europe/Paris", times=(Span(9 * 60, 18 * 60),), weekdays=(Span(0, 4),))
NIGHT = Calendar("night", "Europe/Berlin", times=(Span(135, 165),))


def wall(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def minutes_on(calendar: Calendar, day: str) -> int:
    """How many minutes of a UTC day belong to the calendar."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return sum(holds(calendar, int((start + timedelta(minutes=n)).timestamp() * 1000)) for n in range(24 * 60))


@pytest.mark.parametrize(
    ("time", "inside"),
    [
        ("2026-11-23T08:59:59", False),
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T17:59:59", True),
        ("2026-11-23T18:00:00", False),  # half-open
        ("2026-11-22T12:00:00", False),  # a Sunday
    ],
)
def test_office_hours_are_half_open_and_on_weekdays(time: str, *, inside: bool) -> None:
    assert holds(OFFICE, wall(time, "Europe/Paris")) is inside


@pytest.mark.parametrize(("day", "minutes"), [("2026-06-01", 30), ("2026-03-29", 0), ("2026-10-25", 60)])
def test_a_night_window_in_berlin_lasts_as_long_as_the_clock_shows_it(day: str, minutes: int) -> None:
    assert minutes_on(NIGHT, day) == minutes


def test_the_days_on_which_that_happens_are_named() -> None:
    assert jumps(NIGHT, 2026) == ["2026-03-29", "2026-10-25"]
    assert jumps(OFFICE, 2026) == []
    assert jumps(Calendar("utc", times=(Span(0, 1440),)), 2024) == []


@pytest.mark.parametrize(
    ("days", "time", "inside"),
    [
        ((Span(-1, -1),), "2026-02-28T12:00:00", True),
        ((Span(-1, -1),), "2026-02-27T12:00:00", False),
        ((Span(1, 5),), "2026-02-05T00:00:00", True),
        ((Span(29, 31),), "2026-02-28T12:00:00", False),
        ((Span(-3, -1),), "2024-02-27T12:00:00", True),
        ((Span(15, -1),), "2026-02-14T12:00:00", False),
    ],
)
def test_days_of_the_month_count_from_either_end(days: tuple[Span, ...], time: str, *, inside: bool) -> None:
    assert holds(Calendar("c", days=days), wall(time)) is inside


def test_months_and_years_must_fit_too() -> None:
    summer = Calendar("c", months=(Span(6, 8),), years=(Span(2026, 2026),))
    assert holds(summer, wall("2026-07-01T00:00:00"))
    assert not holds(summer, wall("2027-07-01T00:00:00"))
    assert not holds(summer, wall("2026-09-01T00:00:00"))


def test_a_calendar_that_says_nothing_always_holds() -> None:
    assert holds(Calendar("always"), 0)


def test_zones_are_those_of_the_machine() -> None:
    assert knows_zone("Europe/Berlin")
    assert not knows_zone("Europe/Nowhere")
    assert not knows_zone("../../etc/passwd")


@given(st.integers(0, 2**41), st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]))
def test_a_time_belongs_to_exactly_one_of_a_calendar_and_its_complement(moment: int, zone: str) -> None:
    inside = Calendar("in", zone, times=(Span(100, 500),))
    outside = Calendar("out", zone, times=(Span(0, 100), Span(500, 1440)))
    assert holds(inside, moment) is not holds(outside, moment)
