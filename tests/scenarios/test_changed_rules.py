"""Rules that change under a firing (semantics S11): judged anew without an echo, once that can be done."""

from __future__ import annotations

import pytest
from scenarios.score import START, Score

from rtmd.model.action import Action
from rtmd.model.effects import Journaled
from rtmd.model.firing import StageState
from rtmd.model.inputs import ActionDone, ReactionsLoaded, TimeGap
from rtmd.model.reaction import RunState
from rtmd.model.rule import StageName
from rtmd.pipeline import WindowFilled

MEAN = """
[rules.hot]
signal = 'avg_over_time(m[$window])'
[rules.hot.seconds]
window = '{window}'
above = {above}
"""
REACTIONS = ReactionsLoaded(frozenset({"log", "desk", "lead"}), actions={"hold": Action("hold", undo=("release",))})


def mean(window: str, above: int = 10) -> str:
    return MEAN.format(window=window, above=above)


def kinds(score: Score) -> list[str]:
    """What was said, repetitions left out."""
    return [what for _, _, what, _ in score.told if what != "still firing"]


def test_a_longer_window_is_judged_when_half_of_it_is_known() -> None:
    score = Score(mean("4s"))
    score.feed("m", [11] * 10, start=1)  # fires at 4.0; what is kept reaches back to 1.1
    score.reload(11, mean("40s"))
    assert score.flags() == ["rejudging"]
    score.feed("m", [11] * 8, start=11)
    score.run(20)
    assert score.flags() == ["rejudging"]
    score.feed("m", [11] * 3, start=20)
    score.run(22)  # 1.1 + 40 s / 2
    assert score.flags() == []
    assert kinds(score) == ["firing"]
    assert score.firing.open


def test_it_ends_as_changed_where_the_longer_window_does_not_fire() -> None:
    score = Score(mean("4s"))
    score.feed("m", [11] * 10, start=1)
    score.reload(11, mean("40s", above=50))
    score.feed("m", [11] * 15, start=11)
    assert [told[:3] for told in score.told] == [(4.0, "log", "firing"), (22.0, "log", "resolved")]
    assert score.firing.reason == "rule_changed"


def test_with_a_window_filled_from_the_log_it_is_judged_at_once() -> None:
    score = Score(mean("4s"))
    score.feed("m", [11] * 10, start=101)
    score.reload(111.2, mean("40s", above=50))
    assert score.flags() == ["rejudging"]
    for second in range(60, 101):
        score.send(111.3, WindowFilled(score.batch([("m", 5.0)], second)))
    score.run(112)
    assert (score.firing.open, score.firing.reason) == (False, "rule_changed")


def test_below_half_of_the_window_nothing_ends_even_without_coverage() -> None:
    score = Score(mean("4s") + "coverage = 0\n")
    score.feed("m", [11] * 3, start=1)
    score.reload(4, mean("1m") + "coverage = 0\n")
    score.feed("m", [0] * 20, start=4)
    assert score.firing.open
    score.feed("m", [0] * 9, start=24)
    assert score.firing.reason == "rule_changed"


def test_a_changed_threshold_is_judged_at_once_and_flags_nothing() -> None:
    score = Score(mean("4s"))
    score.feed("m", [11] * 10, start=1)
    score.reload(11, mean("4s", above=9))
    assert score.flags() == []
    score.reload(12.5, mean("4s", above=20))
    score.run(13)
    assert (score.firing.open, score.firing.reason) == (False, "cleared")


def test_between_threshold_and_clear_level_a_rejudged_stage_recovers() -> None:
    score = Score(mean("4s"))
    score.feed("m", [11] * 10, start=1)
    score.reload(11, mean("8s", above=15) + "clear = 5\n")
    score.feed("m", [11] * 2, start=11)
    assert score.flags() == []
    assert score.firing.stages[0].state is StageState.RECOVERING


def test_an_instance_that_a_changed_signal_does_not_have_ends_after_five_minutes() -> None:
    score = Score("[rules.hot]\nsignal = 'm'\nabove = 10\n")
    score.feed('m{brand="b",city="c"}', [11] * 6, start=1)
    score.reload(8, "[rules.hot]\nsignal = 'sum by (brand) (m)'\nabove = 10\n")
    score.feed('m{brand="b",city="c"}', [11] * 300, start=8)
    old, new = score.firings
    assert (dict(new.labels), new.open) == ({"brand": "b"}, True)
    score.run(307)
    assert old.open
    score.run(310)
    assert [(each.open, each.reason) for each in score.firings] == [(False, "rule_changed"), (True, new.reason)]


def test_what_nothing_feeds_is_not_ended_by_a_changed_rule() -> None:
    score = Score(mean("4s"))
    score.feed("m", [11] * 10, start=1)
    score.run(400)
    assert score.flags() == ["unfed"]
    score.reload(400, mean("40s", above=50))
    score.run(4_000)
    assert score.flags() == ["unfed", "rejudging"]
    assert kinds(score) == ["firing"]


def test_a_guard_of_which_nothing_is_known_yet_ends_nothing() -> None:
    score = Score("[rules.hot]\nsignal = 'm'\n[rules.hot.seconds]\nabove = 10\n")
    score.feed("m", [11] * 5, start=1)
    score.reload(6, "[rules.hot]\nsignal = 'm'\nguard = 'n > 2'\n[rules.hot.seconds]\nabove = 10\n")
    score.feed("m", [11] * 5, start=6)
    assert score.flags() == ["rejudging"]
    score.push(11.5, "n", 5)
    score.run(12)
    assert score.flags() == []
    assert score.firing.open


HELD = """
[rules.hot]
signal = 'm'
[rules.hot.seconds]
above = 10
for = {hold}
run = ["hold"]
"""


def test_a_longer_for_sends_a_firing_back_to_pending_without_a_word() -> None:
    score = Score(HELD.format(hold="'2s'"), REACTIONS)
    score.feed("m", [11] * 5, start=1)  # true since 1.1, fires at 4.0
    score.send(5.5, ActionDone(score.pipeline.reactor.acting.runs.of(score.firing.id)[0].id, RunState.DONE))
    score.reload(6, HELD.format(hold="'10s'"))
    (stage,) = score.firing.stages
    assert (stage.state, stage.active_at) == (StageState.PENDING, START + 1_100)
    assert (score.firing.open, score.flags()) == (True, ["rejudging"])
    score.feed("m", [11] * 8, start=6)
    assert (score.firing.stages[0].state, score.flags()) == (StageState.FIRING, [])
    assert kinds(score) == ["firing"]
    # What it ran is undone while it would not have fired, and run again when it does.
    assert score.runs == [(4.0, "hold", False), (6.0, "hold", True), (12.0, "hold", False)]


def test_a_condition_that_ends_before_the_longer_for_resolves_as_changed() -> None:
    score = Score(HELD.format(hold="'2s'"))
    score.feed("m", [11] * 5, start=1)
    score.reload(6, HELD.format(hold="'10s'"))
    score.feed("m", [11, 5, 5, 11, 11], start=6)
    assert [told[:3] for told in score.told] == [(4.0, "log", "firing"), (9.0, "log", "resolved")]
    assert (score.firing.resolved_at or 0) - START == 8_000
    assert score.firing.reason == "rule_changed"
    score.run(60)
    assert score.outcomes == []


@pytest.mark.parametrize(("hold", "state"), [("{ count = 4 }", "firing"), ("{ count = 9 }", "pending")])
def test_grid_points_count_as_the_time_they_take(hold: str, state: str) -> None:
    score = Score(HELD.format(hold="'2s'"))
    score.feed("m", [11] * 5, start=1)
    score.reload(6, HELD.format(hold=hold))
    assert score.firing.stages[0].state == state


def test_what_held_long_enough_already_goes_on() -> None:
    score = Score(HELD.format(hold="'2s'"))
    score.feed("m", [11] * 20, start=1)
    score.reload(21, HELD.format(hold="'10s'"))
    assert (score.firing.stages[0].state, score.flags()) == (StageState.FIRING, [])


def test_a_shorter_for_changes_nothing_about_what_fires() -> None:
    score = Score(HELD.format(hold="'10s'"))
    score.feed("m", [11] * 14, start=1)
    score.reload(15, HELD.format(hold="'2s'"))
    assert (score.firing.stages[0].state, score.flags()) == (StageState.FIRING, [])


TWO = """
[rules.hot]
signal = 'm'
[rules.hot.seconds]
above = 10
notify = ["desk"]
[rules.hot.minutes]
above = 10
for = '{hold}'
notify = ["lead"]
"""


def test_a_higher_stage_that_is_pending_again_is_neither_a_fall_nor_a_new_rise() -> None:
    score = Score(TWO.format(hold="5s"), REACTIONS)
    score.feed("m", [11] * 12, start=1)
    score.reload(13, TWO.format(hold="30s"))
    assert score.firing.stage is StageName.MINUTES
    score.feed("m", [11] * 30, start=13)
    assert [state.state for state in score.firing.stages] == [StageState.FIRING] * 2
    assert [told[1:3] for told in score.told] == [("desk", "firing"), ("lead", "firing")]


def test_a_higher_stage_that_does_not_hold_longer_falls_back() -> None:
    score = Score(TWO.format(hold="5s"), REACTIONS)
    score.feed("m", [11] * 12, start=1)
    score.reload(13, TWO.format(hold="30s").replace("above = 10\nfor", "above = 12\nfor"))
    score.feed("m", [11] * 5, start=13)
    assert (score.firing.open, score.firing.stage) == (True, StageName.SECONDS)
    score.run(60)
    # The group of the minutes still gathered when it fell back.
    assert [told[1:3] for told in score.told] == [("desk", "firing")]


def test_time_that_nobody_watched_does_not_count_towards_a_longer_for() -> None:
    score = Score(HELD.format(hold="'2s'"))
    score.feed("m", [11] * 5, start=1)
    score.reload(6, HELD.format(hold="'10s'"))
    score.send(6, TimeGap(START + 66_000, "test"))
    score.feed("m", [11] * 5, start=66)
    assert score.firing.stages[0].state is StageState.PENDING
    score.feed("m", [11] * 5, start=71)
    assert score.firing.stages[0].state is StageState.FIRING


def test_a_feed_that_dies_under_a_longer_for_resolves_nothing() -> None:
    score = Score(HELD.format(hold="'2s'"))
    score.feed("m", [11] * 5, start=1)
    score.reload(6, HELD.format(hold="'1h'"))
    score.run(4_000)
    assert score.flags() == ["unfed", "rejudging"]
    assert kinds(score) == ["firing"]


def test_the_journal_says_what_the_change_did() -> None:
    score = Score(mean("4s"))
    score.feed("m", [11] * 10, start=1)
    score.reload(11, mean("8s"))
    score.feed("m", [11] * 2, start=11)
    lines = [line.text for line in score.of(Journaled) if line.kind == "transition"][-2:]
    assert lines == ["seconds: stage moved, rejudging: the rule changed", "seconds: stage moved, condition holds"]
