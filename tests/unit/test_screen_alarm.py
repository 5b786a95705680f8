"""The bell: what rings it, what does not, and how often."""

from __future__ import annotations

from typing import Any

import world

from rtmd.wire import Changes, FiringView
from tui.alarm import QUIET, Alarm


def critical(name: str, **changes: Any) -> FiringView:
    """A critical firing that nobody has."""
    return world.firing(name, severity="critical", **changes)


def opened(*firings: FiringView) -> Alarm:
    """A screen that opened on these."""
    alarm = Alarm()
    assert not alarm.hear(world.snapshot(list(firings)), 0)
    return alarm


def test_what_was_there_when_the_screen_opened_does_not_ring() -> None:
    alarm = opened(critical("a"))
    assert not alarm.hear(Changes(2, [critical("a", value=9.0)]), 1)


def test_a_new_critical_firing_that_nobody_has_rings() -> None:
    assert opened().hear(Changes(2, [critical("a")]), 1)


def test_others_do_not() -> None:
    alarm = opened()
    others = [
        world.firing("w"),
        critical("mine", ack=world.ack()),
        critical("hushed", silenced_by=["s1"]),
        critical("over", state="resolved", resolved_at=world.AT),
        critical("recovers", state="recovering"),
    ]
    for place, each in enumerate(others):
        assert not alarm.hear(Changes(2, [each]), place * 2 * QUIET)


def test_it_rings_once_in_ten_seconds_at_most() -> None:
    alarm = opened()
    assert alarm.hear(Changes(2, [critical("a")]), 5)
    assert not alarm.hear(Changes(3, [critical("b")]), 5 + QUIET - 1)
    assert alarm.hear(Changes(4, [critical("c")]), 5 + QUIET)


def test_what_rises_to_critical_rings_and_so_does_what_is_nobodys_again() -> None:
    alarm = opened(world.firing("a"))
    assert alarm.hear(Changes(2, [critical("a")]), 0)
    assert not alarm.hear(Changes(3, [critical("a", ack=world.ack())]), QUIET)
    assert alarm.hear(Changes(4, [critical("a")]), 2 * QUIET)


def test_what_came_while_the_link_was_down_rings_when_it_is_back() -> None:
    alarm = opened(critical("a"))
    assert not alarm.hear(world.snapshot([critical("a")]), QUIET)
    assert alarm.hear(world.snapshot([critical("a"), critical("b")]), 2 * QUIET)


def test_one_that_ended_and_came_again_rings_again() -> None:
    alarm = opened(critical("a"))
    assert not alarm.hear(Changes(2, gone=["a"]), QUIET)
    assert alarm.hear(Changes(3, [critical("a")]), 2 * QUIET)
