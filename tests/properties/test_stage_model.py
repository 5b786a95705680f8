"""The protocol against models written for clarity: one instance, plain if and else, no arrays.

The first model is one stage reading by reading (semantics S1, S3); the second is what two stages mean together
(semantics S2). Samples are stored without being looked at on arrival, so grid points are all that counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scenarios.score import START, Score, series_labels
from stage_model import Model, Plan, Reading

from rtmd.formats.batch import STALE, SampleBatch, SeriesTable
from rtmd.model.firing import Outcome
from rtmd.model.rule import StageName
from rtmd.pipeline import WindowFilled

plans = st.builds(
    Plan,
    above=st.booleans(),
    clear=st.none() | st.just(10.0),
    hold=st.sampled_from([0, 0, 5_000, 12_000]),
    count=st.sampled_from([0, 0, 1, 2, 3]),
    of=st.sampled_from([3, 5, 64]),
    keep=st.sampled_from([0, 0, 5_000, 14_000]),
    no_data=st.sampled_from(["keep", "resolve", "zero", "fire"]),
)
readings = st.lists(
    st.tuples(
        st.sampled_from([4.0, 4.0, 10.0, 12.0, 12.0, 15.0, "filtered", "gap", "stale"]),
        st.sampled_from([1, 1, 1, 2, 3, 61]),
    ),
    max_size=12,
)


def stored(series: SeriesTable, text: str, at: int, value: float) -> WindowFilled:
    ids = np.array([series.intern(series_labels(text))], np.int64)
    return WindowFilled(SampleBatch(ids, np.array([at]), np.array([value])))


@settings(max_examples=40, deadline=None)
@given(plans, st.booleans(), readings)
def test_a_stage_does_what_the_model_does(plan: Plan, narrow: bool, runs: list[tuple[Reading, int]]) -> None:  # noqa: FBT001  # drawn
    if plan.clear is not None:
        plan.clear = 6.0 if plan.above else 14.0
    if narrow:
        plan.of = plan.count
    score, model = Score(plan.rule()), Model(plan)
    labels = ()
    for number, reading in enumerate(each for each, times in [(4.0, 1), *runs] for _ in range(times)):
        at = START + (number + 1) * plan.grid
        score.run((at - 1_000 - START) / 1_000)
        if reading != "gap":
            value = {"filtered": -1.0, "stale": float(STALE)}.get(reading, reading)  # type: ignore[arg-type]
            score.send(score.second, stored(score.series, "m", at - 1_000, float(value)))
        score.run((at - START) / 1_000)
        model.see(reading, at)
        (clock,) = score.pipeline.engine.clocks(("r", labels))
        assert model.holds(clock), (at, clock, model)
        own = [firing.open for firing in score.firings if firing.labels == labels]
        assert own[-1:] in ([], [clock.state.burning])


HELD = 7_000  # `for` of minutes, which has no window: a firing of seconds is judged this long after


@dataclass
class Episode:
    """A firing as the model sees it; times in ms from the start."""

    fired_at: int
    resolved_at: int | None = None
    count: int = 1
    burning: set[str] = field(default_factory=set)
    judge_at: int | None = None
    outcome: Outcome | None = None
    follows: int | None = None  # when the firing that this one continues fired


@dataclass
class Desk:
    """All episodes of one instance, and what was judged when."""

    reopen: int
    episodes: list[Episode] = field(default_factory=list)
    judged: list[tuple[int, Outcome]] = field(default_factory=list)

    def judge(self, at: int) -> None:
        for episode in self.episodes:
            if episode.judge_at is not None and episode.judge_at <= at and episode.outcome is None:
                still = "seconds" in episode.burning
                self.decide(episode, Outcome.SUSTAINED if still else Outcome.FALSE_START, episode.judge_at)

    def decide(self, episode: Episode, outcome: Outcome, at: int) -> None:
        episode.outcome = outcome
        self.judged.append((at, outcome))

    def fire(self, stage: str, at: int) -> None:
        follows = None
        if stage == "minutes":
            for episode in self.episodes:
                if episode.judge_at is not None and episode.outcome is None:
                    self.decide(episode, Outcome.CONFIRMED, at)
                    follows = episode.fired_at
        latest = self.episodes[-1] if self.episodes else None
        if latest is None or (latest.resolved_at is not None and at - latest.resolved_at > self.reopen):
            latest = Episode(at, follows=follows)
            self.episodes.append(latest)
        elif latest.resolved_at is not None:
            latest.resolved_at = None
            latest.count += 1
        if stage == "seconds" and (latest.judge_at is None or latest.outcome is not None):
            within = "minutes" in latest.burning
            latest.judge_at = None if within else at + HELD
            latest.outcome = Outcome.WITHIN if within else None
        latest.burning.add(stage)

    def end(self, stage: str, at: int) -> None:
        latest = self.episodes[-1]
        latest.burning.remove(stage)
        if not latest.burning:
            latest.resolved_at = at


GRADED = """
[rules.r]
signal = 'a'
reopen = '{reopen}ms'
[rules.r.seconds]
above = 10
[rules.r.minutes]
signal = 'b'
above = 10
for = '7s'
"""
spells = st.lists(st.tuples(st.booleans(), st.integers(1, 12)), min_size=1, max_size=10)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([0, 3_000, 60_000]), spells, spells)
def test_two_stages_mean_what_the_model_says(
    reopen: int, quick: list[tuple[bool, int]], slow: list[tuple[bool, int]]
) -> None:
    score, desk = Score(GRADED.format(reopen=reopen)), Desk(reopen)
    seconds = [on for on, length in quick for _ in range(length)]
    minutes = [on for on, length in slow for _ in range(5 * ((length + 1) // 2))]
    length = max(len(seconds), len(minutes)) + 20
    was = {"seconds": False, "minutes": False}
    since = 0
    for second in range(1, length):
        at = second * 1_000
        on = seconds[second] if second < len(seconds) else False
        up = minutes[second] if second < len(minutes) else False
        score.send(
            second - 0.5,
            stored(score.series, "a", START + at - 500, 20.0 if on else 0.0),
            stored(score.series, "b", START + at - 500, 20.0 if up else 0.0),
        )
        score.run(second)
        desk.judge(at)
        fires = {"seconds": on, "minutes": was["minutes"]}
        if second % 5 == 0:
            since = (since or at) if up else 0
            fires["minutes"] = up and at - since >= HELD
        for stage, now in fires.items():
            if now and not was[stage]:
                desk.fire(stage, at)
            elif was[stage] and not now:
                desk.end(stage, at)
        was = fires
    told = [(round(1000 * at), outcome) for at, stage, outcome in score.outcomes if stage == StageName.SECONDS]
    assert sorted(told) == sorted(desk.judged)
    ids = {firing.fired_at - START: firing.id for firing in score.firings}
    assert [
        (firing.fired_at, firing.resolved_at and firing.resolved_at - START, firing.episodes, firing.follows)
        for firing in score.firings
    ] == [
        (START + each.fired_at, each.resolved_at, each.count, ids[each.follows] if each.follows else "")
        for each in desk.episodes
    ]
