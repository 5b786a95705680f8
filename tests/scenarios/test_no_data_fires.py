"""`no_data = "fire"`: a feed that dies makes a firing of its own (semantics S3)."""

from __future__ import annotations

from scenarios.restart import restarted
from scenarios.score import START, Score

from rtmd.formats.batch import STALE
from rtmd.model.effects import Notify
from rtmd.model.firing import Firing, Outcome
from rtmd.model.inputs import TimeGap
from rtmd.model.rule import Kind
from rtmd.pipeline import Samples
from rtmd.pipeline.prometheus_views import rule_groups
from rtmd.receivers.body import summary

PLAIN = "[rules.hot]\nsignal = 'm'\n[rules.hot.seconds]\nabove = 10\n"
FIRE = PLAIN.replace("signal", "no_data = 'fire'\nreopen = '0s'\nsignal")
GRADED = FIRE + "[rules.hot.minutes]\nabove = 10\n"
GONE = float(STALE)
SERIES = 'm{a="1"}'


def no_data(score: Score) -> list[Firing]:
    return [firing for firing in score.firings if firing.kind is Kind.NO_DATA]


def times(firings: list[Firing]) -> list[tuple[float, float | None]]:
    """When they fired and resolved."""
    return [
        ((each.fired_at - START) / 1000, None if each.resolved_at is None else (each.resolved_at - START) / 1000)
        for each in firings
    ]


def dead(rules: str = FIRE) -> Score:
    """Fed until 3.1, dead at 304."""
    score = Score(rules)
    score.feed(SERIES, [5.0] * 3, start=1)
    score.run(310)
    return score


def test_a_feed_that_dies_fires_with_the_labels_of_its_instance_and_a_kind() -> None:
    score = dead()
    assert score.told == [(304.0, "log", "firing", "hot")]
    assert score.firing.labels == (("a", "1"), ("kind", "no_data"))
    assert (score.firing.kind, score.firing.reason, score.firing.title) == (Kind.NO_DATA, "no data", "no data: hot")


def test_the_message_says_since_when_there_is_no_data() -> None:
    (message,) = (effect.notification for effect in dead().of(Notify))
    assert summary(message) == "no data: hot: firing in seconds, no data since 16:00:03 UTC (5m)"


def test_it_resolves_when_the_instance_is_fed_again_whatever_the_value() -> None:
    score = dead()
    score.feed(SERIES, [5.0] * 2, start=400)
    assert times(no_data(score)) == [(304, 401)]
    assert (score.firing.reason, score.outcomes) == ("fed again", [])


def test_it_fires_anew_each_time_the_feed_dies() -> None:
    score = dead()
    score.feed(SERIES, [5.0, GONE], start=400)
    score.run(500)
    assert times(no_data(score)) == [(304, 401), (402, None)]


def test_what_fired_before_goes_on_beside_it() -> None:
    score = Score(FIRE)
    score.feed(SERIES, [11.0, 11.0, GONE], start=1)
    score.run(10)
    assert [(each.labels, each.open) for each in score.firings] == [
        ((("a", "1"),), True),
        ((("a", "1"), ("kind", "no_data")), True),
    ]
    score.feed(SERIES, [5.0], start=20)
    score.run(30)
    assert [each.open for each in score.firings] == [False, False]


def test_a_feed_that_died_before_the_rule_was_there_says_nothing() -> None:
    score = dead(PLAIN)
    score.reload(311, FIRE)
    score.run(2_000)
    assert score.firings == []
    score.feed(SERIES, [5.0, GONE], start=2_001)
    score.run(2_100)
    assert times(no_data(score)) == [(2_003, None)]


def test_each_stage_fires_and_none_is_judged() -> None:
    score = dead(GRADED)
    score.run(1_000)
    assert times(no_data(score)) == [(304, None)]
    assert score.firing.stage == "minutes"
    assert score.outcomes == []


def test_a_restart_neither_fires_nor_resolves_and_forgets_nobody() -> None:
    for cut in (5, 303, 304.5, 390):
        score = Score(FIRE)
        score.feed(SERIES, [5.0] * 3, start=1)
        score.run(cut)
        again = restarted(score, FIRE)
        again.run(395)
        again.feed(SERIES, [5.0] * 2, start=400)
        assert times(no_data(again)) == [(304, 401)], cut
        assert score.told + again.told == [(304, "log", "firing", "hot"), (401, "log", "resolved", "hot")], cut


def test_a_feed_without_a_row_after_a_restart_dies_too() -> None:
    score = Score(FIRE)
    score.feed(SERIES, [5.0] * 3, start=1)
    empty = Score(FIRE)
    empty.series, windows = score.series, empty.pipeline.engine.plans.snapshot()
    score.pipeline.engine.plans.snapshot = lambda: windows  # type: ignore[method-assign]  # windows were lost
    again = restarted(score, FIRE)
    again.run(400)
    assert times(no_data(again)) == [(304, None)]


def test_a_time_that_nobody_watched_kills_nobody_who_is_fed_after_it() -> None:
    score = Score(FIRE)
    score.feed(SERIES, [5.0] * 3, start=1)
    score.send(4, TimeGap(START + 5_000_000, "test"))
    score.feed(SERIES, [5.0] * 3, start=5_200)
    assert score.firings == []
    score.run(6_000)
    assert times(no_data(score)) == [(5_503, None)]


def test_who_died_while_nobody_watched_fires_when_as_much_time_is_over() -> None:
    score = Score(FIRE)
    score.feed(SERIES, [5.0] * 3, start=1)
    score.send(4, TimeGap(START + 5_000_000, "test"))
    score.run(6_000)
    assert times(no_data(score)) == [(5_300, None)]


def test_it_is_given_up_after_the_limit_and_stays_silent_until_it_is_fed() -> None:
    score = dead(FIRE.replace("signal", "no_data_limit = '20m'\nsignal"))
    score.run(5_000)
    assert times(no_data(score)) == [(304, 1_504)]
    assert score.outcomes == [(1_504, "seconds", Outcome.LOST)]


def test_a_pod_that_left_its_source_is_given_up_after_a_quarter_of_an_hour() -> None:
    score = Score(FIRE)
    score.send(1, Samples("test", score.batch([(SERIES, 5.0), ('m{a="2"}', 5.0)], 1)))
    score.send(2, Samples("test", score.batch([(SERIES, GONE), ('m{a="2"}', 5.0)], 2)))
    for second in range(10, 2_000, 30):
        score.push(second, 'm{a="2"}', 5.0)
    assert times(no_data(score)) == [(3, 960)]


def test_a_changed_threshold_keeps_it_another_answer_to_no_data_ends_it() -> None:
    score = dead()
    score.reload(320, FIRE.replace("10", "12"))
    score.run(400)
    assert times(no_data(score)) == [(304, None)]
    score.reload(401, PLAIN)
    score.run(410)
    assert (times(no_data(score)), score.firing.reason) == ([(304, 402)], "rule_changed")


def test_another_signal_keeps_it_where_it_has_the_instance_and_ends_it_where_not() -> None:
    score = dead()
    score.reload(320, FIRE.replace("'m'", "'m > 0'"))
    score.run(700)
    assert score.firing.open
    score.reload(701, FIRE.replace("'m'", "'n'"))
    score.run(1_100)
    assert times(no_data(score)) == [(304, 1_001)]


def test_a_kind_of_its_own_is_kept_under_another_name() -> None:
    score = Score(FIRE)
    score.feed('m{kind="x"}', [5.0, GONE], start=1)
    score.run(10)
    assert score.firing.labels == (("exported_kind", "x"), ("kind", "no_data"))


def test_a_silence_for_no_data_leaves_the_others_loud() -> None:
    score = Score(FIRE)
    score.silence(0, "kind=no_data", 1_000)
    score.feed(SERIES, [11.0, 11.0, GONE], start=1)
    score.run(10)
    assert len(no_data(score)) == 1
    assert [told[:3] for told in score.told] == [(1.1, "log", "firing")]


def test_prometheus_clients_see_it_beside_the_other() -> None:
    score = Score(FIRE)
    score.feed(SERIES, [11.0, 11.0, GONE], start=1)
    score.run(10)
    (rule,) = rule_groups(score.pipeline)[0].rules
    assert sorted(alert.labels["kind"] for alert in rule.alerts) == ["health", "no_data"]


def test_a_removed_rule_ends_it() -> None:
    score = dead()
    score.reload(320, PLAIN.replace("hot", "cold"))
    score.run(400)
    assert (times(no_data(score)), score.firing.reason) == ([(304, 380)], "rule_removed")
