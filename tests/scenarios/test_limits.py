"""What rtmd says about its own limits: the built-in rule `rtmd.limits`, through time (semantics S13)."""

from collections import Counter

import pytest
from fakes import StillClock
from scenarios.score import START, Score, rule_set

from rtmd.engine.engine import Engine
from rtmd.formats.batch import SeriesLimits, SeriesTable
from rtmd.model.inputs import ReactionsLoaded, RulesLoaded, TimeGap, WallClock
from rtmd.model.rule import Severity
from rtmd.pipeline import Pipeline, Samples
from rtmd.rulefile.builtin import with_built_in
from rtmd.sources.refusals import EVERY, Refusals, Refused

FULL = (("limit", "series"), ("of", "ingest"))
HOT = """
[rules.hot]
signal = 'm'
above = 10
"""


class Crowd(Score):
    """A score with the built-in rules, the source that feeds them, and no room for a series that is not there yet."""

    def __init__(self, rules: str = "", *, instances: int = 10_000, room: int = 0) -> None:
        super().__init__(rules, series=SeriesTable(SeriesLimits(series=room)))
        self.pipeline = Pipeline(self.series, START, instances_per_rule=instances)
        self.effects.clear()
        loaded = RulesLoaded(with_built_in(rule_set(rules)))
        self.send(0, WallClock(0), ReactionsLoaded(frozenset({"log"})), loaded)
        self.clock = StillClock(START)
        self.refusals = Refusals(self.series, self.clock, self.count)

    def turn_away(self, count: int) -> None:
        """So many series find no room."""
        for number in range(count):
            assert self.series.intern((("__name__", f"new{number}"),)) < 0

    def poll_until(self, second: float) -> None:
        """The source at work."""
        while self.second + EVERY / 1000 <= second:
            at = self.second + EVERY / 1000
            self.clock.at = START + round(at * 1000)
            batch = self.refusals.poll()
            self.send(at, *([Samples("rtmd", batch)] if len(batch) else []))

    def count(self) -> Refused:
        """What the daemon would count."""
        return Refused(Counter(series=self.series.refused.total()), self.pipeline.engine.refused())


def test_nothing_is_fed_and_nothing_fires_while_nothing_is_refused() -> None:
    crowd = Crowd()
    crowd.poll_until(300)
    assert (crowd.firings, len(crowd.series)) == ([], 0)


def test_a_refusal_fires_within_ten_seconds_although_there_is_no_room_for_a_series() -> None:
    crowd = Crowd()
    crowd.poll_until(60)
    crowd.turn_away(3)
    crowd.poll_until(70)
    firing = crowd.firing
    assert (firing.rule, firing.labels, firing.severity) == ("rtmd.limits", FULL, Severity.WARNING)
    assert firing.title == "limit series refuses what is new (ingest)"
    assert firing.stages[0].value
    assert firing.stages[0].value >= 3
    crowd.poll_until(90)
    assert [(receiver, what) for _, receiver, what, _ in crowd.told] == [("log", "firing")]


def test_it_ends_when_nothing_was_refused_for_about_ten_minutes() -> None:
    crowd = Crowd()
    for second in range(60, 240, 30):
        crowd.turn_away(1)
        crowd.poll_until(second)
    crowd.poll_until(210 + 600)
    assert crowd.firing.open
    crowd.poll_until(210 + 700)
    assert not crowd.firing.open
    assert [what for _, _, what, _ in crowd.told] == ["firing", "resolved"]


def test_alerts_that_a_rule_has_no_room_for_are_counted_under_its_name_as_long_as_they_are() -> None:
    crowd = Crowd(HOT, instances=2, room=5)
    for second in range(0, 1200, 60):
        crowd.send(second, Samples("test", crowd.batch([(f'm{{a="{each}"}}', 11.0) for each in range(5)], second)))
        crowd.poll_until(second + 59)
    assert crowd.pipeline.engine.refused() == {"hot": 3}
    meta = [firing for firing in crowd.firings if firing.rule == "rtmd.limits"]
    assert [(dict(firing.labels)["of"], firing.open, firing.stages[0].value) for firing in meta] == [("hot", True, 3.0)]
    assert sum(firing.rule == "hot" for firing in crowd.firings) == 2


def test_a_gap_alone_does_not_end_it_and_quiet_after_a_restart_of_the_source_does() -> None:
    crowd = Crowd()
    crowd.turn_away(1)
    crowd.poll_until(60)
    crowd.send(60, TimeGap(START + 3_600_000, "restart"))
    assert crowd.firing.open
    crowd.series.refused.clear()
    crowd.refusals = Refusals(crowd.series, crowd.clock, crowd.count)
    crowd.second = 3600
    crowd.poll_until(3600 + 1800)
    assert not crowd.firing.open


@pytest.mark.parametrize(
    "matchers", ['rule=~".+"', 'severity!=""', 'alertname!="x", stage=~"minutes|hours"', 'of="ingest"']
)
def test_a_silence_that_does_not_name_it_leaves_it_alone(matchers: str) -> None:
    crowd = Crowd()
    crowd.silence(0, matchers, 3600)
    crowd.turn_away(1)
    crowd.poll_until(60)
    assert [rule for *_, rule in crowd.told] == ["rtmd.limits"]


@pytest.mark.parametrize(
    "matchers",
    ['rule="rtmd.limits"', 'alertname="rtmd.limits", limit="series"', 'rule=~"rtmd[.].*"', 'rule=~"hot|rtmd.+"'],
)
def test_a_silence_that_names_it_covers_it(matchers: str) -> None:
    crowd = Crowd()
    crowd.silence(0, matchers, 3600)
    crowd.turn_away(1)
    crowd.poll_until(60)
    assert crowd.firing.open
    assert crowd.told == []


def test_evaluations_with_label_sets_in_conflict_are_counted_as_failures_of_their_rule() -> None:
    text = "[rules.twice]\nsignal = '{__name__=~\"a|b\"} + 0'\nabove = 100\n" + HOT
    score = Score(text)
    for second in range(10):
        score.send(second, Samples("test", score.batch([("a", 1.0), ("b", 1.0), ("m", 1.0)], second)))
    engine: Engine = score.pipeline.engine
    assert engine.failures == {"twice": 1}
    assert engine.problems("twice") == ["the result: several series are {} at the same time"]
    assert engine.problems("hot") == []
