"""Marks, and rules that are judged only within some time of one (`within`): the guard of semantics S1 in time."""

from scenarios.restart import restarted
from scenarios.score import START, Score

from rtmd.model.effects import Answered, Audited, Journaled, MarkDropped, MarkSaved
from rtmd.model.inputs import MarkMade, TimeGap, WallClock
from rtmd.model.labels import labels_of
from rtmd.model.mark import KEPT, MOST, MarkKind
from rtmd.model.replace import replace

ERRORS = """
[rules.errors]
signal = 'm'
within = "60s of deploy"
reopen = '0s'
[rules.errors.seconds]
above = 10
clear = 1
"""


def mark(score: Score, second: float, kind: MarkKind = MarkKind.DEPLOY, *, ago: float = 0, **labels: str) -> Answered:
    """Somebody reports something."""
    time = START + round((second - ago) * 1000) if ago else 0
    made = MarkMade(1, "ci", kind, "v2.3", labels_of(labels), time)
    (answer,) = (effect for effect in score.send(second, made) if isinstance(effect, Answered))
    return answer


def states(score: Score) -> list[tuple[float, str]]:
    return [(second, what) for second, _, what, _ in score.told]


def test_without_a_mark_nothing_fires_however_high_it_is() -> None:
    score = Score(ERRORS)
    score.feed('m{service="a"}', [50] * 30)
    assert score.firings == []


def test_it_fires_after_a_mark_and_clears_when_its_time_is_over_whatever_the_value_is() -> None:
    score = Score(ERRORS)
    score.feed('m{service="a"}', [50] * 10)
    mark(score, 10.5)
    score.feed('m{service="a"}', [50] * 80, start=10.6)
    # The next sample may fire it; the first grid point that is 60 s and more after 10.5 s is 71.
    assert states(score) == [(10.7, "firing"), (71.0, "resolved")]


def test_a_new_mark_while_it_fires_gives_it_more_time() -> None:
    score = Score(ERRORS)
    score.push(1, 'm{service="a"}', 50)
    mark(score, 2)
    mark(score, 40)
    score.run(99)
    assert score.firing.open
    score.run(101)
    assert not score.firing.open


def test_it_ends_with_the_window_to_the_millisecond() -> None:
    score = Score(ERRORS)
    score.push(1, 'm{service="a"}', 50)
    mark(score, 2)  # covers [2 s, 62 s)
    score.run(61.9)
    assert score.firing.open
    score.run(62)
    assert score.firing.resolved_at == START + 62_000


def test_marks_of_another_kind_do_not_count() -> None:
    score = Score(ERRORS)
    score.push(1, 'm{service="a"}', 50)
    mark(score, 2, MarkKind.POST)
    score.run(30)
    assert score.firings == []


def test_a_mark_is_about_what_its_labels_say_and_about_all_where_they_say_nothing() -> None:
    def fired(**labels: str) -> list[str]:
        score = Score(ERRORS)
        score.send(1)
        for series in ('m{service="a",host="x"}', 'm{service="b",host="x"}', 'm{host="y"}'):
            score.push(1, series, 50)
        mark(score, 2, **labels)
        score.run(5)
        return sorted(" ".join(value for _, value in firing.labels) for firing in score.firings)

    assert fired() == ["x a", "x b", "y"]
    assert fired(service="a") == ["x a", "y"]  # the third has no service: it may be meant
    assert fired(service="a", host="x") == ["x a"]
    assert fired(service="c") == ["y"]
    assert fired(team="shop") == ["x a", "x b", "y"]


def test_labels_that_the_rule_adds_count_like_those_of_the_signal() -> None:
    text = ERRORS.replace("reopen", "labels = { team = 'shop' }\nreopen")
    score = Score(text)
    score.push(1, 'm{service="a"}', 50)
    mark(score, 2, team="desk")
    score.run(4)
    assert score.firings == []
    mark(score, 5, team="shop", service="a")
    score.run(7)
    assert len(score.firings) == 1


def test_instances_that_appear_after_a_mark_are_covered_too() -> None:
    score = Score(ERRORS)
    score.push(1, 'm{service="a"}', 5)
    mark(score, 2, service="b")
    score.push(20, 'm{service="b"}', 50)
    score.push(20, 'm{service="c"}', 50)
    score.run(22)
    assert score.firing.labels == (("service", "b"),)


def test_a_stage_may_have_its_own_time_or_none() -> None:
    text = ERRORS + "[rules.errors.minutes]\nabove = 10\nfor = '10s'\nwithin = 'off'\n"
    score = Score(text)
    score.push(1, 'm{service="a"}', 50)
    score.run(30)
    assert score.firing.stage == "minutes"


def test_for_begins_within_the_time_and_not_before() -> None:
    score = Score(ERRORS.replace("above = 10", "above = 10\nfor = '5s'"))
    score.push(1, 'm{service="a"}', 50)
    mark(score, 10.5)
    score.run(30)
    assert states(score) == [(16.0, "firing")]


def test_outside_its_time_a_cleared_level_is_not_waited_for_but_keep_is() -> None:
    score = Score(ERRORS.replace("clear = 1", "clear = 1\nkeep = '10s'"))
    score.push(1, 'm{service="a"}', 50)
    mark(score, 2)
    score.run(100)
    assert states(score) == [(3.0, "firing"), (72.0, "resolved")]


def test_a_report_that_comes_late_counts_from_when_it_happened() -> None:
    score = Score(ERRORS)
    score.push(1, 'm{service="a"}', 50)
    mark(score, 90, ago=50)
    score.run(120)
    assert states(score) == [(91.0, "firing"), (100.0, "resolved")]


def test_a_mark_from_the_future_or_too_old_is_refused_and_changes_nothing() -> None:
    score = Score(ERRORS)
    future = MarkMade(1, "ci", MarkKind.DEPLOY, "v3", time=START + 40_000)
    old = replace(future, time=START - KEPT)
    for made, words in ((future, "yet to come"), (old, "7 days old at most")):
        (answer,) = [effect for effect in score.send(1, made) if isinstance(effect, Answered)]
        assert (answer.status, words in answer.error) == (400, True)
    assert not score.of(MarkSaved)


def test_the_same_report_twice_is_one_mark() -> None:
    score = Score(ERRORS)
    score.run(100)
    first, second = mark(score, 101, ago=20), mark(score, 103, ago=22)
    assert first.id == second.id
    assert len(score.of(MarkSaved)) == len([line for line in score.of(Journaled) if line.kind == "mark"]) == 1
    (audited,) = score.of(Audited)
    assert (audited.by, audited.verb, audited.detail) == ("ci", "mark", "deploy: v2.3")


def test_a_firing_carries_the_marks_before_its_transitions_that_may_be_about_it() -> None:
    score = Score("[rules.hot]\nsignal = 'm'\n[rules.hot.seconds]\nabove = 10\n")
    mark(score, 1, MarkKind.POST, service="b")
    mark(score, 2, MarkKind.POST, service="a")
    score.push(3, 'm{service="a"}', 50)
    mark(score, 5, service="a")
    assert [each.kind for each in score.firing.marks] == ["post"]
    score.push(9, 'm{service="a"}', 5)
    score.run(10)
    assert [(each.kind, each.time - START) for each in score.firing.marks] == [("post", 2_000), ("deploy", 5_000)]


def test_the_evidence_names_the_mark() -> None:
    score = Score(ERRORS)
    score.push(1, 'm{service="a"}', 50)
    mark(score, 1.5)
    score.run(3)
    record = score.firing.stages[0]
    assert record.evidence is not None
    clause = next(clause for clause in record.evidence.clauses if clause.name == "within")
    assert (clause.text, clause.value) == ("1m of deploy: v2.3", 0.5)


def test_a_restart_remembers_marks_and_ends_nothing() -> None:
    score = Score(ERRORS)
    score.push(1, 'm{service="a"}', 50)
    mark(score, 2, service="a")
    score.run(20)
    again = restarted(score, ERRORS)
    again.push(21, 'm{service="a"}', 50)
    again.run(61)
    assert again.firing.open
    assert again.firing.marks == score.firing.marks
    again.run(63)
    assert not again.firing.open


def test_a_time_that_nobody_watched_counts_for_marks_as_it_does_for_people() -> None:
    score = Score(ERRORS)
    score.push(1, 'm{service="a"}', 50)
    mark(score, 2)
    score.run(10)
    score.send(10, TimeGap(START + 70_000, "suspended"))
    score.push(71, 'm{service="a"}', 50)
    score.run(75)
    assert not score.firing.open


def test_marks_follow_the_wall_clock() -> None:
    score = Score(ERRORS)
    score.push(1, 'm{service="a"}', 50)
    mark(score, 2)
    score.send(10, WallClock(55_000))  # set ahead: the minute is over
    score.run(12)
    assert not score.firing.open


def test_a_rule_that_is_edited_to_another_time_keeps_its_instances() -> None:
    score = Score(ERRORS)
    score.push(1, 'm{service="a"}', 50)
    mark(score, 2)
    score.run(50)
    score.reload(50, ERRORS.replace("60s", "2m"))
    score.run(100)
    assert score.firing.open
    score.reload(100, ERRORS.replace("60s", "30s"))
    score.run(102)
    assert not score.firing.open


def test_marks_are_forgotten_after_a_week_and_the_oldest_when_there_are_too_many() -> None:
    score = Score(ERRORS)
    mark(score, 1)
    mark(score, 100)
    week = KEPT / 1000
    score.send(101, TimeGap(START + KEPT, "nobody was there"))
    score.run(week + 60)
    assert len(score.of(MarkDropped)) == 1
    score.send(week + 60, *(MarkMade(1, "ci", MarkKind.EVENT, str(number)) for number in range(MOST)))
    assert len(list(score.pipeline.engine.plans.marks)) == MOST
    assert len(score.of(MarkDropped)) == 2
