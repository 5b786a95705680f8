"""What has to be meant before it is hidden, and who was first (semantics S4)."""

from __future__ import annotations

import pytest
from scenarios.score import START, Score

from rtmd.matching import parse_matchers
from rtmd.model.effects import Audited
from rtmd.model.inputs import SilenceSet

DAY = 86_400
HOT = """
[rules.hot]
signal = 'm'
[rules.hot.seconds]
above = 10

[rules.cold]
signal = 'c'
[rules.cold.seconds]
above = 10
"""
GRAVE = "[rules.grave]\nsignal = 'g'\n[rules.grave.hours]\nabove = 10\nevery = '1s'\nfor = '0s'\n"


def burning(hot: int, cold: int, rules: str = HOT) -> Score:
    """So many firings of the two rules."""
    score = Score(rules)
    for name, count in (("m", hot), ("c", cold)):
        samples = [(f'{name}{{a="{number}"}}', 11.0) for number in range(count)]
        if samples:
            score.push_all(1, samples)
    score.run(2)
    return score


@pytest.mark.parametrize(
    ("hot", "cold", "asks"),
    [
        (9, 0, ()),
        (10, 0, ("hides 10 of 10 open firings",)),
        (10, 30, ()),
        (11, 30, ("hides 11 of 41 open firings",)),
        (50, 151, ()),
        (51, 200, ("hides 51 of 251 open firings",)),
    ],
)
def test_hiding_many_has_to_be_confirmed(hot: int, cold: int, asks: tuple[str, ...]) -> None:
    score = burning(hot, cold)
    answer = score.silence(3, 'rule="hot"', 60)
    assert answer.confirm == asks
    assert answer.status == (428 if asks else 200)
    assert score.silence(4, 'rule="hot"', 60, confirmed=True).status == 200


def test_lasting_over_seven_days_has_to_be_confirmed_and_over_thirty_is_refused_all_the_same() -> None:
    score = Score(HOT)
    assert score.silence(1, 'rule="hot"', 7 * DAY).status == 200
    assert score.silence(1, 'rule="hot"', 7 * DAY + 1).confirm == ("lasts over 7 days",)
    assert score.silence(1, 'rule="hot"', 30 * DAY, confirmed=True).status == 200
    refused = score.silence(1, 'rule="hot"', 30 * DAY + 1, confirmed=True)
    assert (refused.status, refused.error) == (400, "a silence lasts at most 30 days")


def test_hiding_something_critical_at_hours_has_to_be_confirmed() -> None:
    score = Score(GRAVE)
    score.push(1, "g", 11)
    score.run(3)
    assert score.silence(4, 'rule="grave"', 60).confirm == ("hides something critical at hours",)


def test_what_is_refused_changes_nothing_and_is_audited() -> None:
    score = burning(10, 0)
    score.silence(3, 'rule="hot"', 60, origin="unix uid 7")
    assert list(score.pipeline.reactor.dispatch.silences) == []
    (line,) = score.of(Audited)
    assert (line.by, line.verb, line.object, line.origin) == ("ana", "silence refused", 'rule="hot"', "unix uid 7")


def test_shortening_a_silence_needs_no_second_thought_and_extending_it_does() -> None:
    score = burning(10, 0)
    silence = score.silence(3, 'rule="hot"', 600, confirmed=True).id
    assert score.silence(4, 'rule="hot"', 300, id=silence).status == 200
    assert score.silence(5, 'rule="hot"', 900, id=silence).status == 428


def test_a_preview_says_what_would_be_hidden_and_makes_nothing() -> None:
    score = burning(10, 5)
    wanted = SilenceSet(1, "ana", parse_matchers('rule="hot"'), 0, START + 60_000)
    weight = score.pipeline.silencing.weigh(wanted, START + 3_000)
    assert (weight.matches, weight.of, weight.critical) == (10, 15, 0)
    assert list(score.pipeline.reactor.dispatch.silences) == []


def test_an_edit_on_an_older_version_is_told_who_was_first() -> None:
    score = Score(HOT)
    silence = score.silence(1, 'rule="hot"', 600).id
    assert score.silence(2, 'rule="hot"', 900, by="bo", id=silence, version=1).status == 200
    late = score.silence(3, 'rule="hot"', 300, by="cy", id=silence, version=1)
    assert (late.status, late.error) == (409, f"bo was first and changed the silence {silence} (version 2)")
    assert score.look(silence).ends_at == START + 902_000
    assert [line.verb for line in score.of(Audited)] == ["silence", "silence", "silence refused"]


def test_ending_a_silence_that_somebody_ended_is_told_who_unless_the_version_does_not_matter() -> None:
    score = Score(HOT)
    silence = score.silence(1, 'rule="hot"', 600).id
    assert score.expire(2, silence, by="bo", version=1).status == 200
    late = score.expire(3, silence, by="cy", version=1)
    assert (late.status, late.error) == (409, f"bo was first and ended the silence {silence} (version 2)")
    assert score.expire(4, silence, by="cy").status == 200
