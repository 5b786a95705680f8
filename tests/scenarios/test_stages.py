"""Stages through time (semantics S1, S3): for, keep, clear, M-of-N, eager evaluation, coverage, no data."""

from scenarios.score import START, Score

from rtmd.formats.batch import STALE
from rtmd.model.firing import Outcome, StageState
from rtmd.model.inputs import TimeGap
from rtmd.pipeline import Samples

LEVEL = """
[rules.hot]
signal = 'm'
[rules.hot.seconds]
above = 10
"""


def rule(stage: str, head: str = "") -> str:
    return f"[rules.hot]\nsignal = 'm'\n{head}\n[rules.hot.seconds]\n{stage}\n"


def life(score: Score) -> tuple[float, float]:
    """When the only firing fired and resolved, in seconds."""
    firing = score.firing
    assert firing.resolved_at is not None
    return (firing.fired_at - START) / 1000, (firing.resolved_at - START) / 1000


def test_without_for_a_sample_over_the_threshold_fires_on_arrival() -> None:
    score = Score(LEVEL)
    score.push(2.25, 'm{host="a"}', 11)
    assert score.told == [(2.25, "log", "firing", "hot")]
    assert score.firing.fired_at == START + 2_250
    assert score.firing.labels == (("host", "a"),)


def test_a_value_on_the_threshold_is_not_above_it() -> None:
    score = Score(LEVEL)
    score.feed("m", [10] * 5)
    assert score.firings == []


def test_for_is_counted_from_arrival_and_judged_at_grid_points() -> None:
    score = Score(rule("above = 10\nfor = '3s'"))
    score.feed("m", [11] * 8, start=1)
    assert score.told == [(5.0, "log", "firing", "hot")]


def test_one_false_grid_point_deletes_a_pending_entry() -> None:
    score = Score(rule("above = 10\nfor = '3s'"))
    score.feed("m", [11, 11, 11, 5, 11, 11, 11, 5, 11], start=1)
    assert score.told == []


def test_without_a_clear_level_the_stage_ends_when_the_condition_does() -> None:
    score = Score(LEVEL)
    score.feed("m", [11, 11, 9, 9], start=1)
    score.run(6)
    assert life(score) == (1.1, 4.0)


def test_hysteresis_keeps_it_firing_until_the_clear_level() -> None:
    score = Score(rule("above = 10\nclear = 6"))
    score.feed("m", [11, 8, 7, 6.5, 6, 6], start=1)
    score.run(8)
    assert life(score) == (1.1, 6.0)


def test_keep_starts_at_the_first_false_grid_point() -> None:
    score = Score(rule("above = 10\nkeep = '3s'"))
    score.feed("m", [11, 11, 5, 5, 5, 5, 5], start=1)
    score.run(9)
    # False for the first time at second 4: 4 + 3 = 7.
    assert life(score) == (1.1, 7.0)


def test_a_true_grid_point_resets_keep() -> None:
    score = Score(rule("above = 10\nkeep = '3s'"))
    score.feed("m", [11, 5, 5, 11, 5, 5, 5, 5], start=1)
    score.run(10)
    assert life(score) == (1.1, 9.0)


def test_three_in_a_row_counts_grid_points_only() -> None:
    score = Score(rule("above = 10\nfor = { count = 3 }"))
    score.feed("m", [11, 11, 5, 11, 11, 11, 11], start=1)
    assert [told[:3] for told in score.told] == [(7.0, "log", "firing")]


def test_three_of_five_survives_a_false_grid_point() -> None:
    score = Score(rule("above = 10\nfor = { count = 3, of = 5 }"))
    score.feed("m", [11, 11, 5, 11, 11], start=1)
    assert [told[:3] for told in score.told] == [(5.0, "log", "firing")]


def test_a_window_that_does_not_reach_back_far_enough_does_not_fire() -> None:
    score = Score(
        "[rules.hot]\nsignal = 'avg_over_time(m[$window])'\n[rules.hot.seconds]\nwindow = '10s'\nabove = 10\n"
    )
    score.feed("m", [11] * 9, start=1)
    # First sample at 1.1; half of the window is covered from 6.1 on.
    assert [told[:3] for told in score.told] == [(7.0, "log", "firing")]


def test_between_no_result_and_unfed_the_state_is_frozen() -> None:
    score = Score("[rules.hot]\nsignal = 'avg_over_time(m[$window])'\n[rules.hot.seconds]\nwindow = '4s'\nabove = 10\n")
    score.feed("m", [11] * 5, start=1)
    score.run(200)
    assert [told[:3] for told in score.told] == [(4.0, "log", "firing")]
    assert score.firing.open


def test_a_feed_that_dies_never_resolves_by_default() -> None:
    score = Score(LEVEL)
    score.feed("m", [11] * 3, start=1)
    score.run(1200)
    assert score.firing.open
    assert [told[:3] for told in score.told] == [(1.1, "log", "firing"), (901.1, "log", "still firing")]


def test_no_data_resolve_ends_it_when_unfed() -> None:
    score = Score(rule("above = 10", "no_data = 'resolve'"))
    score.feed("m", [11] * 3, start=1)
    score.run(400)
    # The last sample at 3.1 leaves the five-minute look back at 303.1.
    assert life(score) == (1.1, 304.0)


def test_what_is_kept_without_data_is_lost_after_the_limit_and_that_is_told() -> None:
    score = Score(rule("above = 10\nno_data_limit = '20m'"))
    score.feed("m", [11] * 3, start=1)
    score.run(1_503)
    assert score.flags() == ["unfed"]
    score.run(1_600)
    # Unfed since 304, for twenty minutes.
    assert score.told[-1] == (1504.0, "log", "resolved", "hot")
    assert (score.firing.reason, score.outcomes) == ("no data", [(1504.0, "seconds", Outcome.LOST)])


def test_without_a_limit_of_its_own_it_is_kept_for_a_day() -> None:
    score = Score(rule("above = 10\nevery = '1m'"))
    score.feed("m", [11] * 3, start=1)
    score.run(360 + 86_399)  # unfed since 360
    assert score.firing.open
    score.run(360 + 86_400)
    assert not score.firing.open


def test_the_limit_counts_from_the_latest_time_it_was_fed() -> None:
    score = Score(rule("above = 10\nno_data_limit = '20m'"))
    score.feed("m", [11] * 3, start=1)
    score.push(1_400.5, "m", 11)
    score.run(2_000)
    assert score.firing.open


def test_the_limit_does_not_count_what_nobody_watched() -> None:
    score = Score(rule("above = 10\nno_data_limit = '20m'"))
    score.feed("m", [11] * 3, start=1)
    score.run(1_000)
    score.send(1_000, TimeGap(START + 5_000_000, "test"))
    score.run(5_500)
    assert score.firing.open
    score.run(5_504)
    assert not score.firing.open


def test_a_series_that_is_marked_as_ended_is_unfed_at_once() -> None:
    score = Score(LEVEL)
    score.feed("m", [11] * 3, start=1)
    score.push(4.5, "m", float(STALE))
    score.run(5)
    assert score.flags() == ["unfed"]
    assert [told[2] for told in score.told] == ["firing"]


def test_only_when_all_its_series_are_marked_is_an_instance_unfed() -> None:
    score = Score("[rules.hot]\nsignal = 'max(m)'\n[rules.hot.seconds]\nabove = 10\n")
    for second in (1, 2):
        score.send(second + 0.1, Samples("test", score.batch([('m{a="1"}', 11), ('m{a="2"}', 12)], second + 0.1)))
    score.push(3.1, 'm{a="2"}', float(STALE))
    score.run(4)
    assert (score.flags(), score.firing.open) == ([], True)
    score.push(4.1, 'm{a="1"}', float(STALE))
    score.run(5)
    assert (score.flags(), score.firing.open) == (["unfed"], True)


def test_a_pending_stage_that_nothing_feeds_is_dropped_and_for_begins_anew() -> None:
    score = Score(rule("above = 10\nfor = '5s'"))
    score.feed("m", [11] * 3, start=1)
    score.push(4.1, "m", float(STALE))
    score.feed("m", [11] * 4, start=6)
    score.run(10)
    assert score.told == []
    score.feed("m", [11] * 4, start=10)
    assert [told[:3] for told in score.told] == [(12.0, "log", "firing")]


def test_for_stands_still_between_no_result_and_unfed() -> None:
    text = "[rules.hot]\nsignal = 'avg_over_time(m[4s])'\n[rules.hot.seconds]\nabove = 10\nfor = '8s'\n"
    score = Score(text)
    score.feed("m", [11] * 3, start=1)  # true since 1.1; nothing in the window from 8 on
    score.run(19)
    assert score.told == []
    score.feed("m", [11] * 4, start=20)
    # 5.9 of the eight seconds were held until 7, the rest from 20 on.
    assert [told[:3] for told in score.told] == [(23.0, "log", "firing")]


def test_no_data_zero_counts_what_stopped_as_nothing() -> None:
    score = Score(rule("below = 1", "no_data = 'zero'"))
    score.feed("m", [5] * 3, start=1)
    score.run(310)
    assert score.told == [(304.0, "log", "firing", "hot")]


def test_a_guard_without_a_result_makes_the_condition_false_and_clear() -> None:
    text = "[rules.hot]\nsignal = 'm'\nguard = 'n > 3'\n[rules.hot.seconds]\nabove = 10\nclear = 1\n"
    score = Score(text)
    score.push(1.1, 'n{a="x"}', 5)
    score.push(1.2, 'm{a="x"}', 11)
    score.push(3.1, 'n{a="x"}', 2)
    score.run(5)
    assert life(score) == (1.2, 4.0)


def test_a_stall_counts_neither_for_nor_against_for() -> None:
    score = Score(rule("above = 10\nfor = '5s'"))
    score.feed("m", [11] * 3, start=1)
    score.send(4, TimeGap(START + 64_000, "test"))
    score.run(64)
    assert score.told == []
    score.feed("m", [11] * 6, start=64)
    # Three of the five seconds were held before the gap (1.1 → 4), the rest after it.
    assert score.told == [(67.0, "log", "firing", "hot")]


def test_a_recovering_stage_shows_it() -> None:
    score = Score(rule("above = 10\nkeep = '10s'"))
    score.feed("m", [11, 5, 5], start=1)
    (record,) = score.firing.stages
    assert record.state is StageState.RECOVERING
