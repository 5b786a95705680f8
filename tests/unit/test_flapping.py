"""The ring of states by itself (semantics S9): golden values, the pace of stages."""

import pytest
from scenarios.score import rule_set

from rtmd.engine.flapping import Flaps, Pace, caught_up, moved, next_change, pace_of, percent
from rtmd.model.rule import HOUR, MINUTE, SECOND

PACE = Pace(slot=10, spell=0)  # starts by themselves count for nothing


@pytest.mark.parametrize(
    ("changes", "expected"),
    [(1, 6.25), (2, 12.37), (3, 18.36), (4, 24.21), (5, 29.93), (6, 35.53), (7, 40.99), (8, 46.32), (20, 100)],
)
def test_the_newest_changes_weigh_what_they_should(changes: int, expected: float) -> None:
    states = [1]
    for _ in range(changes):
        states.insert(0, 1 - states[0])
    oldest_first = [states[0]] * (20 - changes) + states
    ring = int("".join(map(str, oldest_first)), 2)
    assert percent(ring) == pytest.approx(expected, abs=0.005)


def test_a_single_oldest_change_weighs_least() -> None:
    assert percent(1 << 20) == pytest.approx(3.75)


def test_a_quiet_ring_weighs_nothing_whatever_its_state() -> None:
    assert percent(0) == percent((1 << 21) - 1) == 0


def test_six_changes_in_a_row_start_it_and_five_do_not() -> None:
    flaps = Flaps(0, 0)
    for number in range(5):
        flaps = moved(flaps, number * 10 + 5, PACE, burning=number % 2 == 0)
    assert not caught_up(flaps, 50, PACE).flapping
    flaps = moved(flaps, 55, PACE, burning=False)
    assert caught_up(flaps, 60, PACE).flapping


def test_what_is_to_happen_by_time_alone_is_known_beforehand() -> None:
    flaps = Flaps(0, 0)
    for number in range(6):
        flaps = moved(flaps, number * 10 + 5, PACE, burning=number % 2 == 0)
    starts = next_change(flaps, PACE)
    assert (starts, caught_up(flaps, starts - 1, PACE).flapping, caught_up(flaps, starts, PACE).flapping) == (
        60,
        False,
        True,
    )
    flaps = caught_up(flaps, starts, PACE)
    stops = next_change(flaps, PACE)
    assert caught_up(flaps, stops - 1, PACE).flapping
    assert not caught_up(flaps, stops, PACE).flapping


def test_what_waits_for_its_starts_to_age_needs_no_look_at_every_slot() -> None:
    aeon = Pace(slot=10, spell=10**15)  # slot by slot this takes years
    flaps = Flaps(0, 0)
    for number in range(8):
        flaps = moved(flaps, number * 10 + 5, aeon, burning=number % 2 == 0)
    stops = next_change(flaps, aeon)
    assert stops == flaps.starts[-3] + aeon.spell + 5  # the first slot at which only two are young
    assert caught_up(flaps, stops - 1, aeon).flapping
    assert not caught_up(flaps, stops, aeon).flapping


RULE = """
[rules.surge]
signal = 'avg_over_time(m[$window])'
[rules.surge.seconds]
window = "30s"
above = 1
[rules.surge.minutes]
window = "10m"
above = 1
[rules.surge.hours]
window = "6h"
above = 1
[rules.bare]
signal = 'm'
above = 1
[rules.off]
signal = 'm'
above = 1
flapping = "off"
"""


def test_the_slots_of_a_stage_are_a_twentieth_of_what_judges_it() -> None:
    rule = rule_set(RULE).rules["surge"]
    assert [pace_of(rule, stage) for stage in rule.stages] == [
        Pace(30 * SECOND, 10 * MINUTE),
        Pace(18 * MINUTE, 200 * MINUTE),
        Pace(72 * MINUTE, 120 * HOUR),
    ]


def test_a_stage_without_a_window_goes_by_sixty_points_of_its_grid() -> None:
    rule = rule_set(RULE).rules["bare"]
    assert pace_of(rule, rule.stages[0]) == Pace(MINUTE, 100 * MINUTE)


def test_a_rule_may_flap_as_it_likes() -> None:
    rule = rule_set(RULE).rules["off"]
    assert pace_of(rule, rule.stages[0]) is None
