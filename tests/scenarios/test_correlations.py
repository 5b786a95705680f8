"""Correlations (semantics S8): firings of firings, on virtual time."""

from __future__ import annotations

from fakes import FakeStore
from scenarios.score import START, Score, rule_set
from scenarios.test_groups import reactions

from rtmd.model import effects as fx
from rtmd.model.effects import FiringSaved, Journaled
from rtmd.model.firing import Exemplar, Firing
from rtmd.model.inputs import RulesLoaded
from rtmd.model.rule import Severity, StageName
from rtmd.pipeline import Pipeline

RULES = """
[rules.surge]
signal = 'm'
reopen = '0s'
[rules.surge.seconds]
above = 10
notify = ['desk']
[rules.surge.minutes]
above = 100
for = '5s'
notify = ['desk']

[rules.anger]
signal = 'n'
reopen = '0s'
[rules.anger.seconds]
above = 10
notify = ['desk']
[rules.anger.minutes]
above = 100
for = '5s'
notify = ['desk']

[rules.campaign]
signal = 'c'
reopen = '0s'
[rules.campaign.seconds]
above = 0
notify = []

[correlations.backlash]
title = '{brand}: backlash, {value} {unit}'
all = ['surge', 'anger']
none = ['campaign']
on = ['brand']
notify = ['crisis']
kind = 'risk'
labels = { team = 'press' }
reopen = '20s'
"""


def backlashes(score: Score) -> list[Firing]:
    return [firing for firing in score.firings if firing.rule == "backlash"]


def backlash(score: Score) -> Firing:
    (firing,) = backlashes(score)
    return firing


def told_of(score: Score, rule: str = "backlash") -> list[tuple[float, str, str]]:
    return [(second, receiver, what) for second, receiver, what, of in score.told if of == rule]


def meeting(rules: str = RULES, brand: str = "acme") -> Score:
    """Both rules fire from second 2 on."""
    score = Score(rules)
    score.push(1, f'm{{brand="{brand}",site="1"}}', 50)
    score.push(2, f'n{{brand="{brand}"}}', 50)
    return score


def test_rules_that_fire_together_on_equal_labels_make_one_firing() -> None:
    score = meeting()
    score.push(3, 'm{brand="acme",site="2"}', 50)
    score.push(4, 'n{brand="other"}', 50)
    score.run(10)
    firing = backlash(score)
    assert (firing.labels, firing.stage, firing.kind) == ((("brand", "acme"),), StageName.SECONDS, "risk")
    assert firing.title == "acme: backlash, 2 firings"
    assert [(each.rule, dict(each.labels).get("site")) for each in firing.members] == [
        ("surge", "1"),
        ("anger", None),
        ("surge", "2"),
    ]
    assert told_of(score) == [(2.0, "crisis", "firing")]


def test_each_tuple_of_labels_has_a_firing_of_its_own() -> None:
    score = meeting()
    score.push(3, 'm{brand="other"}', 50)
    score.push(3, 'n{brand="other"}', 50)
    assert [firing.labels for firing in backlashes(score)] == [(("brand", "acme"),), (("brand", "other"),)]


def test_its_stage_is_the_lowest_of_the_rules_highest_stages() -> None:
    score = meeting()
    score.feed('m{brand="acme",site="2"}', [200] * 8, start=3)
    assert backlash(score).stage is StageName.SECONDS
    score.feed('n{brand="acme"}', [200] * 28, start=11)
    assert (backlash(score).stage, backlash(score).severity) == (StageName.MINUTES, Severity.WARNING)
    score.feed('n{brand="acme"}', [50] * 8, start=40)
    assert (backlash(score).stage, backlash(score).open) == (StageName.SECONDS, True)
    assert [what for _, _, what in told_of(score)] == ["firing", "raised"]


def test_it_ends_when_one_of_the_rules_has_no_firing_that_counts() -> None:
    score = meeting()
    score.push(3, 'm{brand="acme",site="2"}', 50)
    score.push(10, 'm{brand="acme",site="1"}', 0)
    score.run(12)
    assert backlash(score).open
    score.push(20, 'm{brand="acme",site="2"}', 0)
    score.run(30)
    assert (backlash(score).resolved_at, backlash(score).reason) == (START + 21_000, "surge is over")
    assert told_of(score)[-1][1:] == ("crisis", "resolved")
    assert len(backlash(score).members) == 3  # who took part is remembered


def test_what_forbids_it_ends_it_and_keeps_it_from_opening() -> None:
    score = meeting()
    score.push(5, 'c{brand="other"}', 1)
    score.run(6)
    assert backlash(score).open
    score.push(10, 'c{brand="acme"}', 1)
    score.run(12)
    assert backlash(score).reason == "campaign fires"
    score = Score(RULES)
    score.push(1, 'c{brand="acme"}', 1)
    score.push(1, 'm{brand="acme"}', 50)
    score.push(1, 'n{brand="acme"}', 50)
    assert backlashes(score) == []
    score.push(40, 'c{brand="acme"}', 0)
    score.run(42)
    assert backlash(score).fired_at == START + 41_000


def test_only_firings_at_its_stage_or_higher_count() -> None:
    score = meeting(RULES.replace("on = ['brand']", "on = ['brand']\nat_least = 'minutes'"))
    score.feed('m{brand="acme",site="1"}', [200] * 8, start=3)
    assert backlashes(score) == []
    score.feed('n{brand="acme"}', [200] * 10, start=11)
    firing = backlash(score)
    assert firing.stage is StageName.MINUTES
    score.feed('n{brand="acme"}', [50] * 8, start=22)
    assert (backlash(score).open, backlash(score).reason) == (False, "anger is below minutes, or over")


def test_within_reopen_it_is_the_same_firing_and_afterwards_another() -> None:
    score = meeting()
    score.push(10, 'n{brand="acme"}', 0)
    score.push(20, 'n{brand="acme"}', 50)
    score.run(25)
    assert backlash(score).episodes == 2
    assert [what for _, _, what in told_of(score)] == ["firing", "resolved", "firing"]
    score.push(30, 'n{brand="acme"}', 0)
    score.push(60, 'n{brand="acme"}', 50)
    assert [firing.episodes for firing in backlashes(score)] == [2, 1]


def test_what_ends_and_what_begins_at_one_instant_never_met() -> None:
    text = RULES.replace("above = 10\n", "above = 10\nfor = '2s'\n")
    score = Score(text)
    score.feed('m{brand="acme"}', [50] * 5, start=0)
    score.push(5.1, 'n{brand="acme"}', 50)
    score.push(7.1, 'm{brand="acme"}', 0)
    score.run(20)
    ended, fired = (firing for firing in score.firings)
    assert (ended.rule, ended.resolved_at, fired.rule, fired.fired_at) == (
        "surge",
        START + 8_000,
        "anger",
        START + 8_000,
    )


def test_its_evidence_says_what_met_and_shows_the_loudest_posts_behind_it() -> None:
    score = Score(RULES)
    score.push(1, 'm{brand="acme"}', 50, Exemplar("so loud", reach=9.0))
    score.push(2, 'n{brand="acme"}', 50, Exemplar("louder", reach=90.0))
    record = backlash(score).record(StageName.SECONDS)
    assert record is not None
    assert record.evidence is not None
    assert [(clause.name, clause.text, clause.value) for clause in record.evidence.clauses] == [
        ("all", "surge fires", 1.0),
        ("all", "anger fires", 1.0),
        ("none", "campaign does not fire", None),
    ]
    assert [exemplar.text for exemplar in record.evidence.exemplars] == ["louder", "so loud"]


def test_it_is_journalled_and_acknowledged_like_every_firing_and_feeds_no_other() -> None:
    more = "[correlations.twice]\nall = ['surge', 'backlash']\n"
    score = meeting(RULES + more)
    firing = backlash(score)
    lines = [line.text for line in score.of(Journaled) if line.firing_id == firing.id and line.kind == "transition"]
    assert lines == [
        "seconds: opened, surge and anger fire together",
        "seconds: stage fired, surge and anger fire together",
    ]
    assert score.ack(3, firing.id).error == ""
    assert (backlash(score).ack.by if (ack := backlash(score).ack) else ack) == "ana"
    assert not [each for each in score.firings if each.rule == "twice"]


def test_a_silence_and_the_tree_see_its_labels() -> None:
    text = RULES.replace("notify = ['crisis']\n", "")
    score = Score(
        text, reactions("[[route.routes]]\nmatch = ['team=\"press\"']\nreceiver = 'lead'\ngroup_by = ['brand']")
    )
    score.push(1, 'm{brand="acme"}', 50)
    score.push(2, 'n{brand="acme"}', 50)
    score.run(5)
    assert told_of(score) == [(2.0, "lead", "firing")]
    quiet = Score(RULES)
    quiet.silence(0.5, 'rule="backlash",team="press"', 600)
    quiet.push(1, 'm{brand="acme"}', 50)
    quiet.push(2, 'n{brand="acme"}', 50)
    quiet.run(5)
    assert backlash(quiet).open
    assert told_of(quiet) == []


# -- semantics S7: what is told of a correlation is not told again of its members


def test_a_receiver_that_was_told_of_it_is_not_told_of_its_members_and_others_are() -> None:
    text = RULES.replace("notify = ['crisis']", "notify = ['desk']").replace(
        "[rules.anger.seconds]\nabove = 10\nnotify = ['desk']",
        "[rules.anger.seconds]\nabove = 10\nnotify = ['desk', 'lead']",
    )
    score = meeting(text)
    score.push(3, 'm{brand="acme",site="2"}', 50)
    score.run(10)
    assert score.told == [
        (1.0, "desk", "firing", "surge"),
        (2.0, "desk", "firing", "backlash"),
        (2.0, "lead", "firing", "anger"),
    ]
    lines = [line.text for line in score.of(Journaled) if line.kind == "suppressed"]
    assert lines[0] == "not told to desk: inhibited by backlash (correlation)"


def test_members_that_still_fire_after_it_are_told_once_it_lingers_no_more() -> None:
    score = meeting(RULES.replace("notify = ['crisis']", "notify = ['desk']"))
    score.push(10, 'm{brand="acme",site="1"}', 0)
    score.run(60)
    assert [(second, what) for second, _, what in told_of(score, "anger")] == [(46.0, "still firing")]


def test_towards_a_receiver_that_never_heard_of_it_its_members_are_told() -> None:
    score = Score(RULES.replace("notify = ['crisis']", "notify = ['desk']"))
    score.silence(0.5, 'rule="backlash"', 600)
    score.push(1, 'm{brand="acme"}', 50)
    score.push(2, 'n{brand="acme"}', 50)
    score.run(10)
    assert {rule for _, _, _, rule in score.told} == {"surge", "anger"}


# -- semantics S11, S12: reload and restart


def test_a_removed_correlation_keeps_its_firing_for_a_minute() -> None:
    without = RULES[: RULES.index("[correlations")]
    score = meeting()
    score.reload(10, without)
    score.run(60)
    assert backlash(score).open
    score.reload(65, RULES)
    score.run(140)
    assert backlash(score).open
    score.reload(150, without)
    score.run(211)
    assert (backlash(score).resolved_at, backlash(score).reason) == (START + 210_000, "rule_removed")


def test_what_it_says_may_change_and_what_it_joins_ends_what_no_longer_meets() -> None:
    score = meeting()
    score.reload(10, RULES.replace("notify = ['crisis']", "notify = ['press']"))
    score.run(15)
    assert backlash(score).episodes == 1
    assert told_of(score)[-1] == (10.0, "press", "firing")
    score.reload(20, RULES.replace("on = ['brand']", "on = ['brand', 'site']"))
    assert backlash(score).reason == "rule_changed"
    score.reload(25, RULES.replace("on = ['brand']", ""))
    assert [firing.labels for firing in backlashes(score) if firing.open] == [()]


def test_a_restart_restores_it_and_goes_on_with_its_members() -> None:
    score = meeting()
    store = FakeStore()
    store.commit([effect for _, effect in score.effects])  # type: ignore[misc]  # it takes what it knows
    again = Pipeline(score.series, START + 5_000)
    again.step([reactions(""), RulesLoaded(rule_set(RULES))], START + 5_000)
    effects = again.step([store.restore()], START + 5_000).effects
    assert not [effect for effect in effects if isinstance(effect, FiringSaved | fx.Notify)]
    assert [firing.rule for firing in again.firings() if firing.open and firing.correlated] == ["backlash"]
    score.pipeline = again
    score.push(10, 'n{brand="acme"}', 0)
    score.run(12)
    assert backlash(score).reason == "anger is over"


def test_firings_in_shadow_do_not_count_and_one_in_shadow_tells_nobody() -> None:
    score = meeting(RULES.replace("[rules.anger]", "[rules.anger]\nshadow = true"))
    assert backlashes(score) == []
    score = meeting(RULES.replace("on = ['brand']", "on = ['brand']\nshadow = true"))
    assert backlash(score).open
    assert told_of(score) == []
