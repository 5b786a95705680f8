"""Stages with windows of hours and days: judged at the multiples of their buckets, as if they had every sample."""

from __future__ import annotations

from scenarios.score import START, Score

from rtmd.model.effects import Journaled
from rtmd.pipeline import WindowsRestored

HOUR = 3_600
FIVE = 300
DAY_LONG = """
[rules.trend]
signal = 'avg_over_time(m[$window])'
[rules.trend.hours]
window = "24h"
recent = "off"
above = 3
"""


def happened(score: Score, change: str) -> list[float]:
    """When firings opened or resolved, in seconds after START."""
    lines = (line for line in score.of(Journaled) if line.kind == "transition" and line.detail["change"] == change)
    return [(line.at - START) / 1000 for line in lines]


def test_a_day_fires_once_half_of_it_is_covered_at_a_multiple_of_five_minutes() -> None:
    score = Score(DAY_LONG)
    score.feed("m", [4.0] * 150, every=FIVE)
    score.feed("m", [1.0] * 400, every=FIVE, start=150 * FIVE)
    assert happened(score, "opened") == [12 * HOUR + FIVE]
    # 150 times 4, then 1: the average is 3 when a third is 1.
    assert happened(score, "resolved") == [(150 + 75) * FIVE]


def test_this_hour_is_held_against_the_same_hour_of_yesterday() -> None:
    score = Score("[rules.more.hours]\nsignal = 'increase(m[1h]) / increase(m[1h] offset 1d)'\nabove = 2\n")
    calm = [10.0 * step for step in range(26 * 12)]
    score.feed("m", calm, every=FIVE)
    before = len(happened(score, "opened"))
    score.feed("m", [calm[-1] + 30.0 * step for step in range(1, 24)], every=FIVE, start=26 * HOUR)
    # Of the twelve samples of an hour eleven steps are known: 5 of 10 and 6 of 30 are more than twice 110.
    (second,) = happened(score, "opened")[before:]
    assert second == 26 * HOUR + 6 * FIVE


def test_a_changed_threshold_keeps_the_day_and_so_does_a_restart() -> None:
    score, lower = Score(DAY_LONG), DAY_LONG.replace("above = 3", "above = 1.5")
    score.feed("m", [2.0] * 200, every=FIVE)
    score.reload(score.second, lower)
    again = Score(lower)
    again.send(score.second, WindowsRestored(score.pipeline.engine.plans.snapshot()))
    last = score.second
    for each in (score, again):
        each.run(last + 0.9 * FIVE)
        assert not happened(each, "opened")
        each.run(last + FIVE)
        assert happened(each, "opened") == [200 * FIVE]
