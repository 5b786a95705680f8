"""A score that goes on in another process."""

from __future__ import annotations

from fakes import FakeStore
from scenarios.score import START, Score, rule_set

from rtmd.formats.batch import SeriesTable
from rtmd.model.inputs import ReactionsLoaded, RulesLoaded, WallClock
from rtmd.pipeline import Pipeline, WindowsRestored


def stored(score: Score) -> FakeStore:
    store = FakeStore()
    store.commit([effect for _, effect in score.effects])  # type: ignore[arg-type]  # it takes what it knows
    return store


def restarted(score: Score, text: str, reactions: ReactionsLoaded | None = None) -> Score:
    """Another process with these rules, where the first one stood."""
    again = Score.__new__(Score)
    again.series, again.effects, again.second = SeriesTable(), [], score.second
    at = START + round(score.second * 1000)
    again.pipeline = Pipeline(again.series, at)
    reactions = reactions or ReactionsLoaded(frozenset({"log"}))
    again.send(score.second, reactions, WallClock(0), RulesLoaded(rule_set(text)))
    again.send(score.second, WindowsRestored(score.pipeline.engine.plans.snapshot()))
    again.send(score.second, stored(score).restore())
    return again
