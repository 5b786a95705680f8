"""Firings and outcomes (semantics S2): graded stages, judgement of the shorter by the longer, reopening."""

from scenarios.score import START, Score

from rtmd.model.action import Action
from rtmd.model.effects import Journaled
from rtmd.model.firing import Exemplar, Outcome
from rtmd.model.inputs import ActionDone, ReactionsLoaded
from rtmd.model.reaction import RunState
from rtmd.model.rule import StageName
from rtmd.pipeline import Samples

GRADED = """
[rules.surge]
title = "{brand} surges at {value} {unit}"
unit = "posts/s"
signal = 'sum by (brand) (rate(posts_total[$window]))'
[rules.surge.seconds]
window = "5s"
above = 10
coverage = 0
notify = ["desk"]
run = ["hold"]
[rules.surge.minutes]
window = "30s"
above = 8
recent = "10s"
coverage = 0
notify = ["lead"]
"""
REACTIONS = ReactionsLoaded(frozenset({"log", "desk", "lead"}), actions={"hold": Action("hold", undo=("release",))})


def graded(reactions: ReactionsLoaded = REACTIONS) -> Score:
    return Score(GRADED, reactions)


def counter(rates: list[float]) -> list[float]:
    total = 0.0
    values = [0.0]
    for rate in rates:
        total += rate
        values.append(total)
    return values


def test_a_burst_that_the_longer_window_does_not_confirm_is_a_false_start() -> None:
    score = graded(ReactionsLoaded(frozenset({"log", "desk", "lead"})))
    score.feed('posts_total{brand="b"}', counter([20] * 6 + [0] * 50), start=1)
    assert [outcome for _, _, outcome in score.outcomes] == [Outcome.FALSE_START]
    assert [told[1:3] for told in score.told] == [("desk", "firing"), ("desk", "resolved")]


def test_what_lasts_is_confirmed_and_told_to_the_next_stage_too() -> None:
    score = graded(ReactionsLoaded(frozenset({"log", "desk", "lead"})))
    score.feed('posts_total{brand="b"}', counter([20] * 60), start=1)
    assert score.outcomes[0][1:] == ("seconds", Outcome.CONFIRMED)
    assert [told[1:3] for told in score.told] == [("desk", "firing"), ("lead", "firing")]
    assert score.firing.stage is StageName.MINUTES
    score.feed('posts_total{brand="b"}', [1200.0] * 120, start=61)
    assert {told[1:3] for told in score.told[2:]} == {("desk", "resolved"), ("lead", "resolved")}
    assert not score.firing.open


def test_an_action_that_succeeded_makes_it_handled() -> None:
    score = graded()
    score.feed('posts_total{brand="b"}', counter([20] * 4), start=1)
    (run,) = score.pipeline.reactor.acting.runs.of(score.firing.id)
    score.send(5.5, ActionDone(run.id, RunState.DONE))
    score.feed('posts_total{brand="b"}', [80.0] * 50, start=6)
    assert [outcome for _, _, outcome in score.outcomes] == [Outcome.HANDLED]
    assert [undo for _, _, undo in score.runs] == [False, True]


def test_an_action_runs_once_and_is_undone_when_its_stage_ends() -> None:
    score = graded()
    score.feed('posts_total{brand="b"}', counter([20] * 6 + [0] * 10), start=1)
    (started,) = score.runs
    assert started[1:] == ("hold", False)
    (run,) = score.pipeline.reactor.acting.runs.of(score.firing.id)
    # It took longer than the stage lasted: undone as soon as it is done.
    score.send(20, ActionDone(run.id, RunState.DONE))
    assert [undo for _, _, undo in score.runs] == [False, True]
    score.send(21, ActionDone(run.id, RunState.UNDONE))
    assert score.pipeline.reactor.acting.runs.of(score.firing.id)[0].state is RunState.UNDONE


def test_within_reopen_it_is_the_same_firing() -> None:
    score = Score("[rules.hot]\nsignal = 'm'\nreopen = '30s'\n[rules.hot.seconds]\nabove = 10\n")
    score.feed("m", [11, 5, 5, 11, 5, 5], start=1)
    score.run(8)
    assert score.firing.episodes == 2
    # Five seconds after the first word, all is over: the second episode was never worth a message of its own.
    assert [told[:3] for told in score.told] == [(1.1, "log", "firing"), (6.1, "log", "resolved")]


def test_after_reopen_it_is_a_new_firing() -> None:
    score = Score("[rules.hot]\nsignal = 'm'\nreopen = '2s'\n[rules.hot.seconds]\nabove = 10\n")
    score.feed("m", [11, 5, 5, 5, 5, 5, 11], start=1)
    assert len(score.firings) == 2


def test_the_ack_stays_through_a_reopening() -> None:
    score = Score("[rules.hot]\nsignal = 'm'\nreopen = '30s'\n[rules.hot.seconds]\nabove = 10\n")
    score.feed("m", [11, 11], start=1)
    assert score.ack(2.5, score.firing.id).status == 200
    score.feed("m", [5, 5, 11], start=3)
    assert score.firing.ack
    assert score.firing.ack.by == "ana"


def test_a_rise_flags_the_ack_and_tells_who_has_it() -> None:
    score = graded(ReactionsLoaded(frozenset({"log", "desk", "lead"})))
    score.feed('posts_total{brand="b"}', counter([20] * 3), start=1)
    score.ack(4.5, score.firing.id)
    score.feed('posts_total{brand="b"}', [60 + 20.0 * n for n in range(1, 50)], start=5)
    assert score.firing.ack
    assert score.firing.ack.raised


def test_acknowledging_what_has_resolved_is_refused() -> None:
    score = Score("[rules.hot]\nsignal = 'm'\n[rules.hot.seconds]\nabove = 10\n")
    score.feed("m", [11, 5, 5], start=1)
    answer = score.ack(5, score.firing.id)
    assert answer.status == 400
    assert "resolved" in answer.error


def test_an_ack_on_an_old_version_says_who_was_first() -> None:
    score = Score("[rules.hot]\nsignal = 'm'\n[rules.hot.seconds]\nabove = 10\n")
    score.feed("m", [11], start=1)
    seen = score.firing.version
    assert score.ack(2, score.firing.id, by="ana", version=seen).status == 200
    answer = score.ack(3, score.firing.id, by="bo", version=seen)
    assert answer.status == 409
    assert answer.error == "ana took it 1s ago (version 2)"


def test_the_evidence_is_recorded_clause_by_clause_with_the_loudest_posts() -> None:
    score = graded()
    series = 'posts_total{brand="b"}'
    score.push(1.1, series, 0)
    score.push(2.1, series, 30, Exemplar("lights out!", "ada", 1200.0, "https://example.org/1"))
    score.push(3.1, series, 60, Exemplar("hello", "bob", 3.0))
    record = score.firing.record(StageName.SECONDS)
    assert record
    assert record.evidence
    assert [clause.name for clause in record.evidence.clauses] == ["window"]
    assert record.evidence.clauses[0].value is not None
    assert record.evidence.clauses[0].value > 10
    assert record.evidence.exemplars[0].author == "ada"
    assert score.firing.title.startswith("b surges at ")


def test_sustained_is_what_still_fires_when_judged() -> None:
    text = GRADED.replace("above = 8", "above = 1000")
    score = Score(text, ReactionsLoaded(frozenset({"log", "desk", "lead"})))
    score.feed('posts_total{brand="b"}', counter([20] * 50), start=1)
    assert [outcome for _, _, outcome in score.outcomes] == [Outcome.SUSTAINED]


def test_ids_are_the_same_in_every_replay() -> None:
    ids = set()
    for _ in range(2):
        score = graded()
        score.feed('posts_total{brand="b"}', counter([20] * 5), start=1)
        ids.add(score.firing.id)
    assert len(ids) == 1
    assert START


def test_what_is_over_as_soon_as_it_begins_is_judged_before_the_next_post() -> None:
    rules = "[rules.hot]\nsignal = 'm'\n[rules.hot.seconds]\nabove = 10\n[rules.hot.minutes]\nabove = 99\n"
    one, other = Score(rules), Score(rules)
    posts = [[('m{i="1"}', 20.0)], [('m{i="2"}', 20.0)]]
    one.send(1.5, *(Samples("t", one.batch(post, 1.5)) for post in posts))
    for post in posts:
        other.send(1.5, Samples("t", other.batch(post, 1.5)))
    kinds = [[line.kind for line in score.of(Journaled)] for score in (one, other)]
    assert kinds[0] == kinds[1]
    assert "outcome" in kinds[0]
