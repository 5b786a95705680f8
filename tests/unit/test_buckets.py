"""Buckets by example: when samples go over to them, what is known since when, what survives a change."""

from __future__ import annotations

import numpy as np
import pytest
from desk import START, Desk

from rtmd.engine.plan import Plan
from rtmd.engine.presence import Presence
from rtmd.formats.batch import SampleBatch
from rtmd.promql import parse

MINUTE = 60
HOUR = 60 * MINUTE
_FIRST = 40  # seconds after START, a multiple of a minute


@pytest.fixture
def desk() -> Desk:
    return Desk()


def plan(desk: Desk, text: str, grid: int = MINUTE) -> Plan:
    made = desk.plans.plan(parse(text), grid * 1000)
    assert made.grid
    return made


def second_of(minute: int) -> int:
    """A grid point: START is 20 s past one."""
    return _FIRST + minute * MINUTE


def feed(desk: Desk, minutes: range, value: float = 1.0, every: int = 10) -> None:
    for second in range(minutes.start * MINUTE, minutes.stop * MINUTE, every):
        desk.at(second, {"m": value})


def test_a_day_of_samples_costs_a_few_kilobytes() -> None:
    ticks = Desk(), Desk()
    for desk, texts in zip(ticks, ((("1m", 0),), (("1m", 0), ("1h", MINUTE), ("24h", 5 * MINUTE))), strict=True):
        for window, grid in texts:
            desk.plans.plan(parse(f"avg_over_time(m[{window}])"), grid * 1000)
        ids = np.array([desk.series(f"m{{i={each}}}") for each in range(200)])
        for second in range(10 * MINUTE):
            at = START + second * 1000
            desk.plans.apply(SampleBatch(ids, np.full(200, at), np.full(200, 1.0)), at)
    short, long = (desk.plans.size / 200 for desk in ticks)
    assert short <= 1_200
    assert long <= 8_000


def test_an_average_of_whole_numbers_is_exact_and_what_left_leaves_nothing_behind(desk: Desk) -> None:
    average = plan(desk, "avg_over_time(m[30m])")
    feed(desk, range(1), 1e18)
    feed(desk, range(1, 40), 3.0)
    assert desk.see(average, second_of(38)) == {"": 3.0}


def test_numbers_of_both_signs_cancel_exactly_across_buckets(desk: Desk) -> None:
    total = plan(desk, "sum_over_time(m[30m])")
    for minute, value in ((1, 1e15), (5, 0.1), (9, -1e15), (12, 0.2), (15, -0.1), (20, -0.2)):
        desk.at(minute * MINUTE, {"m": value})
    assert desk.see(total, second_of(14)) == {"": pytest.approx(0.3, rel=1e-9)}
    assert desk.see(total, second_of(25)) == {"": pytest.approx(0.0, abs=1e-15)}


def test_a_source_that_is_later_than_all_before_loses_only_what_was_sealed_and_is_told(desk: Desk) -> None:
    count = plan(desk, "count_over_time(m[30m])")
    feed(desk, range(10))
    late = desk.batch(4 * MINUTE + 5, {"m": 1.0})
    at = START + 10 * MINUTE * 1000
    assert desk.plans.apply(late, at, lateness=600_000).drops == {"late": 1}
    feed(desk, range(10, 15))
    fine = desk.batch(10 * MINUTE + 5, {"m": 1.0})
    assert not desk.plans.apply(fine, START + 15 * MINUTE * 1000, lateness=600_000).drops
    assert desk.see(count, second_of(15)) == {"": 91.0}
    feed(desk, range(15, 40))
    assert desk.see(count, second_of(39)) == {"": 180.0 + (second_of(39) - 30 * MINUTE < 10 * MINUTE + 5)}


def test_a_longer_window_is_not_covered_by_what_only_a_shorter_one_kept(desk: Desk) -> None:
    short = desk.plan("avg_over_time(m[1m])")
    feed(desk, range(20))
    long = plan(desk, "avg_over_time(m[1h])")
    first = long.first(0)
    assert first is not None
    assert first >= START + 18 * MINUTE * 1000
    assert short.first(0) is not None
    feed(desk, range(20, 30))
    assert long.first(0) == first


def test_a_window_of_samples_that_comes_later_does_not_uncover_buckets(desk: Desk) -> None:
    long = plan(desk, "avg_over_time(m[1h])")
    feed(desk, range(20))
    five = desk.plan("avg_over_time(m[5m])")
    assert long.first(0) == START
    first = five.first(0)
    assert first is not None
    assert first > START


def test_another_function_over_the_same_window_begins_anew(desk: Desk) -> None:
    average = plan(desk, "avg_over_time(m[1h])")
    feed(desk, range(20))
    peak = plan(desk, "max_over_time(m[1h])")
    assert average.first(0) == START
    first = peak.first(0)
    assert first is not None
    assert first > START


def test_a_changed_window_takes_over_the_buckets_of_the_one_before(desk: Desk) -> None:
    before = plan(desk, "sum_over_time(m[30m])")
    feed(desk, range(40))
    after = plan(desk, "sum_over_time(m[1h])")
    desk.plans.release(before)
    feed(desk, range(40, 45))
    first = after.first(0)
    assert first is not None
    assert START + 7 * MINUTE * 1000 < first < START + 9 * MINUTE * 1000  # what had left the shorter window is gone
    samples = (second_of(43) * 1000 + START - first) // 10_000
    assert desk.see(after, second_of(43)) == {"": pytest.approx(samples, abs=1)}


def test_rows_that_nobody_reads_any_more_are_let_go(desk: Desk) -> None:
    one, two = plan(desk, "sum_over_time(m{i='1'}[1h])".replace("'", '"')), plan(desk, "sum_over_time(m[1h])")
    for second in range(0, 10 * MINUTE, 10):
        desk.at(second, {"m{i=1}": 1.0, "m{i=2}": 2.0})
    seen, size = desk.see(two, second_of(8))["{i=1}"], desk.plans.size
    desk.plans.release(two)
    desk.at(10 * MINUTE, {"m{i=1}": 1.0})
    assert desk.plans.size < size
    assert desk.see(one, second_of(8)) == {"{i=1}": seen}
    desk.plans.release(one)
    desk.at(11 * MINUTE, {"m{i=1}": 1.0})
    assert plan(desk, "sum_over_time(m[1h])").first(0) is None


def test_a_new_rule_is_not_covered_by_a_past_that_a_restart_did_not_bring_back(desk: Desk) -> None:
    plan(desk, "avg_over_time(m[1h])")
    feed(desk, range(20))
    again = Desk()
    average, peak = plan(again, "avg_over_time(m[1h])"), plan(again, "max_over_time(m[1h])")
    again.plans.restore(desk.plans.snapshot())
    assert average.first(0) == START
    first = peak.first(0)
    assert first is not None
    assert first > START + 15 * MINUTE * 1000
    assert again.see(average, second_of(19)) == {"": 1.0}


def test_between_two_grid_points_there_is_an_answer_too(desk: Desk) -> None:
    average, then = plan(desk, "avg_over_time(m[10m])"), plan(desk, "avg_over_time(m[10m] offset 10m)")
    feed(desk, range(30))
    for second in range(29 * MINUTE, 31 * MINUTE, 7):
        assert desk.see(average, second) == desk.see(then, second) == {"": 1.0}
    assert desk.see(average, 45 * MINUTE) == {"": Presence.UNFED}


def test_freed_ids_leave_the_buckets_of_the_others_alone_and_go_only_when_no_bucket_knows_them(desk: Desk) -> None:
    total = plan(desk, "sum_over_time(m[1h])")
    for minute in range(10):
        desk.at(minute * MINUTE, {"m{i=1}": 1.0, "m{i=2}": 2.0})
    held = np.empty(0, np.int64)
    for minute in range(10, 90):
        desk.at(minute * MINUTE, {"m{i=2}": 2.0})
        if minute < 65:
            assert not desk.plans.free(START + minute * MINUTE * 1000, held, least=0.0)
    seen = desk.see(total, second_of(88))["{i=2}"]
    assert desk.plans.free(START + 89 * MINUTE * 1000 + 30_000, held, least=0.0) == 1
    assert desk.see(total, second_of(89) - MINUTE) == {"{i=2}": seen}
    desk.at(90 * MINUTE, {"m{i=3}": 5.0, "m{i=2}": 2.0})
    assert desk.see(total, second_of(90))["{i=3}"] == 5.0
