"""Which stretch of its signal a firing is shown with."""

from __future__ import annotations

from scenarios.score import START, Score

from rtmd.model.replace import replace
from rtmd.model.rule import StageName
from rtmd.pipeline.curves import stretch
from rtmd.wire.curves import CurveView

RULES = """
[rules.level]
signal = 'sum by (host) (m)'
[rules.level.seconds]
above = 5
clear = 3
for = "0s"
[rules.level.minutes]
outside = [-5, 5]
for = "10m"
[rules.comes]
signal = 'n > 5'
for = "0s"
"""


def drawn(score: Score, rule: str, *, stage: StageName | None = None, points: int = 61) -> CurveView:
    firing = next(each for each in score.pipeline.firings() if each.rule == rule)
    view = stretch(score.pipeline, firing, stage=stage, points=points)
    assert len(view.values) <= points
    assert (view.start % view.step, view.end % view.step) == (0, 0)
    return view


def test_a_curve_ends_now_begins_before_the_firing_and_stays_where_it_is_while_time_goes_on() -> None:
    score = Score(RULES)
    score.push(5, 'm{host="a"}', 9)
    score.run(10)
    view = drawn(score, "level")
    assert (view.stage, view.query, view.step) == ("seconds", "sum by (host) (m)", 10_000)
    assert (view.thresholds, view.clears) == ([5], [3])
    assert START + 10_000 - view.step < view.end <= START + 10_000
    assert view.end - view.start >= 590_000
    score.run(14)
    assert drawn(score, "level").start % view.step == view.start % view.step


def test_a_long_firing_is_shown_from_before_it_began_and_no_longer_than_its_stage_may() -> None:
    score = Score(RULES)
    for second in range(5, 2_000, 60):
        score.push(second, 'm{host="a"}', 9)
    score.run(2_000)
    view = drawn(score, "level", stage=StageName.SECONDS)
    assert START - 600_000 < view.start < START
    assert view.step == 42_000
    minutes = drawn(score, "level")
    assert (minutes.stage, minutes.thresholds, minutes.clears) == ("minutes", [-5, 5], [])
    assert minutes.end - minutes.start >= 3_500_000


def test_the_curve_of_a_firing_that_is_over_ends_a_little_after_it() -> None:
    score = Score(RULES)
    score.push(5, 'm{host="a"}', 9)
    score.push(30, 'm{host="a"}', 1)
    score.run(3_000)
    assert START + 30_000 < drawn(score, "level").end <= START + 190_000


def test_what_reads_no_signal_says_why() -> None:
    score = Score(RULES)
    score.push(5, "n", 9)
    score.run(10)
    view = drawn(score, "comes")
    assert (view.thresholds, view.problem) == ([], "")
    assert "no stage hours" in drawn(score, "comes", stage=StageName.HOURS).problem
    [firing] = score.pipeline.firings()
    gone = stretch(score.pipeline, replace(firing, rule="gone"), stage=None, points=10)
    assert (gone.values, gone.problem) == ([], "no signal is read for it: its rule is gone")
