"""What rules make of the newer half of PromQL, by example: presence, retention, problems, rows that appear."""

from __future__ import annotations

import numpy as np
import pytest
from desk import START, Desk

from rtmd.engine.presence import Presence

UNFED, MISSING, FILTERED, PRESENT = Presence


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_absence_is_present_where_nothing_is_and_false_where_something_is_and_never_unfed(desk: Desk) -> None:
    plan = desk.plan('absent(m{i="1"})')
    assert desk.see(plan, 0) == {"{i=1}": 1.0}
    desk.at(1, {"m{i=1}": 0.0})
    assert desk.see(plan, 1) == {"{i=1}": FILTERED}
    assert desk.see(plan, 301) == {"{i=1}": 1.0}
    assert desk.see(desk.plan("absent_over_time(m[10s])"), 10) == {"": FILTERED}
    assert desk.see(desk.plan("absent_over_time(m[10s])"), 11) == {"": 1.0}


def test_an_absence_is_covered_since_it_is_watched(desk: Desk) -> None:
    plan = desk.plan("absent(m)")
    desk.see(plan, 10)
    desk.see(plan, 20)
    assert plan.first(0) == START + 10_000
    desk.at(30, {"m": 1.0})
    assert plan.first(0) == START + 30_000


def test_numbers_and_vectors_of_them_are_always_there(desk: Desk) -> None:
    assert desk.see(desk.plan("vector(1)"), 0) == {"": 1.0}
    assert desk.see(desk.plan("vector(time() * 2)"), 5) == {"": START / 500 + 10}


def test_a_number_whose_feed_died_freezes_what_it_is_held_against(desk: Desk) -> None:
    plan = desk.plan("m > scalar(t)")
    desk.at(0, {"m": 4.0, "t": 3.0})
    assert desk.see(plan, 0) == {"m": 4.0}
    desk.at(1, {"t": 5.0})
    assert desk.see(plan, 1) == {"m": FILTERED}
    desk.at(299, {"m": 4.0})
    assert desk.see(plan, 302) == {"m": MISSING}
    desk.at(303, {"t{i=1}": 1.0, "t{i=2}": 1.0})
    assert desk.see(plan, 303) == {"m": MISSING}


def test_topk_filters_what_is_not_among_the_first(desk: Desk) -> None:
    plan = desk.plan("topk by (g) (1, m)")
    desk.at(0, {"m{i=1}": 1.0, "m{i=2}": 2.0, "m{g=x}": 0.0})
    assert desk.see(plan, 0) == {"m{i=1}": FILTERED, "m{i=2}": 2.0, "m{g=x}": 0.0}
    desk.at(1, {"m{i=1}": 3.0})
    assert plan.touched(np.array([0])).tolist() == [0, 1]
    assert desk.see(plan, 1) == {"m{i=1}": 3.0, "m{i=2}": FILTERED, "m{g=x}": 0.0}


def test_a_subquery_says_the_most_that_a_step_says(desk: Desk) -> None:
    plan = desk.plan("max_over_time((m > 5)[10s:1s])")
    rate = desk.plan("rate((m > 5)[10s:1s])")
    for second in range(20):
        desk.at(second, {"m": 9.0 if second == 12 else 1.0})
    assert desk.see(plan, 11) == {"": FILTERED}
    assert desk.see(plan, 15) == {"": 9.0}
    assert desk.see(rate, 15) == {"": MISSING}
    assert desk.see(plan, 22) == {"": FILTERED}
    assert desk.see(plan, 400) == {"": UNFED}


def test_a_subquery_without_a_step_in_its_range_is_missing_while_its_rows_are_fed(desk: Desk) -> None:
    plan = desk.plan("sum_over_time(m[3s:10s])")
    desk.at(0, {"m": 1.0})
    assert desk.see(plan, 5) == {"": MISSING}
    assert desk.see(plan, 12) == {"": 1.0}
    assert desk.see(plan, 305) == {"": UNFED}


def test_an_offset_keeps_what_it_will_need(desk: Desk) -> None:
    plan, ranged = desk.plan("m offset 10m"), desk.plan("sum_over_time(m[10s] offset 10m)")
    nested = desk.plan("max_over_time(sum_over_time(m[10s])[10m:1m])")
    for second in range(0, 1300, 5):
        desk.at(second, {"m": float(second)})
        desk.plans.tidy()
    assert desk.see(plan, 1300) == {"m": 700.0}
    assert desk.see(ranged, 1300) == {"": 695.0 + 700.0}
    assert desk.see(nested, 1300) == {"": 1235.0 + 1240.0}
    assert (plan.window(), ranged.window(), nested.window()) == (900_000, 900_000, 900_000)
    assert plan.since(START) == START - 900_000


def test_a_fixed_time_is_kept_as_long_as_it_can_be(desk: Desk) -> None:
    plan = desk.plan(f"m @ {START // 1000 + 50}")
    for second in range(0, 2000, 10):
        desk.at(second, {"m": float(second)})
        desk.plans.tidy()
    assert desk.see(plan, 1990) == {"m": 50.0}
    assert plan.since(START + 1_990_000) == START - 250_000
    desk.plans.release(plan)
    assert "0 series" in repr(desk.plans) or desk.at(2000, {"m": 1.0}).touched.tolist() == []


def test_group_left_follows_a_series_that_moves(desk: Desk) -> None:
    plan = desk.plan("load * on (pod) group_left (node) info")
    desk.at(0, {"load{pod=a,cpu=0}": 2.0, "load{pod=a,cpu=1}": 3.0, "info{pod=a,node=x}": 1.0})
    assert desk.see(plan, 0) == {"{cpu=0,node=x,pod=a}": 2.0, "{cpu=1,node=x,pod=a}": 3.0}
    desk.at(5, {"info{pod=a,node=y}": 1.0})
    assert set(desk.see(plan, 5).values()) == {MISSING}
    assert plan.problems() == ['the right side of "*": several series are {pod="a"} at the same time']
    desk.at(6, {"info{pod=a,node=x}": float(np.array([0x7FF0000000000002], np.uint64).view(np.float64)[0])})
    seen = desk.see(plan, 6)
    assert (seen["{cpu=0,node=y,pod=a}"], seen["{cpu=0,node=x,pod=a}"]) == (2.0, MISSING)
    assert plan.problems() == []


def test_counted_values_appear_and_stay_as_rows(desk: Desk) -> None:
    plan = desk.plan('sum by (v) (count_values("v", m)) > 0')
    desk.at(0, {"m{i=1}": 1.0, "m{i=2}": 1.0})
    assert desk.see(plan, 0) == {"{v=1}": 2.0}
    desk.at(1, {"m{i=1}": 2.5})
    assert plan.evaluate(START + 1000, plan.touched(np.array([0]))).presence.tolist() == [PRESENT]
    desk.see(plan, 1)
    assert desk.see(plan, 1) == {"{v=1}": 1.0, "{v=2.5}": 1.0}
    desk.at(2, {"m{i=2}": 2.5})
    assert desk.see(plan, 2) == {"{v=1}": FILTERED, "{v=2.5}": 2.0}


def test_rows_that_become_equal_are_missing_and_named(desk: Desk) -> None:
    plan = desk.plan('label_replace(m, "i", "x", "", "")')
    desk.at(0, {"m{i=1}": 1.0})
    assert desk.see(plan, 0) == {"m{i=x}": 1.0}
    desk.at(1, {"m{i=2}": 1.0})
    assert desk.see(plan, 1) == {"m{i=x}": MISSING}
    assert plan.problems() == ['the result: several series are {__name__="m", i="x"} at the same time']


def test_a_histogram_is_there_with_its_first_bucket(desk: Desk) -> None:
    plan = desk.plan("histogram_quantile(0.5, b)")
    desk.at(0, {"b{le=1}": 1.0, "b{le=2}": 3.0, "b{le=+Inf}": 4.0, "b{le=many}": 9.0})
    assert desk.see(plan, 0) == {"": 1.5}
    assert desk.see(plan, 301) == {"": UNFED}


def test_clamping_between_swapped_bounds_is_false(desk: Desk) -> None:
    plan = desk.plan("clamp(m, 2, 1)")
    desk.at(0, {"m": 1.0})
    assert desk.see(plan, 0) == {"": FILTERED}
