"""Storms (semantics S9): more news a minute than anybody can read are summed up, and their end as well."""

import pytest
from scenarios.restart import restarted
from scenarios.score import START, Score
from scenarios.test_groups import RECEIVERS, messages, policy, reactions

from rtmd.model.action import Action
from rtmd.model.effects import Journaled, LedgerSaved
from rtmd.model.inputs import ReactionsLoaded, TimeGap
from rtmd.model.reaction import Digest, StormPhase, Told
from rtmd.pipeline import Samples

RULES = """
[rules.hot]
signal = 'm'
reopen = '0s'
[rules.hot.seconds]
above = 10

[rules.cold]
signal = 'n'
reopen = '0s'
[rules.cold.seconds]
above = 10
run = ["hold"]
"""


def burst(score: Score, second: float, count: int, *, name: str = "m", value: float = 20, first: int = 0) -> None:
    """So many series at once."""
    post = [(f'{name}{{i="{number}"}}', value) for number in range(first, first + count)]
    score.send(second, Samples("test", score.batch(post, second)))


def digests(score: Score) -> list[tuple[float, Digest]]:
    return [((each.at - START) / 1000, each.digest) for each in messages(score) if each.digest is not None]


def phases(score: Score) -> list[tuple[float, str, int, int]]:
    return [(at, str(each.phase), each.fired, each.ended) for at, each in digests(score)]


def test_as_many_as_anybody_can_read_are_told_one_by_one() -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 30)
    score.run(600)
    assert len(score.told) == 30
    assert digests(score) == []


def test_more_than_that_are_summed_up_at_once_each_minute_and_at_the_end() -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 31)
    burst(score, 40, 60, first=100)
    score.run(600)
    assert phases(score) == [(1, "begins", 31, 0), (61, "lasts", 91, 0), (121, "over", 91, 0)]
    assert [digest.new for _, digest in digests(score)] == [31, 60, 0]
    assert [digest.firing for _, digest in digests(score)] == [31, 91, 91]


def test_a_summary_names_the_rule_that_fired_first_and_those_that_fired_most() -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 5, name="n")
    burst(score, 3, 50)
    (_, digest), *_ = digests(score)
    assert (digest.first, digest.top, digest.since) == ("cold", (("hot", 50), ("cold", 5)), START + 1_000)


def test_who_was_told_in_a_summary_is_told_that_it_resolved() -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 50)
    score.run(200)
    before = len(messages(score))
    burst(score, 201, 1, value=0)
    score.run(210)
    assert [(each.alerts[0].told, len(each.alerts)) for each in messages(score)[before:]] == [(Told.RESOLVED, 1)]


def test_that_many_resolved_is_summed_up_too() -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 50)
    score.run(200)
    burst(score, 201, 50, value=0)
    score.run(400)
    assert phases(score)[-2:] == [(202, "begins", 0, 50), (262, "over", 0, 50)]
    assert messages(score)[-1].resolved
    knows = {entry.entry.firing_id: entry.entry.told for entry in score.of(LedgerSaved)}
    assert set(knows.values()) == {Told.RESOLVED}


def test_what_fires_and_ends_within_a_storm_is_in_its_summaries_only() -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 40)
    burst(score, 20, 40, value=0)
    score.run(100)
    assert phases(score) == [(1, "begins", 40, 0), (61, "lasts", 40, 40)]
    score.run(200)
    assert phases(score)[2:] == [(121, "over", 40, 40)]
    assert messages(score)[-1].resolved
    assert all(each.digest for each in messages(score))


def test_what_comes_bit_by_bit_is_a_storm_as_well() -> None:
    score = Score(RULES, reactions())
    for number in range(60):
        burst(score, 1 + number, 1, first=number)
    score.run(300)
    assert phases(score)[0][1] == "begins"
    assert phases(score)[-1][1:3] == ("over", 60)
    assert 30 <= len(score.told) <= 36


def test_each_receiver_has_its_own_limit_and_an_alertmanager_none() -> None:
    limits = ReactionsLoaded(RECEIVERS, policy=policy(""), storms={"desk": 5, "lead": 0})
    rules = RULES.replace("[rules.hot.seconds]", "[rules.hot.seconds]\nnotify = ['desk', 'lead']")
    score = Score(rules, limits)
    burst(score, 1, 40)
    by = {each.receiver: each for each in messages(score)}
    assert by["desk"].digest is not None
    assert (by["lead"].digest, len(by["lead"].alerts)) == (None, 40)


def test_a_long_repetition_names_one_and_counts_the_others() -> None:
    score = Score(RULES, reactions("[route]\nrepeat_interval = '5m'"))
    burst(score, 1, 50)
    score.run(700)
    last = messages(score)[-1]
    assert (last.digest and last.digest.phase, last.digest and last.digest.fired, len(last.alerts)) == (None, 50, 1)


def test_in_a_storm_nothing_runs_and_the_journal_says_what_would_have() -> None:
    score = Score(RULES, ReactionsLoaded(frozenset({"log"}), {"hold": Action("hold", undo=("release",))}))
    burst(score, 1, 50)
    burst(score, 2, 1, name="n")
    assert score.runs == []
    texts = [line.text for line in score.of(Journaled) if line.kind == "action"]
    assert texts == ["would have run hold: storm towards log"]


def test_a_storm_goes_on_in_another_process() -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 50)
    again = restarted(score, RULES)
    for each in (score, again):
        each.effects.clear()
        burst(each, 20, 10, first=60)
        each.run(300)
        assert phases(each) == [(61, "over", 60, 0)]


def test_time_in_which_nobody_watched_moves_the_summaries() -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 50)
    score.send(10, TimeGap(START + 100_000, "test"))
    score.run(300)
    assert [at for at, *_ in phases(score)] == [1, 151]


def test_storms_are_journalled() -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 50)
    (line,) = [each for each in score.of(Journaled) if each.kind == "storm"]
    assert (line.rule, line.text, line.detail["top"]) == (
        "hot",
        "storm towards log begins: 50 fired, 0 ended",
        "hot 50",
    )


def test_a_receiver_that_goes_takes_its_storm_along() -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 50)
    score.send(2, ReactionsLoaded(frozenset({"desk"}), policy=policy("[route]\nreceiver = 'desk'")))
    score.run(300)
    assert {each.receiver for each in messages(score)[1:]} <= {"desk"}


@pytest.mark.parametrize("phase", list(StormPhase))
def test_summaries_have_keys_of_their_own(phase: StormPhase) -> None:
    score = Score(RULES, reactions())
    burst(score, 1, 50)
    burst(score, 50, 50, first=100)
    score.run(300)
    found = [each for each in messages(score) if each.digest and each.digest.phase is phase]
    assert len({each.key for each in messages(score)}) == len(messages(score))
    assert len(found) == 1
