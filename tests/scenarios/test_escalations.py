"""Who is told because nobody has it, and what becomes of an acknowledgement that ends (semantics S10)."""

from __future__ import annotations

from scenarios.restart import restarted
from scenarios.score import Score

from rtmd.model.effects import Journaled, Notify
from rtmd.model.inputs import AckSet, ReactionsLoaded
from rtmd.model.policy import EscalationStep, Policy
from rtmd.model.rule import MINUTE

RULES = """
[rules.surge]
signal = "m"
[rules.surge.seconds]
above = 10
notify = ["desk"]
escalate = "desk"
[rules.surge.minutes]
above = 100
notify = ["desk"]
"""
STEPS = {
    "desk": (EscalationStep(5 * MINUTE, ("lead",)), EscalationStep(15 * MINUTE, ("head", "lead"))),
    "crisis": (EscalationStep(MINUTE, ("head",)),),
}
REACTIONS = ReactionsLoaded(frozenset({"log", "desk", "lead", "head"}), policy=Policy(escalations=STEPS))


def firing(rules: str = RULES) -> Score:
    """Fires at second 1."""
    score = Score(rules, REACTIONS)
    score.push(1, 'm{b="x"}', 20)
    return score


def escalated(score: Score) -> list[tuple[float, str, str]]:
    """(second, receiver, what) of what was told because nobody had it."""
    keys = {
        message.key for message in (each.notification for each in score.of(Notify)) if message.reason == "escalation"
    }
    told = [(second, each.notification) for second, each in score.effects if isinstance(each, Notify)]
    return [
        ((note.at - 1_750_003_200_000) / 1000, note.receiver, str(note.alerts[0].told))
        for _, note in told
        if note.key in keys
    ]


def keep_alive(score: Score, until: int, value: float = 20) -> None:
    """A sample a minute."""
    for second in range(int(score.second) // 60 * 60 + 60, until + 1, 60):
        score.push(second, 'm{b="x"}', value)


def test_from_the_firing_until_nobody_took_it_one_after_the_other() -> None:
    score = firing()
    keep_alive(score, 1_200)
    assert escalated(score) == [(301, "lead", "firing"), (901, "head", "firing"), (901, "lead", "still firing")]
    assert "desk, step 1: nobody has had it for 5m" in [each.text for each in score.of(Journaled)]


def test_who_was_told_hears_of_the_end() -> None:
    score = firing()
    keep_alive(score, 360)
    score.push(361, 'm{b="x"}', 0)
    score.run(3_000)
    assert [what for _, who, what, _ in score.told if who == "lead"] == ["firing", "resolved"]
    assert len(escalated(score)) == 1


def test_an_ack_stops_it_and_its_end_begins_it_anew_and_is_told() -> None:
    score = firing()
    keep_alive(score, 120)
    score.send(130, AckSet(1, "ana", score.firing.id, length=10 * MINUTE))
    keep_alive(score, 1_080)
    assert escalated(score) == [(130 + 600 + 300, "lead", "firing")]
    again = [(second, who) for second, who, what, _ in score.told if what == "still firing"]
    assert again[0] == (730.0, "desk")
    reasons = [alert.reason for each in score.of(Notify) for alert in each.notification.alerts]
    assert any(reason.startswith("still firing, was acknowledged by ana until") for reason in reasons)
    assert "ana has it no more: the acknowledgement ended" in [each.text for each in score.of(Journaled)]


def test_a_muted_firing_is_escalated_when_it_is_muted_no_more() -> None:
    score = firing()
    score.silence(10, 'b="x"', 500)
    keep_alive(score, 900)
    assert escalated(score)[:1] == [(540, "lead", "firing")]  # at the full minute after


def test_it_goes_on_where_it_stood_after_a_restart() -> None:
    score = firing()
    keep_alive(score, 360)
    again = restarted(score, RULES, REACTIONS)
    keep_alive(again, 960)
    assert [each[1] for each in escalated(again)] == ["head", "lead"]


def test_an_ack_that_ended_is_told_once_also_over_a_restart() -> None:
    score = firing()
    score.send(10, AckSet(1, "ana", score.firing.id, length=MINUTE))
    keep_alive(score, 120)
    again = restarted(score, RULES, REACTIONS)
    keep_alive(again, 180)
    assert [what for _, who, what, _ in score.told if who == "desk"] == ["firing", "still firing"]
    assert again.told == []


def test_a_rise_to_a_stage_with_another_escalation_begins_that_one() -> None:
    score = firing(RULES + 'escalate = "crisis"\n')
    keep_alive(score, 60)
    score.push(120, 'm{b="x"}', 200)
    keep_alive(score, 960, value=200)
    assert escalated(score) == [(125 + 60, "head", "firing")]


def test_a_rise_under_an_ack_waits_for_its_end() -> None:
    score = firing(RULES + 'escalate = "crisis"\n')
    score.send(10, AckSet(1, "ana", score.firing.id, length=5 * MINUTE))
    score.push(20, 'm{b="x"}', 200)
    score.run(25)
    assert score.firing.ack is not None
    assert score.firing.ack.raised
    keep_alive(score, 480, value=200)
    assert escalated(score) == [(310 + 60, "head", "firing")]
