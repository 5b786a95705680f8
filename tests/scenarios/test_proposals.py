"""What is proposed, decided, braked and held (semantics S10)."""

from __future__ import annotations

from scenarios.restart import restarted
from scenarios.score import START, Score

from rtmd.alerting.brakes import Brake
from rtmd.model.action import Action, AtMost, ProposalState
from rtmd.model.effects import Answered, Audited, HoldSaved, Journaled, ProposalSaved, RunAction, RunSaved
from rtmd.model.firing import Outcome
from rtmd.model.inputs import ActionDone, HoldLifted, HoldSet, ProposalDecided, ReactionsLoaded, RunAgain
from rtmd.model.reaction import RunState
from rtmd.pipeline.views import firing_view

RULES = """
[rules.surge]
signal = "m"
reopen = "1m"
[rules.surge.seconds]
above = 10
run = ["hold"]
[rules.surge.minutes]
window = "10s"
signal = "avg_over_time(m[$window])"
recent = "off"
coverage = 0
above = 10
for = "5s"
propose = ["reply", "limit"]
expires = "60s"
"""
ACTIONS = {
    "hold": Action("hold", ("queue", "hold", "{b}"), ("queue", "release", "{b}")),
    "reply": Action("reply", ("reply", "to", "{b}")),
    "limit": Action("limit", ("limit",), ("unlimit",)),
}
REACTIONS = ReactionsLoaded(frozenset({"log"}), ACTIONS)


def risen(rules: str = RULES, reactions: ReactionsLoaded = REACTIONS) -> Score:
    """Seconds fires at 1.1 s, minutes at 10 s and proposes."""
    score = Score(rules, reactions)
    score.feed('m{b="x"}', [50] * 10, start=1)
    score.run(12)
    return score


def decide(score: Score, second: float, action: str, *, approved: bool = True, version: int = 0) -> Answered:
    (proposal,) = (each for each in proposals(score) if each.action == action)
    wanted = ProposalDecided(1, "ana", proposal.id, approved=approved, version=version, reason="" if approved else "no")
    (answer,) = (each for each in score.send(second, wanted) if isinstance(each, Answered))
    return answer


def calm(score: Score, start: float) -> None:
    """Zeros until both stages have ended."""
    score.feed('m{b="x"}', [0] * 15, start=start)


def proposals(score: Score) -> list:  # type: ignore[type-arg]  # of Proposal
    return score.pipeline.reactor.proposing.proposals.of(score.firings[0].id)


def states(score: Score) -> dict[str, str]:
    return {each.action: str(each.state) for each in proposals(score)}


def lines(score: Score, kind: str) -> list[str]:
    return [line.text for line in score.of(Journaled) if line.kind == kind]


def run_state(score: Score, action: str) -> RunState:
    run = next(each for each in reversed(score.of(RunSaved)) if each.run.action == action)
    return run.run.state


def test_a_stage_proposes_and_the_screen_shows_what_would_run() -> None:
    score = risen()
    assert states(score) == {"reply": "pending", "limit": "pending"}
    view = firing_view(score.pipeline, score.firing, START + 12_000)
    assert {each.action: each.would_run for each in view.proposals} == {"reply": "reply to x", "limit": "limit"}
    assert {each.expires_at for each in view.proposals} == {START + 1_100 + 60_000}  # from the firing's onset
    assert [effect.run.action for effect in score.of(RunAction)] == ["hold"]


def test_what_is_approved_runs_once_and_counts_as_handled() -> None:
    score = risen()
    assert decide(score, 13, "reply", version=1).status == 200
    assert [(effect.run.action, effect.run.by) for effect in score.of(RunAction)][1:] == [("reply", "ana")]
    again = decide(score, 14, "reply")
    assert (again.status, "was approved by ana" in again.error) == (409, True)
    assert len(score.of(RunAction)) == 2
    assert [(each.verb, each.by) for each in score.of(Audited)] == [("approve", "ana"), ("approve refused", "ana")]
    assert score.firing.id in score.pipeline.engine.episodes.handled


def test_declining_is_a_decision_and_counts_as_handled() -> None:
    score = Score(RULES + '[rules.surge.hours]\nsignal = "m"\nabove = 1000\nfor = "20s"\n', REACTIONS)
    score.feed('m{b="x"}', [50] * 10, start=1)
    score.run(12)
    assert decide(score, 13, "reply", approved=False).status == 200
    calm(score, 14)
    score.run(120)
    assert ("minutes", Outcome.HANDLED) in [(stage, outcome) for _, stage, outcome in score.outcomes]
    assert "reply: declined by ana: no" in lines(score, "proposal")


def test_nobody_decides_and_it_expires_from_the_onset() -> None:
    score = risen()
    score.run(61)
    assert states(score)["reply"] == "pending"
    score.run(61.2)
    assert states(score)["reply"] == "expired"
    assert "has expired" in decide(score, 62, "reply").error


def test_a_decision_names_the_version_that_was_seen() -> None:
    score = risen()
    calm(score, 13)
    score.run(40)
    assert not score.firing.open
    stale = decide(score, 40, "reply", version=1)
    assert (stale.status, "changed since you looked" in stale.error) == (409, True)
    assert decide(score, 41, "reply", version=2).status == 200  # it was seen that the firing resolved


def test_what_could_be_undone_is_not_proposed_any_more_when_its_stage_is_over() -> None:
    score = risen()
    calm(score, 13)
    score.run(40)
    assert states(score) == {"reply": "pending", "limit": "expired"}


def test_an_approved_action_is_undone_when_the_stage_that_proposed_it_ends() -> None:
    score = risen()
    decide(score, 13, "limit")
    score.send(13.2, ActionDone(score.of(RunAction)[-1].run.id, RunState.DONE))
    calm(score, 14)
    score.run(40)
    assert [(effect.run.action, effect.undo) for effect in score.of(RunAction)].count(("limit", True)) == 1


def test_a_silenced_firing_proposes_nothing_and_says_so() -> None:
    score = Score(RULES, REACTIONS)
    score.silence(0.5, 'b="x"', 100)
    score.feed('m{b="x"}', [50] * 10, start=1)
    score.run(12)
    assert (score.of(ProposalSaved), score.of(RunAction)) == ([], [])
    (said,) = lines(score, "proposal")
    assert said.startswith("would have proposed reply, limit: silenced by ana")


def test_after_a_decision_the_same_stage_does_not_ask_again() -> None:
    score = risen()
    decide(score, 13, "reply", approved=False)
    calm(score, 14)
    score.run(35)
    score.feed('m{b="x"}', [50] * 20, start=36)
    assert score.firing.episodes == 2
    assert [each.action for each in proposals(score)].count("reply") == 1


def test_what_comes_too_late_is_not_proposed() -> None:
    score = risen(RULES.replace('expires = "60s"', 'expires = "5s"'))
    assert states(score) == {}
    assert any("it would have expired" in line for line in lines(score, "proposal"))


def test_a_brake_stops_proposals_and_runs_where_its_labels_hold_and_their_time_stands_still() -> None:
    """S8, S10: those that are there, and those that come."""
    score = risen()
    reactor, at = score.pipeline.reactor, START + 20_000
    score.run(20)
    brake = Brake("c1", "backlash", frozenset({"reply", "hold"}), (("b", "x"),))
    list(reactor.brake(brake, at, at))
    assert states(score) == {"reply": "braked", "limit": "pending"}
    refused = decide(score, 21, "reply")
    assert (refused.status, "braked by backlash" in refused.error) == (409, True)
    score.run(200)
    assert states(score) == {"reply": "braked", "limit": "expired"}

    score.push(201, 'm{b="y"}', 50)  # other labels: it runs
    calm(score, 202)
    score.run(400)
    score.feed('m{b="x"}', [50] * 3, start=401)  # a firing that comes while it is on
    waiting = score.pipeline.reactor.acting.runs.in_state(RunState.WAITING)
    assert [dict(run.labels)["b"] for run in waiting] == ["x"]

    effects = list(reactor.release("c1", START + 405_000, START + 405_000))
    assert [effect.run.action for effect in effects if isinstance(effect, RunAction)] == ["hold"]
    (reply,) = (each for each in proposals(score) if each.action == "reply")
    assert (reply.state, reply.expires_at) == (ProposalState.PENDING, START + 1_100 + 60_000 + 385_000)


def test_a_braked_run_whose_stage_is_over_is_called_off() -> None:
    score = Score(RULES, REACTIONS)
    reactor = score.pipeline.reactor
    list(reactor.brake(Brake("c1", "backlash", frozenset({"hold"})), START, START))
    score.push(1, 'm{b="x"}', 50)
    score.push(3, 'm{b="x"}', 0)
    score.run(5)
    assert run_state(score, "hold") is RunState.CALLED_OFF
    assert score.of(RunAction) == []


def test_the_hold_stops_runs_undos_and_approvals_for_everybody_until_it_is_lifted() -> None:
    score = risen()
    score.send(12.5, ActionDone(score.of(RunAction)[0].run.id, RunState.DONE))
    score.send(13, HoldSet(1, "bo", "wrong price in the feed"))
    assert score.of(HoldSaved)[-1].hold is not None
    refused = decide(score, 14, "reply")
    assert (refused.status, "held by bo" in refused.error, "wrong price" in refused.error) == (409, True, True)
    (second,) = (e for e in score.send(14, HoldSet(2, "ana", "me too")) if isinstance(e, Answered))
    assert (second.status, "held by bo" in second.error) == (409, True)
    score.push(15, 'm{b="y"}', 50)
    assert "would have run hold: everything is held by bo" in " ".join(lines(score, "action"))
    calm(score, 16)
    score.run(45)
    assert [effect.undo for effect in score.of(RunAction)] == [False]
    assert run_state(score, "hold") is RunState.UNDO_WAITING

    score.send(46, HoldLifted(3, "ana"))
    assert [effect.undo for effect in score.of(RunAction)] == [False, True]
    (nothing,) = (e for e in score.send(47, HoldLifted(4, "ana")) if isinstance(e, Answered))
    assert nothing.error == "nothing is held"
    verbs = [each.verb for each in score.of(Audited)]
    assert verbs == ["hold", "approve refused", "hold refused", "release"]


def test_declining_needs_no_lifting_of_the_hold() -> None:
    score = risen()
    score.send(13, HoldSet(1, "bo", "stop"))
    assert decide(score, 14, "reply", approved=False).status == 200


def test_what_a_long_hold_keeps_from_being_undone_is_undone_when_it_is_lifted() -> None:
    score = risen()
    (run,) = (each for each in score.pipeline.reactor.acting.runs.of(score.firing.id) if each.action == "hold")
    score.send(12, ActionDone(run.id, RunState.DONE))
    score.send(13, HoldSet(1, "bo", "stop"))
    calm(score, 13)
    score.run(3 * 3_600)
    assert run_state(score, "hold") is RunState.UNDO_WAITING
    score.send(3 * 3_600 + 1, HoldLifted(2, "bo"))
    assert [action for _, action, undo in score.runs if undo] == ["hold"]
    score.send(3 * 3_600 + 2, ActionDone(run.id, RunState.UNDONE))
    score.run(3 * 3_600 + 120)
    assert score.firings == []


def test_an_action_runs_so_often_and_no_more() -> None:
    often = {**ACTIONS, "hold": Action("hold", at_most=AtMost(1, 3_600_000))}
    score = Score(RULES, ReactionsLoaded(frozenset({"log"}), often))
    score.push(1, 'm{b="x"}', 50)
    score.push(2, 'm{b="y"}', 50)
    assert len(score.of(RunAction)) == 1
    assert any("would have run hold: at most 1/h" in line for line in lines(score, "action"))


def test_proposals_and_the_hold_survive_a_restart() -> None:
    score = risen()
    score.send(13, HoldSet(1, "bo", "stop"))
    again = restarted(score, RULES, REACTIONS)
    assert states(again) == {"reply": "pending", "limit": "pending"}
    assert "held by bo" in decide(again, 14, "reply").error
    again.send(15, HoldLifted(1, "bo"))
    assert decide(again, 16, "reply").status == 200


def test_what_was_under_way_is_unknown_after_a_crash_and_runs_again_only_for_a_person() -> None:
    score = risen()
    again = restarted(score, RULES, REACTIONS)
    assert run_state(again, "hold") is RunState.UNKNOWN
    assert again.of(RunAction) == []
    run = again.of(RunSaved)[-1].run
    (answer,) = (e for e in again.send(13, RunAgain(1, "ana", run.id)) if isinstance(e, Answered))
    assert (answer.status, [effect.run.by for effect in again.of(RunAction)]) == (200, ["ana"])
    (late,) = (e for e in again.send(14, RunAgain(2, "bo", run.id)) if isinstance(e, Answered))
    assert (late.status, late.error) == (409, "hold is started: start is not for that")
    assert [each.verb for each in again.of(Audited)] == ["run again", "run again refused"]
    assert [line for line in lines(again, "action") if "again" in line] == ["ana runs hold again"]


def test_an_undo_that_failed_is_no_run_that_counts() -> None:
    often = {**ACTIONS, "hold": Action("hold", ("hold",), ("release",), at_most=AtMost(1, 3_600_000))}
    score = Score(RULES, ReactionsLoaded(frozenset({"log"}), often))
    score.push(1, 'm{b="x"}', 50)
    (run,) = score.pipeline.reactor.acting.runs.of(score.firing.id)
    score.send(2, ActionDone(run.id, RunState.DONE))
    score.push(3, 'm{b="x"}', 0)
    score.run(5)
    score.send(6, ActionDone(run.id, RunState.FAILED))
    assert run_state(score, "hold") is RunState.UNDO_FAILED
    (answer,) = (e for e in score.send(7, RunAgain(1, "ana", run.id)) if isinstance(e, Answered))
    assert (answer.status, run_state(score, "hold")) == (200, RunState.UNDOING)


def test_what_may_be_repeated_is_run_again_after_a_crash() -> None:
    score = risen()
    safe = ReactionsLoaded(frozenset({"log"}), {**ACTIONS, "hold": Action("hold", idempotent=True)})
    assert [effect.run.action for effect in restarted(score, RULES, safe).of(RunAction)] == ["hold"]


def test_what_ended_while_it_was_under_way_is_undone_after_a_crash() -> None:
    score = risen()
    calm(score, 13)
    score.run(40)
    again = restarted(score, RULES, REACTIONS)
    assert [(effect.run.action, effect.undo) for effect in again.of(RunAction)] == [("hold", True)]
