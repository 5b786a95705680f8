"""What mutes what: inhibition (semantics S7), calendars (S8), and what is said when it ends (S5)."""

from datetime import UTC, datetime

from scenarios.score import START, Score
from scenarios.test_groups import reactions, told

from rtmd.model.action import Action
from rtmd.model.effects import Journaled
from rtmd.model.inputs import ActionDone, ReactionsLoaded
from rtmd.model.reaction import RunState

RULES = """
[rules.site-down]
signal = 'up'
reopen = '0s'
[rules.site-down.seconds]
below = 1

[rules.slow]
signal = 'ms'
reopen = '0s'
[rules.slow.seconds]
above = 10
"""
INHIBIT = """
[[inhibit]]
name = "down"
source = ['rule="site-down"']
target = ['rule="slow"']
equal = ["site"]
"""


def down(text: str = INHIBIT) -> Score:
    """A site that is down from second 1 on."""
    score = Score(RULES, reactions(text))
    score.push(1, 'up{site="a"}', 0)
    return score


def rules_told(score: Score) -> list[tuple[float, str, str]]:
    return [(second, what, rule) for second, _, what, rule in score.told]


def test_what_a_source_explains_is_not_told_and_names_its_culprit() -> None:
    score = down()
    score.push(2, 'ms{site="a"}', 20)
    score.push(2, 'ms{site="b"}', 20)
    score.run(10)
    assert rules_told(score) == [(1.0, "firing", "site-down"), (2.0, "firing", "slow")]
    (line,) = [each for each in score.of(Journaled) if each.kind == "suppressed"]
    assert line.text == "not told to log: inhibited by site-down (down)"
    assert line.detail["by"] == next(each.id for each in score.firings if each.rule == "site-down")


def test_a_source_lingers_and_then_what_still_fires_is_told_once() -> None:
    score = down()
    score.push(2, 'ms{site="a"}', 20)
    score.push(10, 'up{site="a"}', 1)
    score.run(60)
    assert rules_told(score)[1:] == [(11.0, "resolved", "site-down"), (46.0, "still firing", "slow")]
    (message,) = [each for each in score.of(Journaled) if each.kind == "told" and "still" in each.text]
    assert "still firing, was inhibited by site-down (down)" in message.text


def test_news_of_others_while_a_source_lingers_do_not_put_off_what_it_mutes() -> None:
    score = down()
    score.push(2, 'ms{site="a"}', 20)
    score.push(10, 'up{site="a"}', 1)
    score.push(20, 'ms{site="b"}', 20)
    score.run(70)
    assert rules_told(score)[-2:] == [(20.0, "firing", "slow"), (46.0, "still firing", "slow")]


def test_a_flapping_dependency_lets_nothing_through() -> None:
    score = down()
    score.push(2, 'ms{site="a"}', 20)
    for second in range(10, 200, 20):
        score.push(second, 'up{site="a"}', 1)
        score.push(second + 10, 'up{site="a"}', 0)
    assert {rule for _, _, rule in rules_told(score)} == {"site-down"}


def test_a_silenced_source_still_inhibits() -> None:
    score = Score(RULES, reactions(INHIBIT))
    score.silence(0.5, 'rule="site-down"', 600)
    score.push(1, 'up{site="a"}', 0)
    score.push(2, 'ms{site="a"}', 20)
    score.run(20)
    assert score.told == []


def test_what_is_on_both_sides_cannot_be_inhibited_by_another_such() -> None:
    score = Score(RULES, reactions("[[inhibit]]\nsource = ['site=\"a\"']\ntarget = ['site=~\".+\"']"))
    score.push(1, 'up{site="a"}', 0)
    score.push(2, 'ms{site="a"}', 20)
    score.push(3, 'ms{site="b"}', 20)
    score.run(10)
    assert [(what, rule) for _, what, rule in rules_told(score)] == [("firing", "site-down"), ("firing", "slow")]


def test_labels_that_both_lack_are_equal() -> None:
    score = Score(RULES, reactions(INHIBIT.replace('["site"]', '["site", "rack"]')))
    score.push(1, 'up{site="a"}', 0)
    score.push(2, 'ms{site="a"}', 20)
    score.push(2, 'ms{site="a",rack="1"}', 20)
    score.run(10)
    assert [rule for _, _, rule in rules_told(score)] == ["site-down", "slow"]


def test_resolved_goes_out_though_it_is_inhibited_by_now() -> None:
    score = Score(RULES, reactions(INHIBIT))
    score.push(1, 'ms{site="a"}', 20)
    score.push(2, 'up{site="a"}', 0)
    score.push(10, 'ms{site="a"}', 5)
    score.run(20)
    assert [(what, rule) for _, what, rule in rules_told(score)] == [
        ("firing", "slow"),
        ("firing", "site-down"),
        ("resolved", "slow"),
    ]


def test_an_inhibited_stage_runs_nothing_and_says_that_it_would_have() -> None:
    text = RULES.replace("[rules.slow.seconds]", "[rules.slow.seconds]\nrun = ['hold']")
    policy = reactions(INHIBIT).policy
    score = Score(text, ReactionsLoaded(frozenset({"log"}), {"hold": Action("hold", undo=("release",))}, policy))
    score.push(1, 'up{site="a"}', 0)
    score.push(2, 'ms{site="a"}', 20)
    assert score.runs == []
    assert any(each.text == "would have run hold: inhibited by site-down (down)" for each in score.of(Journaled))
    score.push(3, 'ms{site="b"}', 20)
    ((_, action, undo),) = score.runs
    assert (action, undo) == ("hold", False)
    score.send(4, ActionDone(score.pipeline.reactor.acting.runs.of(score.firings[-1].id)[0].id, RunState.DONE))


def test_an_inhibition_that_is_taken_away_lets_it_be_told() -> None:
    score = down()
    score.push(2, 'ms{site="a"}', 20)
    score.send(10, reactions(""))
    score.run(20)
    assert rules_told(score)[1:] == [(10.0, "still firing", "slow")]


# -- calendars


def clock(second: int) -> str:
    return f"{datetime.fromtimestamp(START // 1000 + second, UTC):%H:%M}"


def closed(begin: int, end: int, key: str = "mute") -> ReactionsLoaded:
    """A calendar from one second to another."""
    text = f'[calendars.night]\ntimes = ["{clock(begin)}-{clock(end)}"]\n[route]\n{key} = ["night"]\n'
    return reactions(text)


def test_a_muted_route_tells_nothing_until_its_calendar_ends() -> None:
    score = Score(RULES, closed(0, 600))
    score.push(1, 'up{site="a"}', 0)
    score.feed('up{site="a"}', [0] * 15, start=60, every=60)
    (told_once,) = rules_told(score)
    assert told_once[1:] == ("still firing", "site-down")
    assert 600 <= told_once[0] <= 661
    (line,) = [each for each in score.of(Journaled) if each.kind == "suppressed"]
    assert line.text == "not told to log: muted in night"


def test_an_active_calendar_is_the_opposite() -> None:
    score = Score(RULES, closed(0, 600, "active"))
    score.push(1, 'up{site="a"}', 0)
    score.push(700, 'ms{site="a"}', 20)
    score.run(800)
    assert rules_told(score) == [(1.0, "firing", "site-down")]


def test_calendars_belong_to_routes_and_not_to_stages_that_name_their_receiver() -> None:
    score = Score(RULES.replace("below = 1", "below = 1\nnotify = ['pager']"), closed(0, 600))
    score.push(1, 'up{site="a"}', 0)
    assert told(score) == [(1.0, "pager", ["firing"])]


def test_a_rise_under_a_silence_of_the_whole_rule_is_told_as_a_rise_when_it_ends() -> None:
    score = Score(RULES + "[rules.slow.minutes]\nabove = 10\n")
    score.push(1, "ms", 20)
    silence = score.silence(2, 'rule="slow"', 3600)
    score.feed("ms", [20] * 60, start=3)
    assert [told[2] for told in score.told] == ["firing"]
    score.expire(70, silence.id)
    score.feed("ms", [20] * 20, start=71)
    assert [told[:3] for told in score.told][1:] == [(75.0, "log", "still firing")]
