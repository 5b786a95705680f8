"""Corners of episodes and outcomes (semantics S2), and what reloads and restarts leave of them (S11, S12)."""

from __future__ import annotations

import pytest
from scenarios.restart import restarted
from scenarios.score import START, Score, rule_set

from rtmd.model import effects as fx
from rtmd.model.action import Action
from rtmd.model.firing import Outcome, StageState
from rtmd.model.inputs import ActionDone, ReactionsLoaded, RulesLoaded, TimeGap, WallClock
from rtmd.model.reaction import RunState
from rtmd.model.replace import replace
from rtmd.model.rule import RuleSet, StageName

GRADED = """
[rules.r]
signal = 'a'
reopen = '2s'
[rules.r.seconds]
above = 10
[rules.r.minutes]
signal = 'b'
above = 10
for = '10s'
"""
HELD = "[rules.hot]\nsignal = 'm'\n[rules.hot.seconds]\nabove = 10\nfor = '10s'\n"
NONE = RulesLoaded(RuleSet())


def graded(text: str = GRADED) -> Score:
    """Seconds fire at 1.1; they would be judged by minutes at 11.1."""
    score = Score(text)
    score.push(0.1, "b", 0)
    score.push(1.1, "a", 20)
    return score


def reload(score: Score, second: float, text: str) -> None:
    score.send(second, RulesLoaded(rule_set(text)))


def verdicts(score: Score) -> list[tuple[str, Outcome]]:
    return [(stage, outcome) for _, stage, outcome in score.outcomes]


def test_below_a_firing_judge_it_is_within() -> None:
    score = Score(GRADED)
    score.push(0.1, "b", 20)
    score.run(20)
    score.push(20.1, "a", 20)
    record = score.firing.record(StageName.SECONDS)
    assert record
    assert (record.outcome, record.judge_at) == (Outcome.WITHIN, None)


def test_what_fired_before_a_gap_is_undecided_when_it_ended() -> None:
    score = graded()
    score.push(2.1, "a", 5)
    score.send(5, TimeGap(START + 65_000, "test"))
    score.run(120)
    assert score.outcomes == [(71.1, "seconds", Outcome.UNDECIDED)]


def test_a_changed_threshold_makes_open_judgements_undecided_and_a_restart_knows_it() -> None:
    score = graded()
    score.push(2.1, "a", 5)
    score.run(4)
    changed = GRADED.replace("above = 10\nfor", "above = 12\nfor")
    reload(score, 4, changed)
    again = restarted(score, changed)
    for each in (score, again):
        each.run(30)
        assert verdicts(each) == [("seconds", Outcome.UNDECIDED)]


@pytest.mark.parametrize(
    "reaction",
    [
        "notify = ['log']\nseverity = 'info'",
        "run = ['hold']\ntitle = 'hot'\nunit = 'K'",
        "propose = ['reply']\nexpires = '5m'",
        "escalate = 'desk'",
        "flapping = 'off'",
    ],
)
def test_a_changed_reaction_disturbs_nothing(reaction: str) -> None:
    score = graded()
    score.push(2.1, "a", 5)
    score.run(4)
    reload(score, 4, GRADED.replace("for = '10s'", f"for = '10s'\n{reaction}"))
    score.run(30)
    assert verdicts(score) == [("seconds", Outcome.FALSE_START)]


def test_without_its_judge_it_is_undecided() -> None:
    score = graded()
    score.push(2.1, "a", 5)
    score.run(4)
    reload(score, 4, GRADED.partition("[rules.r.minutes]")[0])
    score.run(30)
    assert verdicts(score) == [("seconds", Outcome.UNDECIDED)]


def test_a_judge_that_nothing_feeds_decides_nothing() -> None:
    score = graded(GRADED.replace("'10s'", "'6m'"))
    score.push(2.1, "a", 5)
    score.push(200, "a", 5)
    score.run(400)
    assert verdicts(score) == [("seconds", Outcome.UNDECIDED)]


def test_lost_is_lost_even_without_a_judge() -> None:
    score = Score("[rules.r]\nsignal = 'm'\n[rules.r.hours]\nabove = 10\n")
    score.push(1.1, "m", 20)
    score.run(25 * 3600)
    assert not score.firing.open
    assert verdicts(score) == [("hours", Outcome.LOST)]
    assert [told[2] for told in score.told] == ["firing", "resolved"]


def test_a_new_firing_knows_no_peak_of_a_stage_that_is_idle() -> None:
    head = "[rules.r]\nsignal = 'a'\nreopen = '0s'\n"
    score = Score(f"{head}[rules.r.seconds]\nabove = 10\n[rules.r.minutes]\nsignal = 'b'\nabove = 10\n")
    score.push(1.1, "a", 20)
    score.push(2.1, "a", 0)
    score.push(6.1, "b", 30)
    score.run(10)
    seconds, minutes = score.firings[-1].stages
    assert (seconds.state, seconds.peak, minutes.peak) == (StageState.INACTIVE, None, 30)


def test_a_firing_follows_the_one_that_it_confirms_after_reopen() -> None:
    score = graded()
    score.push(1.2, "b", 20)
    score.push(2.1, "a", 5)
    score.run(20)
    first, second = score.firings
    assert (first.fired_at, second.stage) == (START + 1_100, StageName.MINUTES)
    assert verdicts(score)[-1] == ("seconds", Outcome.FALSE_START)
    assert second.follows == ""  # confirmed at 15, judged at 11.1: too late
    sooner = graded(
        GRADED.replace("for = '10s'", "for = '10s'\nwindow = '10s'").replace("'b'", "'sum_over_time(b[$window])'")
    )
    sooner.push(1.2, "b", 20)
    sooner.push(2.1, "a", 5)
    for tick in range(3, 20):
        sooner.push(tick + 0.2, "b", 20)
    first, second = sooner.firings
    assert verdicts(sooner) == [("seconds", Outcome.CONFIRMED)]
    assert second.follows == first.id


def test_an_old_confirmation_is_nobodys_business_any_more() -> None:
    score = Score(GRADED)
    score.push(0.1, "b", 20)
    score.push(6.1, "a", 20)
    score.run(20)
    assert verdicts(score) == [("seconds", Outcome.CONFIRMED)]
    score.push(20.1, "a", 0)
    score.push(20.2, "b", 0)
    score.push(60.1, "a", 20)
    assert len(score.firings) == 2
    assert score.firings[-1].follows == ""


def test_an_earlier_firing_is_judged_while_a_later_one_is_open() -> None:
    score = graded()
    score.push(2.1, "a", 5)
    score.push(6.1, "a", 20)
    assert len(score.firings) == 2
    score.run(30)
    assert score.outcomes == [(11.1, "seconds", Outcome.FALSE_START), (16.1, "seconds", Outcome.SUSTAINED)]


def test_two_series_that_look_the_same_fire_once_and_end() -> None:
    score = Score("""[rules.r]\nsignal = '{__name__=~"m|n"}'\n[rules.r.seconds]\nabove = 10\n""")
    score.push(0.1, 'm{b="x"}', 20)
    score.push(0.2, 'n{b="x"}', 20)
    score.push(3.1, 'm{b="x"}', 5)
    score.run(6)
    assert [told[2] for told in score.told] == ["firing", "resolved"]
    assert not score.pipeline.engine.tables("r")[0].burning


def test_a_rule_that_comes_back_within_a_minute_keeps_everything() -> None:
    score = graded()
    before = score.firing
    score.send(5, NONE)
    score.run(40)
    reload(score, 40, GRADED)
    score.run(42)
    assert score.firing.id == before.id
    assert score.firing.open
    assert [told[2] for told in score.told] == ["firing"]


def test_for_does_not_count_while_the_rule_is_gone() -> None:
    score = Score(HELD)
    score.push(1.1, "m", 20)
    score.run(5)
    score.send(5, NONE)
    reload(score, 45, HELD)
    score.run(80)
    # 3.9 of the ten seconds were held before, the rest after it came back.
    assert score.told == [(52.0, "log", "firing", "hot")]


def test_a_removed_rule_resolves_after_a_minute() -> None:
    score = graded()
    score.send(5, NONE)
    score.run(64.9)
    assert score.firing.open
    score.run(65)
    assert score.firing.reason == "rule_removed"
    assert score.told[-1][:3] == (65.0, "log", "resolved")
    assert verdicts(score) == [("seconds", Outcome.UNDECIDED)]


def test_a_removed_stage_ends_and_the_others_go_on() -> None:
    score = graded(GRADED.replace("for = '10s'", ""))
    score.push(1.2, "b", 20)
    score.run(5)
    assert score.firing.stage is StageName.MINUTES
    reload(score, 6, GRADED.partition("[rules.r.minutes]")[0])
    assert score.firing.open
    assert score.firing.stage is StageName.SECONDS


def test_a_stage_that_was_removed_while_nobody_watched_ends_and_the_others_go_on() -> None:
    score = graded(GRADED.replace("for = '10s'", ""))
    score.push(1.2, "b", 20)
    score.run(5)
    again = restarted(score, GRADED.partition("[rules.r.minutes]")[0])
    again.run(66)
    assert again.firing.open
    assert again.firing.stage is StageName.SECONDS
    assert again.told == []
    again.push(66.1, "a", 5)
    again.run(68)
    assert [told[2] for told in again.told] == ["resolved"]


def test_what_a_stage_ran_that_was_removed_while_nobody_watched_is_undone() -> None:
    runs = GRADED.replace("for = '10s'", "run = ['hold']")
    reactions = ReactionsLoaded(frozenset({"log"}), {"hold": Action("hold", ("hold",), ("release",))})
    score = Score(runs, reactions)
    score.push_all(1.1, [("a", 20), ("b", 20)])
    score.run(6)
    score.send(7, ActionDone(score.of(fx.RunAction)[0].run.id, RunState.DONE))
    again = restarted(score, GRADED.partition("[rules.r.minutes]")[0], reactions)
    again.run(70)
    assert [(effect.run.action, effect.undo) for effect in again.of(fx.RunAction)] == [("hold", True)]


def test_the_judgement_of_what_was_removed_while_nobody_watched_is_in_the_journal() -> None:
    score = graded(GRADED.replace("'10s'", "'5m'"))
    score.run(4)
    again = restarted(score, HELD)
    again.run(70)
    assert not again.firing.open
    assert verdicts(again) == [("seconds", Outcome.UNDECIDED)]


def test_a_rule_that_was_removed_while_nobody_watched_resolves_and_is_forgotten() -> None:
    score = graded()
    score.run(5)
    again = restarted(score, HELD)
    again.run(66)
    assert not again.firing.open
    assert [effect.rule for effect in again.of(fx.InstanceDropped)] == ["r"]


def test_a_changed_threshold_keeps_the_firing() -> None:
    score = graded()
    reload(score, 5, GRADED.replace("above = 10\n[", "above = 15\n["))
    score.run(9)
    assert score.firing.open
    assert len(score.told) == 1


def test_a_changed_signal_takes_clocks_over_by_labels() -> None:
    score = Score(HELD)
    score.push(1.1, 'm{b="x"}', 20)
    score.run(5)
    reload(score, 5, HELD.replace("'m'", "'n'"))
    ((labels, record),) = [pair for table in score.pipeline.engine.tables("hot") for pair in table.records() if pair[0]]
    assert (labels, record.state, record.active_at) == ((("b", "x"),), StageState.PENDING, START + 1_100)
    score.push(8.1, 'n{b="x"}', 20)
    score.run(30)
    # 3.9 s were held until 5; nothing is known of the new signal until 8.1, and `for` stands still.
    assert [told[:3] for told in score.told] == [(15.0, "log", "firing")]


def test_a_rule_that_moves_to_another_file_stays_as_it_is() -> None:
    score = graded()
    tables = score.pipeline.engine.tables("r")
    rules = {name: replace(rule, file="rules/other.toml", line=9) for name, rule in rule_set(GRADED).rules.items()}
    score.send(5, RulesLoaded(RuleSet(rules)))
    assert score.pipeline.engine.tables("r") == tables
    assert score.pipeline.engine.rules["r"].file == "rules/other.toml"
    score.run(8)
    assert score.firing.open


def test_a_reload_does_not_look_at_rules_that_did_not_change() -> None:
    other = "[rules.o]\nsignal = 'o'\n[rules.o.minutes]\nabove = 1\n"
    score = Score(HELD.replace("10s", "0s") + other)
    score.send(0.4)
    batch = score.batch([("m", 20)], 0.4)
    score.pipeline.engine.plans.fill(batch)
    reload(score, 0.5, HELD.replace("10s", "0s") + other.replace("above = 1", "above = 2"))
    assert score.firings == []
    score.run(1)
    assert score.firing.fired_at == START + 1_000


def test_a_restart_takes_windows_that_are_not_filled_yet_for_no_absence() -> None:
    text = "[rules.quiet]\nsignal = 'absent(m)'\n[rules.quiet.seconds]\n"
    score = Score(text)
    score.push(0.4, "m", 1)
    again = restarted(score, text)
    again.run(2)
    assert again.firings == []
    assert again.told == []


def test_a_restart_keeps_what_is_being_rejudged() -> None:
    changed = HELD.replace("for = '10s'", "for = '20s'")
    score = Score(HELD)
    score.feed("m", [20] * 13, start=1)
    reload(score, 15, changed)
    again = restarted(score, changed)
    for each in (score, again):
        (record,) = each.firing.stages
        assert (record.state, record.rejudging_since) == (StageState.PENDING, START + 15_000)
        each.feed("m", [20] * 8, start=15)
        assert (each.firing.episodes, each.firing.stages[0].state) == (1, StageState.FIRING)
    assert again.told == []


def test_a_rule_that_changes_after_a_gap_still_waits_to_be_fed() -> None:
    score = Score(HELD)
    score.feed("m", [20] * 13, start=1)
    score.send(15, TimeGap(START + 135_000, "test"))
    reload(score, 135.5, HELD.replace("above = 10", "above = 30"))
    score.run(200)
    assert score.firing.open
    score.push(200.5, "m", 20)
    score.run(201)
    assert not score.firing.open


def test_a_longer_downtime_is_no_dead_feed() -> None:
    text = HELD.replace("[rules.hot.seconds]", "no_data = 'resolve'\n[rules.hot.seconds]").replace("10s", "0s")
    score = Score(text)
    score.push(1.1, "m", 20)
    score.run(5)
    score.send(5, TimeGap(START + 1_805_000, "restart"))
    score.run(2_000)
    assert score.firing.open
    score.run(2_106)
    assert not score.firing.open  # five minutes that somebody watched


def test_silences_of_a_restart_still_announce_what_they_withheld() -> None:
    score = Score(HELD.replace("10s", "0s"))
    score.silence(0.5, "rule=hot", 60)
    score.push(1.1, "m", 20)
    score.run(5)
    again = restarted(score, HELD.replace("10s", "0s"))
    again.send(5, TimeGap(START + 125_000, "restart"))
    again.run(140)
    assert again.told == [(130.0, "log", "still firing", "hot")]


def test_a_wall_clock_that_jumps_past_the_end_of_a_silence_hides_nothing() -> None:
    score = Score(HELD.replace("10s", "0s"))
    score.silence(0.5, "rule=hot", 3600)
    score.push(1.1, "m", 20)
    score.send(10, WallClock(7_200_000))
    score.run(20)
    assert score.told == [(15.0, "log", "still firing", "hot")]


def test_a_shadow_says_nothing_after_a_silence_and_a_restart() -> None:
    text = HELD.replace("10s", "0s").replace("[rules.hot.seconds]", "shadow = true\n[rules.hot.seconds]")
    score = Score(text)
    score.silence(0.5, "rule=hot", 10)
    score.push(1.1, "m", 20)
    score.run(5)
    again = restarted(score, text)
    for each in (score, again):
        each.run(60)
        assert each.told == []
