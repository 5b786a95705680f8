"""What people see of the rules: what they do, and what is not as usual."""

from __future__ import annotations

from scenarios.score import START, Score

from rtmd.pipeline.rule_views import rule_views
from rtmd.wire.rules import RuleView

RULES = """
[rules.level]
signal = 'm'
above = 5
for = "0s"
[rules.quiet]
signal = 'other'
above = 5
shadow = true
[rules.off]
signal = 'm'
above = 5
enabled = false
"""


def views(score: Score) -> dict[str, RuleView]:
    return {view.name: view for view in rule_views(score.pipeline)}


def test_rules_that_are_off_or_in_shadow_are_shown_as_such() -> None:
    seen = views(Score(RULES))
    assert list(seen) == ["level", "off", "quiet"]
    assert [(view.enabled, view.shadow, view.unfed_since) for view in seen.values()] == [
        (True, False, None),
        (False, False, None),
        (True, True, None),
    ]
    assert (seen["off"].file, seen["off"].line) == ("rules/test.toml", 10)


def test_a_rule_is_without_data_once_nothing_fed_any_of_its_instances_for_five_minutes() -> None:
    score = Score(RULES)
    score.push(1, 'm{host="a"}', 9)
    score.push(2, 'm{host="b"}', 1)
    score.push(3, "other", 1)
    score.run(10)
    assert [(view.firing, view.unfed, view.unfed_since) for view in views(score).values()] == [
        (1, 0, None),
        (0, 0, None),
        (0, 0, None),
    ]
    score.push(200, 'm{host="b"}', 1)
    score.run(400)
    seen = views(score)
    assert (seen["level"].firing, seen["level"].unfed, seen["level"].unfed_since) == (1, 1, None)
    assert seen["quiet"].unfed_since == START + 3_000
    score.run(600)
    assert views(score)["level"].unfed_since == START + 200_000
    score.push(601, 'm{host="b"}', 1)
    score.run(610)
    assert views(score)["level"].unfed_since is None


def test_a_rule_whose_signal_changed_under_a_firing_is_rejudging() -> None:
    averaged = "[rules.level]\nsignal = 'avg_over_time(m[$window])'\nwindow = '60s'\nabove = 5"
    score = Score(averaged)
    score.feed("m", [9] * 120)
    assert views(score)["level"].firing == 1
    score.reload(121, averaged.replace("60s", "600s"))
    assert views(score)["level"].rejudging == 1
