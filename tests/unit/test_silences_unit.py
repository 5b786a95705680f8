"""Silences (semantics S4): their state in time, and what an edit makes of them."""

from __future__ import annotations

import pytest
from scenarios.score import START, Score

from rtmd.alerting.silences import KEPT, Silences
from rtmd.errors import NotFoundError, RefusedError
from rtmd.matching import parse_matchers
from rtmd.model.inputs import SilenceSet
from rtmd.model.labels import labels_of
from rtmd.model.replace import replace
from rtmd.model.silence import Silence, SilenceState
from rtmd.pipeline.silence_views import SilencedCount

NOW = 1_000_000
WANTED = SilenceSet(1, "ana", parse_matchers("rule=hot, b=~'x|y'"), starts_at=0, ends_at=NOW + 60_000)
HOT = labels_of({"rule": "hot", "b": "x"})


def put(silences: Silences, wanted: SilenceSet, wall: int = NOW) -> Silence:
    """Give the silence in force."""
    return silences.put(wanted, wall)[-1]


def test_it_is_active_through_its_end() -> None:
    silence = put(Silences(), replace(WANTED, starts_at=NOW + 5))
    states = [silence.state(wall) for wall in (NOW + 4, NOW + 5, NOW + 60_000, NOW + 60_001)]
    assert states == [SilenceState.PENDING, SilenceState.ACTIVE, SilenceState.ACTIVE, SilenceState.EXPIRED]


def test_a_start_in_the_past_becomes_now() -> None:
    assert put(Silences(), replace(WANTED, starts_at=5)).starts_at == NOW


def test_an_active_one_is_edited_in_place_when_only_its_end_moves() -> None:
    silences = Silences()
    silence = put(silences, WANTED)
    for starts_at in (0, silence.starts_at):
        edited = put(silences, replace(WANTED, id=silence.id, starts_at=starts_at, ends_at=NOW + 9_000), NOW + 8_000)
        assert (edited.id, edited.starts_at, edited.ends_at) == (silence.id, NOW, NOW + 9_000)


@pytest.mark.parametrize(
    "change", [{"matchers": parse_matchers("rule=cold")}, {"starts_at": NOW + 5_000}], ids=["matchers", "start"]
)
def test_every_other_edit_of_an_active_one_ends_it_and_makes_a_new_one(change: dict[str, object]) -> None:
    silences = Silences()
    silence = put(silences, WANTED)
    old, new = silences.put(replace(WANTED, id=silence.id, **change), NOW + 100)  # type: ignore[arg-type]
    assert old.id == silence.id
    assert old.state(NOW + 100) is SilenceState.EXPIRED
    assert new.id != silence.id


def test_a_pending_one_is_edited_in_place_unless_it_would_have_started() -> None:
    silences = Silences()
    silence = put(silences, replace(WANTED, starts_at=NOW + 10_000))
    moved = put(silences, replace(WANTED, id=silence.id, starts_at=NOW + 20_000), NOW + 5)
    assert (moved.id, moved.starts_at) == (silence.id, NOW + 20_000)
    old, new = silences.put(replace(WANTED, id=silence.id, starts_at=NOW), NOW + 5)
    assert old.state(NOW + 5) is SilenceState.EXPIRED
    assert new.starts_at == NOW + 5


def test_an_expired_one_is_left_alone_and_a_new_one_made() -> None:
    silences = Silences()
    silence = put(silences, WANTED)
    silences.expire(silence.id, NOW + 10)
    (new,) = silences.put(replace(WANTED, id=silence.id), NOW + 20)
    assert new.id != silence.id


def test_a_refused_edit_changes_nothing() -> None:
    silences = Silences()
    silence = put(silences, WANTED)
    for change in ({"ends_at": NOW - 1}, {"matchers": ()}, {"matchers": parse_matchers("rule=~'.*'")}):
        with pytest.raises(RefusedError):
            silences.put(replace(WANTED, id=silence.id, **change), NOW)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        silences.put(replace(WANTED, id="nobody"), NOW)
    assert list(silences) == [silence]


def test_it_bears_the_name_of_whoever_it_is_said_to_be_from() -> None:
    assert put(Silences(), WANTED).created_by == "ana"
    assert put(Silences(), replace(WANTED, by="tcp", author="kim")).created_by == "kim"


def test_expiring_twice_is_expiring_once() -> None:
    silences = Silences()
    silence = put(silences, WANTED)
    expired = silences.expire(silence.id, NOW + 10)
    assert silences.expire(silence.id, NOW + 50) == expired
    pending = put(silences, replace(WANTED, starts_at=NOW + 500), NOW)
    expired = silences.expire(pending.id, NOW + 10)
    assert expired.starts_at == expired.ends_at < NOW + 10
    assert expired.state(NOW + 500) is SilenceState.EXPIRED


def test_the_one_that_lasts_longest_is_named_first() -> None:
    silences = Silences()
    short, long = put(silences, WANTED), put(silences, replace(WANTED, by="bo", ends_at=NOW + 90_000))
    assert silences.muting(HOT, NOW) == [long, short]
    assert silences.muting(HOT, NOW + 60_001) == [long]
    assert silences.muting(labels_of({"rule": "hot"}), NOW) == []


def test_what_was_covered_lately_is_remembered() -> None:
    silences = Silences()
    silence = put(silences, WANTED)
    assert silences.covering(HOT, silence.ends_at, silence.ends_at + 9) == [silence]
    assert silences.covering(HOT, silence.ends_at + 1, silence.ends_at + 9) == []


def test_of_many_silences_those_that_match_are_found_whatever_they_are_looked_up_by() -> None:
    silences = Silences()
    texts = [
        "rule=hot",
        "b=x",
        "rule=hot, b=x",
        "rule=hot, b=y",
        "b=~'x|z'",
        "rule!=cold, b=x",
        "c=''  , b=x",
        "rule=cold",
    ]
    made = {text: put(silences, replace(WANTED, matchers=parse_matchers(text))) for text in texts * 3}
    silences.expire(made["b=x"].id, NOW)
    silences.forget(NOW + KEPT)
    again = Silences()
    again.restore(list(silences))
    for each in (silences, again):
        found = {"|".join(map(str, silence.matchers)) for silence in each.muting(HOT, NOW)}
        wanted = ["rule=hot", "b=x", "rule=hot, b=x", "b=~'x|z'", "rule!=cold, b=x", "c='', b=x"]
        assert found == {"|".join(sorted(map(str, parse_matchers(text)))) for text in wanted}
        assert len(each.muting(HOT, NOW)) == 3 * 6 - 1
        assert len(each.muting(labels_of({"rule": "cold", "b": "w"}), NOW)) == 3


def test_it_is_kept_for_five_days_after_its_end() -> None:
    silences = Silences()
    silence = put(silences, WANTED)
    assert silences.forget(silence.ends_at + KEPT) == []
    assert silences.forget(silence.ends_at + KEPT + 1) == [silence.id]
    assert list(silences) == []


def test_the_count_of_silenced_firings_follows_firings_and_silences() -> None:
    score = Score("[rules.hot]\nsignal = 'm'\n[rules.hot.seconds]\nabove = 10")
    score.push(1, 'm{i="1"}', 20)
    score.push(1, 'm{i="2"}', 20)
    silences, count = score.pipeline.reactor.dispatch.silences, SilencedCount()
    assert count.of(score.firings, silences, START + 2_000) == 0
    made = score.silence(3, 'i="1"', 60)
    assert count.of(score.firings, silences, START + 4_000) == 1
    score.expire(5, made.id)
    assert count.of(score.firings, silences, START + 6_000) == 0
