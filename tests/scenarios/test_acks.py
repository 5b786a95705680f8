"""Who has a firing: taken, given back, and who was first (semantics S10)."""

from __future__ import annotations

from scenarios.score import Score
from scenarios.test_episodes import GRADED
from scenarios.test_verdicts import REACTIONS, answer, burst

from rtmd.model.effects import Audited, Journaled
from rtmd.model.inputs import AckEnded


def playing() -> Score:
    score = Score(GRADED, REACTIONS)
    burst(score, 1, quiet=0)
    return score


def test_what_one_has_can_be_given_back_and_is_nobodys_then() -> None:
    score = playing()
    assert not score.ack(score.second, score.firing.id).error
    version = score.firing.version
    effects = list(score.send(score.second, AckEnded(7, "ana", score.firing.id, version)))
    assert answer(effects).id == score.firing.id
    assert (score.firing.ack, score.firing.version) == (None, version + 1)
    assert [(one.verb, one.by) for one in effects if isinstance(one, Audited)] == [("unack", "ana")]
    assert [one.text for one in effects if isinstance(one, Journaled)] == ["ana gave it back"]


def test_what_somebody_else_has_or_nobody_has_cannot_be_given_back() -> None:
    score = playing()
    nobody = answer(list(score.send(score.second, AckEnded(7, "ana", score.firing.id))))
    assert (nobody.status, "nobody has" in nobody.error) == (400, True)
    score.ack(score.second, score.firing.id, by="bo")
    others = answer(list(score.send(score.second, AckEnded(7, "ana", score.firing.id))))
    assert (others.status, "bo has" in others.error) == (409, True)
    assert score.firing.ack


def test_of_two_who_take_it_as_they_saw_it_the_second_hears_who_was_first_and_when() -> None:
    score = playing()
    seen = score.firing.version
    assert not score.ack(score.second, score.firing.id, by="ana", version=seen).error
    late = score.ack(score.second + 3, score.firing.id, by="bo", version=seen)
    assert (late.status, late.error) == (409, f"ana took it 3s ago (version {seen + 1})")
    assert score.firing.ack
    assert score.firing.ack.by == "ana"


def test_what_has_changed_meanwhile_is_not_taken_and_says_so() -> None:
    score = playing()
    seen = score.firing.version
    score.ack(score.second, score.firing.id)
    score.send(score.second, AckEnded(7, "ana", score.firing.id))
    late = score.ack(score.second, score.firing.id, by="bo", version=seen)
    assert late.status == 409
    assert late.error.startswith("it has changed since you looked: ")
    assert late.error.endswith(f" (version {seen + 2})")
    gone = answer(list(score.send(score.second, AckEnded(7, "ana", "f-none"))))
    assert gone.status == 404
