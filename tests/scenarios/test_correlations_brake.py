"""A correlation brakes actions while it fires (semantics S8, S10): proposals and runs, old and new, through reloads."""

from __future__ import annotations

from scenarios.restart import restarted
from scenarios.score import START, Score
from scenarios.test_proposals import REACTIONS, proposals, states
from scenarios.test_proposals import RULES as SURGE

from rtmd.model.effects import Answered
from rtmd.model.inputs import RunAgain
from rtmd.model.reaction import RunState

RULES = (
    SURGE.replace('reopen = "1m"', 'reopen = "0s"')
    + """
[rules.anger]
signal = "n"
reopen = "0s"
[rules.anger.seconds]
above = 10

[correlations.backlash]
all = ["surge", "anger"]
on = ["b"]
reopen = "0s"
brake = ["reply", "hold"]
"""
)


def braked(rules: str = RULES) -> Score:
    """The surge proposes at 10 s; the anger of the same brand brakes it at 20 s."""
    score = Score(rules, REACTIONS)
    score.feed('m{b="x"}', [50] * 10, start=1)
    score.run(12)
    score.push(20, 'n{b="x"}', 50)
    return score


def waiting(score: Score) -> list[str]:
    return [dict(run.labels)["b"] for run in score.pipeline.reactor.acting.runs.in_state(RunState.WAITING)]


def test_what_it_names_waits_and_goes_on_with_the_time_it_had_left_when_it_ends() -> None:
    score = braked()
    assert states(score) == {"reply": "braked", "limit": "pending"}
    score.push(60, 'n{b="x"}', 0)
    score.run(65)
    (reply,) = (each for each in proposals(score) if each.action == "reply")
    assert states(score)["reply"] == "pending"
    assert reply.expires_at == START + 1_100 + 60_000 + 41_000  # braked from 20 s to 61 s


def test_new_runs_wait_where_its_labels_hold_and_start_elsewhere() -> None:
    score = Score(RULES.replace("above = 10\nrun", "above = 40\nrun"), REACTIONS)
    text = RULES.replace('all = ["surge", "anger"]', 'all = ["anger"]')
    score.reload(1, text)
    score.push(2, 'n{b="x"}', 50)
    score.push(3, 'm{b="x"}', 50)
    score.push(3, 'm{b="y"}', 50)
    assert waiting(score) == ["x"]
    assert [(second, action) for second, action, _ in score.runs] == [(3.0, "hold")]
    score.push(10, 'n{b="x"}', 0)
    score.run(12)
    assert waiting(score) == []
    assert [action for _, action, _ in score.runs] == ["hold", "hold"]


def test_nobody_starts_again_what_is_braked() -> None:
    score = Score(RULES.replace("above = 10\nrun", "above = 40\nrun"), REACTIONS)
    score.reload(1, RULES.replace('all = ["surge", "anger"]', 'all = ["anger"]'))
    score.push(2, 'n{b="x"}', 50)
    score.push(3, 'm{b="x"}', 50)
    (run,) = score.pipeline.reactor.acting.runs.in_state(RunState.WAITING)
    (answer,) = (each for each in score.send(4, RunAgain(1, "ana", run.id)) if isinstance(each, Answered))
    assert (answer.status, answer.error) == (409, "hold is braked by backlash")
    assert score.runs == []


def test_a_reload_that_takes_an_action_from_the_brake_lets_it_go_and_keeps_the_rest() -> None:
    score = braked(RULES.replace('["reply", "hold"]', '["reply", "limit"]'))
    assert states(score) == {"reply": "braked", "limit": "braked"}
    score.reload(25, RULES)
    assert states(score) == {"reply": "braked", "limit": "pending"}
    score.reload(30, RULES.replace('brake = ["reply", "hold"]', ""))
    assert states(score) == {"reply": "pending", "limit": "pending"}


def test_it_brakes_still_after_a_restart() -> None:
    score = restarted(braked(), RULES, REACTIONS)
    assert states(score)["reply"] == "braked"
    score.push(300, 'n{b="x"}', 0)
    score.run(302)
    assert states(score)["reply"] == "pending"


def test_one_in_shadow_brakes_nothing() -> None:
    assert states(braked(RULES.replace("[correlations.backlash]", "[correlations.backlash]\nshadow = true"))) == {
        "reply": "pending",
        "limit": "pending",
    }
