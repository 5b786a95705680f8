"""Plans by example: the protocol's questions, and PromQL's corners with the numbers of Prometheus."""

from __future__ import annotations

import math

import numpy as np
import pytest
from desk import START, Desk

from rtmd.engine.plan import Plans
from rtmd.engine.presence import Presence
from rtmd.errors import PromqlError
from rtmd.formats.batch import REFUSED, STALE, PlacedExemplar, SampleBatch, SeriesTable
from rtmd.model.expr import Aggregate, Number, Selector, over
from rtmd.model.firing import Exemplar
from rtmd.model.matcher import Matcher, MatchOp

UNFED, MISSING, FILTERED, PRESENT = Presence


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_rate_extrapolates_to_the_window_as_prometheus_does(desk: Desk) -> None:
    plan = desk.plan("rate(c[1m])")
    for second in range(0, 61, 15):
        desk.at(second, {"c": 100 + second * 2.0})
    # (0, 60]: 15, 30, 45, 60 s; sampled 45 s of 60, the start is one interval away: within 110 % of it
    assert desk.see(plan, 60) == {"": pytest.approx(2.0)}
    # 100 s: the last two are 40 s away, far more than an interval: half of one is added on each side
    assert desk.see(desk.plan("increase(c[1m])"), 100) == {"": pytest.approx(30 * (15 + 5 + 7.5) / 15)}


def test_a_counter_reset_counts_from_zero_and_extrapolation_stops_at_zero(desk: Desk) -> None:
    plan, delta = desk.plan("increase(c[1m])"), desk.plan("delta(c[1m])")
    for second, value in ((20, 1.0), (30, 5.0), (40, 2.0), (50, 4.0)):
        desk.at(second, {"c": value})
    # grown 4 + 2 + 2 = 8 over 30 s; to zero 30 · 1/8 = 3.75 s, before half an interval; end 10 s away
    assert desk.see(plan, 60)[""] == pytest.approx(8 * (30 + 3.75 + 10) / 30)
    assert desk.see(delta, 60)[""] == pytest.approx(3 * (30 + 5 + 10) / 30)


def test_one_sample_is_no_rate_but_the_series_is_fed(desk: Desk) -> None:
    plan = desk.plan("rate(c[1m])")
    desk.at(0, {"c": 1.0})
    assert desk.see(plan, 30) == {"": MISSING}
    assert desk.see(plan, 299) == {"": MISSING}
    assert desk.see(plan, 300) == {"": UNFED}


def test_a_stale_marker_unfeeds_an_instant_vector_but_a_range_still_sees_what_came_before(desk: Desk) -> None:
    instant, ranged = desk.plan("m"), desk.plan("avg_over_time(m[10s])")
    desk.at(0, {"m": 3.0})
    desk.at(5, {"m": float(STALE)})
    assert desk.see(instant, 4) == {"m": 3.0}
    assert desk.see(instant, 6) == {"m": UNFED}
    assert desk.see(ranged, 9) == {"": 3.0}
    assert desk.see(ranged, 10) == {"": UNFED}


def test_nothing_remains_of_a_huge_value_that_left_the_window(desk: Desk) -> None:
    plan = desk.plan("sum(sum_over_time(m[10s]))")
    desk.at(0, {"m": 1e18})
    for second in range(1, 21):
        desk.at(second, {"m": 0.5})
    assert desk.see(plan, 20) == {"": 5.0}


def test_averages_survive_sums_that_do_not(desk: Desk) -> None:
    over_time, over_rows = desk.plan("avg_over_time(m[10s])"), desk.plan("avg(m)")
    for second in (1, 2, 3):
        desk.at(second, {"m{i=1}": 1.6e308, "m{i=2}": 1.6e308, "n": math.inf})
    assert desk.see(over_time, 3)["{i=1}"] == pytest.approx(1.6e308)
    assert desk.see(over_rows, 3)[""] == pytest.approx(1.6e308)


def test_a_failing_comparison_filters_and_keeps_the_name_and_bool_does_neither(desk: Desk) -> None:
    filtered, truth = desk.plan("m > 5"), desk.plan("m > bool 5")
    desk.at(0, {"m{i=1}": 4.0, "m{i=2}": 6.0})
    assert desk.see(filtered, 0) == {"m{i=1}": FILTERED, "m{i=2}": 6.0}
    assert desk.see(truth, 0) == {"{i=1}": 0.0, "{i=2}": 1.0}


def test_a_number_on_the_left_lets_the_vectors_value_through(desk: Desk) -> None:
    plan = desk.plan("5 < m")
    desk.at(0, {"m": 6.0})
    assert desk.see(plan, 0) == {"m": 6.0}


def test_one_to_one_needs_both_sides(desk: Desk) -> None:
    plan = desk.plan("a / on (i) b")
    desk.at(0, {"a{i=1,x=1}": 6.0, "a{i=2}": 1.0, "b{i=1}": 3.0})
    assert desk.see(plan, 0) == {"{i=1}": 2.0}
    desk.at(400, {"a{i=1,x=1}": 8.0})
    assert desk.see(plan, 400) == {"{i=1}": MISSING}
    assert desk.see(plan, 900) == {"{i=1}": UNFED}
    desk.at(900, {"b{i=2}": 4.0, "a{i=2}": 2.0})
    assert desk.see(plan, 900) == {"{i=1}": UNFED, "{i=2}": 0.5}


def test_two_series_for_one_key_are_left_out_and_named(desk: Desk) -> None:
    plan = desk.plan("a / on (i) b")
    desk.at(0, {"a{i=1,x=1}": 6.0, "a{i=1,x=2}": 6.0, "b{i=1}": 3.0, "a{i=2}": 4.0, "b{i=2}": 2.0})
    assert desk.see(plan, 0) == {"{i=1}": MISSING, "{i=2}": 2.0}
    assert plan.problems() == ['the result of "/": several series are {i="1"} at the same time']
    desk.at(1, {"a{i=1,x=2}": float(STALE)})
    assert desk.see(plan, 1) == {"{i=1}": 2.0, "{i=2}": 2.0}
    assert plan.problems() == []


def test_series_that_differ_in_their_name_alone_share_a_row_once_it_is_gone(desk: Desk) -> None:
    plan = desk.plan('sum_over_time({__name__=~"old|new"}[10s])')
    desk.at(0, {"old{i=1}": 1.0})
    assert desk.see(plan, 5) == {"{i=1}": 1.0}
    desk.at(6, {"new{i=1}": 2.0})
    assert desk.see(plan, 6) == {"{i=1}": MISSING}
    assert desk.see(plan, 12) == {"{i=1}": 2.0}
    assert plan.size == 1


def test_and_freezes_where_its_right_side_cannot_say_and_filters_where_it_says_no(desk: Desk) -> None:
    plan = desk.plan("a and on (i) b > 0")
    desk.at(0, {"a{i=1}": 1.0, "a{i=2}": 2.0, "a{i=3}": 3.0, "b{i=1}": 1.0, "b{i=2}": 0.0})
    assert desk.see(plan, 0) == {"a{i=1}": 1.0, "a{i=2}": FILTERED, "a{i=3}": FILTERED}
    desk.at(301, {"a{i=1}": 1.0})
    assert desk.see(plan, 301) == {"a{i=1}": MISSING, "a{i=2}": UNFED, "a{i=3}": UNFED}


def test_unless_and_or(desk: Desk) -> None:
    unless, either = desk.plan("a unless b"), desk.plan("a or b")
    desk.at(0, {"a{i=1}": 1.0, "a{i=2}": 2.0, "b{i=2}": 5.0, "b{i=3}": 6.0})
    assert desk.see(unless, 0) == {"a{i=1}": 1.0, "a{i=2}": FILTERED}
    assert desk.see(either, 0) == {"a{i=1}": 1.0, "a{i=2}": 2.0, "b{i=2}": FILTERED, "b{i=3}": 6.0}


def test_late_future_and_refused_samples_are_dropped_and_counted(desk: Desk) -> None:
    plan = desk.plan("count_over_time(m[10m])")
    first = desk.series("m")
    seconds = np.array([-61, -60, 0, 30, 31, 0, 0])
    ids = np.array([first] * 5 + [REFUSED, first])
    applied = desk.plans.apply(SampleBatch(ids, START + seconds * 1000, np.ones(7)), START)
    assert applied.drops == {"late": 1, "future": 1, "refused": 1, "duplicate": 1}
    assert (applied.accepted, applied.touched.tolist()) == (3, [first])
    assert desk.see(plan, 0) == {"": 2.0}
    assert desk.see(plan, 30) == {"": 3.0}


def test_equal_signals_share_one_plan_until_the_last_one_lets_go(desk: Desk) -> None:
    one, two = desk.plan("sum(rate(c[1m]))"), desk.plan("sum  by () (rate(c[60s]))")
    assert one is two
    desk.at(0, {"c": 1.0})
    desk.plans.release(one)
    desk.at(1, {"c": 2.0})
    assert desk.see(two, 1) == {"": pytest.approx(1 / 60 * 1.5)}
    desk.plans.release(two)
    assert desk.at(2, {"c": 3.0}).touched.tolist() == []
    assert "0 series" in repr(desk.plans)


def test_a_rule_exchanged_in_one_go_keeps_its_windows(desk: Desk) -> None:
    old = desk.plan("sum_over_time(m[1m])")
    desk.at(0, {"m": 1.0})
    desk.plans.release(old)
    new = desk.plan("sum_over_time(m[1m]) * 2")
    desk.at(1, {"m": 2.0})
    assert desk.see(new, 1) == {"": 6.0}


def test_windows_over_what_has_no_series_yet_are_kept_and_let_go_one_by_one(desk: Desk) -> None:
    short, long = desk.plan("sum_over_time(m[2m])"), desk.plan("sum_over_time(m[10m])")
    other = desk.plan("sum_over_time(m[1m])")
    desk.at(0, {"m": 1.0})
    desk.plans.release(short)
    for second in range(60, 600, 60):
        desk.at(second, {"m": 1.0})
    assert desk.see(long, 599) == {"": 10.0}
    desk.plans.release(long)
    assert desk.see(other, 599) == {"": 1.0}


def test_rows_keep_their_numbers_and_are_found_by_their_labels(desk: Desk) -> None:
    plan = desk.plan("sum by (i) (m)")
    desk.at(0, {"m{i=2}": 1.0})
    desk.at(1, {"m{i=1}": 1.0, "m{i=2,x=1}": 5.0})
    assert [plan.labels(row) for row in range(plan.size)] == [(("i", "2"),), (("i", "1"),)]
    assert plan.row_of((("i", "1"),)) == 1
    assert plan.row_of((("i", "3"),)) is None
    assert plan.feeding(0).tolist() == [0, 2]
    assert plan.touched(np.array([2])).tolist() == [0]
    assert (plan.first(0), plan.first(1)) == (START, START + 1000)
    assert plan.window() == 300_000


def test_exemplars_come_by_reach_without_repeats_and_at_most_five(desk: Desk) -> None:
    plan = desk.plan("sum(m)")
    batch = desk.batch(0, {"m": 1.0})
    posts = [("old", 99.0, -50), ("small", 1.0, 0), *((f"post {each}", float(each), 0) for each in range(2, 7))]
    placed = tuple(PlacedExemplar(0, START + second * 1000, Exemplar(text, reach=r)) for text, r, second in posts)
    desk.plans.apply(SampleBatch(batch.ids, batch.times, batch.values, (*placed, placed[-1])), START)
    texts = [each.text for each in plan.exemplars(0, START - 10_000)]
    assert texts == ["post 6", "post 5", "post 4", "post 3", "post 2"]
    assert plan.exemplars(0, START - 60_000)[0].text == "old"


def refused(expr: object) -> tuple[str, int]:
    with pytest.raises(PromqlError) as caught:
        Plans(SeriesTable()).plan(expr)
    return caught.value.problem, caught.value.offset


def test_what_cannot_be_planned_is_refused_where_it_stands() -> None:
    selector = Selector((Matcher("__name__", MatchOp.EQUAL, "m"),))
    assert refused(Number(1.0, offset=3)) == ("this is a number: a signal must select series", 3)
    assert refused(Aggregate("sum", over("guess", selector, 1000, offset=4))) == (
        "not supported: the function guess",
        4,
    )
    assert refused(Aggregate("mode", selector, offset=2)) == ("not supported: the aggregation mode", 2)
    assert refused(Aggregate("topk", selector, offset=2)) == ("topk needs a number before its vector", 2)
    assert refused(over("rate", selector, 7 * 24 * 3_600_000, offset=1)) == (
        "this looks back too far: at most 6d are kept",
        1,
    )
    assert refused(Selector((Matcher("x", MatchOp.REGEX, "("),), offset=9))[1] == 9


def test_a_refused_signal_leaves_nothing_behind(desk: Desk) -> None:
    with pytest.raises(PromqlError):
        desk.plans.plan(Aggregate("topk", Selector((Matcher("__name__", MatchOp.EQUAL, "m"),))))
    assert desk.at(0, {"m": 1.0}).touched.tolist() == []
