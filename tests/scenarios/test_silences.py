"""Silences and what they withhold (semantics S4, S5)."""

from scenarios.score import START, Score

from rtmd.matching import parse_matchers
from rtmd.model.effects import Audited, Journaled, SilenceSaved, Touched
from rtmd.model.inputs import SilenceSet

HOT = """
[rules.hot]
signal = 'm'
reopen = '0s'
[rules.hot.seconds]
above = 10
"""


def test_a_silenced_firing_is_not_told_but_shown() -> None:
    score = Score(HOT)
    assert score.silence(0.5, 'rule="hot"', 60).status == 200
    score.feed("m", [11, 11], start=1)
    assert score.told == []
    assert score.firing.open
    assert any(effect.kind == "suppressed" for effect in score.of(Journaled))


def test_a_silence_in_another_name_is_audited_under_both() -> None:
    score = Score(HOT)
    score.send(1, SilenceSet(1, "tcp", parse_matchers("rule=hot"), 0, START + 60_000, author="kim"))
    [silence] = score.of(SilenceSaved)
    [audited] = score.of(Audited)
    assert (silence.silence.created_by, audited.by) == ("kim", "tcp")
    assert audited.detail == 'as kim, rule="hot" until 2025-06-15 16:01 UTC: '


def test_resolved_goes_out_through_a_silence_to_whoever_was_told() -> None:
    score = Score(HOT)
    score.feed("m", [11, 11], start=1)
    score.silence(3, 'rule="hot"', 60)
    score.feed("m", [5, 5], start=3)
    score.run(7)
    assert [told[2] for told in score.told] == ["firing", "resolved"]


def test_what_was_never_told_is_not_resolved() -> None:
    score = Score(HOT)
    score.silence(0.5, 'rule="hot"', 60)
    score.feed("m", [11, 11, 5, 5], start=1)
    score.run(120)
    assert score.told == []


def test_when_a_silence_ends_by_itself_what_still_fires_is_told_once() -> None:
    score = Score(HOT)
    score.silence(0.5, 'rule="hot"', 10)
    score.feed("m", [11] * 30, start=1)
    ((second, receiver, what, _),) = score.told
    assert (receiver, what) == ("log", "still firing")
    assert 15.4 <= second <= 15.6


def test_when_somebody_ends_a_silence_it_is_told_after_the_echo() -> None:
    score = Score(HOT)
    silence = score.silence(0.5, 'rule="hot"', 3600)
    score.feed("m", [11] * 5, start=1)
    score.expire(6.5, silence.id)
    score.feed("m", [11] * 10, start=7)
    assert [told[:3] for told in score.told] == [(11.5, "log", "still firing")]


def test_a_flap_under_a_silence_leaves_no_echo() -> None:
    score = Score(HOT)
    silence = score.silence(0.5, 'rule="hot"', 3600)
    score.feed("m", [11] * 5, start=1)
    score.expire(6.5, silence.id)
    score.feed("m", [5] * 10, start=7)
    assert score.told == []


def test_a_rise_breaks_through_a_silence_of_the_lower_stage() -> None:
    text = HOT + "[rules.hot.minutes]\nabove = 10\nfor = '10s'\n"
    score = Score(text)
    score.silence(0.5, 'rule="hot", stage="seconds"', 3600)
    score.feed("m", [11] * 40, start=1)
    ((second, _, what, _),) = score.told
    # It rises at 15, and the group of the minutes gathers for 15 s.
    assert (second, what) == (30.0, "firing")


def test_screens_hear_of_a_silence_and_of_its_end() -> None:
    score = Score(HOT)
    score.feed("m", [11] * 3, start=1)
    firing = score.firing.id
    silence = score.silence(4.5, 'rule="hot"', 60)
    assert frozenset({firing}) in {effect.firing_ids for effect in score.of(Touched)}
    before = len(score.of(Touched))
    score.expire(5.5, silence.id)
    assert any(firing in effect.firing_ids for effect in score.of(Touched)[before:])


def test_silencing_everything_is_refused() -> None:
    score = Score(HOT)
    answer = score.silence(1, 'rule=~".*"', 60)
    assert answer.status == 400
    assert "empty string" in answer.error


def test_an_end_before_the_start_and_more_than_thirty_days_are_refused() -> None:
    score = Score(HOT)
    assert score.silence(1, 'rule="hot"', -5).status == 400
    assert score.silence(1, 'rule="hot"', 31 * 86_400).status == 400


def test_expiring_is_idempotent_and_an_unknown_id_is_not_found() -> None:
    score = Score(HOT)
    silence = score.silence(1, 'rule="hot"', 60)
    assert score.expire(2, silence.id).status == 200
    assert score.expire(3, silence.id).status == 200
    assert score.expire(4, "nothing").status == 404
    assert START
