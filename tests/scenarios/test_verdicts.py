"""What people say of firings (semantics S2, S14), and what the noise board makes of a real journal."""

from __future__ import annotations

from scenarios.score import START, Score
from scenarios.test_correlations import backlash, meeting
from scenarios.test_episodes import GRADED, counter
from scenarios.test_episodes import REACTIONS as WITH_ACTIONS

from rtmd.alerting.noise import Noise, Share
from rtmd.model.effects import Answered, Audited, FiringSaved, Journaled, RunAction
from rtmd.model.firing import Firing, Outcome, PersonVerdict
from rtmd.model.inputs import ActionDone, MissReported, ReactionsLoaded, VerdictGiven
from rtmd.model.reaction import RunState
from rtmd.model.rule import StageName
from rtmd.pipeline.views import firing_view

REACTIONS = ReactionsLoaded(frozenset({"log", "desk", "lead"}))


def burst(score: Score, start: float, *, quiet: int = 60, brand: str = "b") -> None:
    score.feed(f'posts_total{{brand="{brand}"}}', counter([20] * 6 + [0] * quiet), start=start)


def answer(effects: list[object]) -> Answered:
    [found] = [effect for effect in effects if isinstance(effect, Answered)]
    return found


def say(score: Score, firing: str, *, real: bool, past: Firing | None = None) -> list[object]:
    return list(score.send(score.second, VerdictGiven(7, "ana", firing, real, past)))


def test_a_firing_that_somebody_marked_real_is_handled_and_no_false_start() -> None:
    score = Score(GRADED, REACTIONS)
    burst(score, 1, quiet=12)
    assert score.outcomes == []
    effects = say(score, score.firing.id, real=True)
    assert answer(effects) == Answered(7, id=score.firing.id)
    assert [(each.by, each.verb, each.detail) for each in effects if isinstance(each, Audited)] == [
        ("ana", "verdict", "real")
    ]
    score.run(80)
    assert [outcome for _, _, outcome in score.outcomes] == [Outcome.HANDLED]
    assert firing_view(score.pipeline, score.firing, START).verdict == "real"


def test_noise_after_real_makes_it_a_false_start_again() -> None:
    score = Score(GRADED, REACTIONS)
    burst(score, 1, quiet=12)
    before = score.firing.version
    say(score, score.firing.id, real=True)
    say(score, score.firing.id, real=False)
    assert score.firing.version == before + 2
    score.run(80)
    assert [outcome for _, _, outcome in score.outcomes] == [Outcome.FALSE_START]


def test_a_verdict_on_a_firing_of_long_ago_is_kept_with_it_and_on_one_that_never_was_is_refused() -> None:
    score = Score(GRADED, REACTIONS)
    burst(score, 1)
    past = score.firing
    elsewhere = Score(GRADED, REACTIONS)
    assert answer(say(elsewhere, past.id, real=False)).status == 404
    saved = [each.firing for each in say(elsewhere, past.id, real=False, past=past) if isinstance(each, FiringSaved)]
    assert [(each.id, each.verdict) for each in saved] == [(past.id, PersonVerdict("ana", START, real=False))]
    assert elsewhere.firings == []


def test_what_was_missed_is_journalled_and_audited_for_a_rule_that_is_there() -> None:
    score = Score(GRADED, REACTIONS)
    effects = list(score.send(1, MissReported(1, "ana", "surge", "the outage")))
    assert [(each.kind, each.rule, each.detail["text"]) for each in effects if isinstance(each, Journaled)] == [
        ("missed", "surge", "the outage")
    ]
    assert [each.verb for each in effects if isinstance(each, Audited)] == ["missed"]
    refused = answer(list(score.send(2, MissReported(2, "ana", "nope", "x"))))
    assert (refused.status, refused.error) == (404, 'there is no rule "nope"')


def test_the_board_reads_what_the_pipeline_writes() -> None:
    score = Score(GRADED, REACTIONS)
    for number in range(6):
        burst(score, 1 + number * 100, brand=f"b{number}")
        if number == 4:
            say(score, score.firings[-1].id, real=True)
    burst(score, 700, brand="last", quiet=0)
    score.silence(score.second, 'rule="surge"', 3_600)
    score.ack(score.second, score.firings[-1].id)
    score.run(800)
    noise = Noise()
    for line in score.of(Journaled):
        noise.take(line)
    [found] = noise.board(START, START + 800_000, ["surge"])
    assert found.firings == 7
    assert found.unattended == Share(6, 7)
    assert found.silenced == Share(1, 7)
    assert found.handled == Share(1, 7)
    assert found.false_starts == {StageName.SECONDS: Share(7, 7)}
    assert found.score is not None
    # Six false starts, one of them marked real; five that nobody had, and one acknowledged and silenced.
    assert round(found.score, 3) == round((5 * 5 / 8 + 0 + (3 + 2) / 8) / 7, 3)


def test_what_an_action_succeeded_on_and_what_flapped_is_heard_as_the_pipeline_says_it() -> None:
    score = Score(GRADED, WITH_ACTIONS)
    burst(score, 1, quiet=12)
    [run] = [effect.run for effect in score.of(RunAction) if not effect.undo]
    score.send(score.second, ActionDone(run.id, RunState.DONE))
    for number in range(4):
        burst(score, 30 + 20 * number, quiet=12)
    noise = Noise()
    for line in score.of(Journaled):
        noise.take(line)
    [found] = noise.board(START, START + 200_000, ["surge"])
    assert (found.firings, found.handled, found.flapped) == (1, Share(1, 1), Share(1, 1))


def test_correlations_are_heard_and_judged_as_rules_are() -> None:
    score = meeting()
    say(score, backlash(score).id, real=False)
    score.push(5, 'm{brand="acme",site="1"}', 1)
    assert answer(list(score.send(60, MissReported(1, "ana", "backlash", "x")))).status == 200
    noise = Noise()
    for line in score.of(Journaled):
        noise.take(line)
    board = {each.rule: each for each in noise.board(START, START + 60_000, score.pipeline.entries)}
    assert (board["backlash"].firings, board["backlash"].noise, len(board["backlash"].missed)) == (1, 1, 1)
    assert (board["surge"].firings, board["campaign"].firings) == (1, 0)
    assert board["backlash"].unattended == Share(1, 1)
