"""A rule test under way: rules, samples and people in; what is to be seen and what happened is looked at in between.

A `Case` is a list of deeds in the order of their times. The trial plays the production pipeline up to each of them on
virtual time and lets it act: say something as a person would, or look and find what is not as expected.

Samples of an instant arrive a millisecond before it, so that an evaluation at that instant sees them, as in promtool.
Two deeds at one instant act in the order in which they are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rtmd.engine.query import evaluate_batch
from rtmd.errors import Located
from rtmd.formats.batch import EMPTY, UNLIMITED, SampleBatch, SeriesTable, Values
from rtmd.model.action import Action
from rtmd.model.effects import Answered, Effect, FiringSaved, Journaled, Notify
from rtmd.model.expr import Expr
from rtmd.model.firing import Firing, Outcome, StageRecord
from rtmd.model.inputs import PersonInput, ReactionsLoaded, RulesLoaded, WallClock
from rtmd.model.labels import METRIC_NAME, Labels, without
from rtmd.model.reaction import Notification
from rtmd.model.rule import Rule, RuleSet, StageName
from rtmd.pipeline import Pipeline, Samples
from rtmd.replay.play import Happened, Play, Timed
from rtmd.replay.timeline import Timeline

_SOURCE = "test"
_BEFORE = 1  # ms that samples arrive before their time
_NAME = frozenset({METRIC_NAME})


class Line(Struct, frozen=True):
    """A series and its samples; times are ms since the start of the case."""

    labels: Labels
    times: NDArray[np.int64]
    values: Values


class Failure(Struct, frozen=True):
    """Something is not as expected: where that was expected, and lines that say what was and what is."""

    place: Located
    details: tuple[str, ...] = ()


class Deed(Protocol):
    """What is done, or looked at, at a time."""

    @property
    def at(self) -> int:
        """Ms since the start of the case."""
        ...

    def act(self, trial: Trial) -> Iterator[Failure]:
        """Do it; the trial stands at the time."""
        ...


class Case(Struct, frozen=True):
    """One test: `start` is the engine time that everything counts from."""

    name: str
    place: Located
    rules: RuleSet
    lines: tuple[Line, ...]
    deeds: tuple[Deed, ...]
    start: int


class Verdict(Struct, frozen=True):
    """What came of a case: no failures is good; `timeline` has what happened, if that was asked for."""

    case: Case
    failures: tuple[Failure, ...]
    timeline: tuple[str, ...] = ()


class Judged(Struct, frozen=True):
    """A stage of a firing got its outcome."""

    at: int
    firing: Firing
    stage: StageName
    outcome: Outcome


class Trial:
    """One case being played. What happened is collected in `told`, `judged` and `resolved` until somebody takes it."""

    def __init__(self, case: Case, *, timeline: bool = False) -> None:
        self.start = case.start
        self.firings: dict[str, Firing] = {}
        self.told: list[Notification] = []
        self.judged: list[Judged] = []
        self.resolved: list[str] = []  # ids, in order
        self.refused: list[str] = []  # what people were answered
        self.lines: list[str] = []
        self.series = SeriesTable(UNLIMITED)
        self.samples = _columns(case.lines, self.series, case.start)
        self.pipeline = Pipeline(self.series, case.start - _BEFORE)
        self._play = Play(self.pipeline, _inputs(case.rules, self.samples, case.start - _BEFORE))
        self._timeline = Timeline(self.pipeline.engine.rule, case.start) if timeline else None

    def __repr__(self) -> str:
        return f"<Trial {self._play!r}, {len(self.firings)} firings>"

    @property
    def at(self) -> int:
        """The engine time it stands at."""
        return self._play.at

    def until(self, at: int) -> None:
        """Play on up to and including `at` ms since the start."""
        for happened in self._play.until(self.start + at):
            self._note(happened)

    def say(self, given: PersonInput) -> str:
        """Somebody says something now; gives what is wrong with it, or nothing."""
        self._play.give(given)
        self.until(self.at - self.start)
        return self.refused.pop() if self.refused else ""

    def rules(self, name: str = "") -> list[Rule]:
        """All rules, or the one of that name."""
        return [rule for each, rule in self.pipeline.engine.rules.items() if name in {"", each}]

    def value(self, firing: Firing) -> float | None:
        """What the firing's stage saw last; of a correlation how many take part."""
        if firing.correlated:
            return float(self.pipeline.correlations.size(firing))
        key = (firing.rule, firing.labels)
        tables = self.pipeline.engine.tables(firing.rule)
        values = zip(tables, self.pipeline.engine.values(key), strict=True)
        return next((value for table, value in values if table.stage.name is firing.stage), None)

    def clocks(self, firing: Firing) -> tuple[StageRecord, ...]:
        """The clocks of a firing's instance, as they stand."""
        if firing.correlated:
            return firing.stages
        return self.pipeline.engine.clocks((firing.rule, firing.labels))

    def silenced(self, firing: Firing) -> bool:
        """Whether a silence covers a firing now."""
        return self.pipeline.reactor.muting(firing, self.at, self.pipeline.wall(self.at)) is not None

    def evaluate(self, expr: Expr) -> list[tuple[Labels, float]] | float | str:
        """The value of an expression now, over all samples of the case; label sets still have metric names."""
        found = evaluate_batch(expr, self.series, self.samples, self.at)
        if not isinstance(found, list):
            return found
        return [(tuple(sorted(labels.items())), value) for labels, value in found]

    def value_of(self, expr: Expr, labels: Labels) -> float | None:
        """The value that an instance has in an expression now."""
        found = self.evaluate(expr)
        rows = found if isinstance(found, list) else []
        return next((value for each, value in rows if without(each, _NAME) == labels), None)

    def _note(self, happened: Happened) -> None:
        for effect in happened.effects:  # firings first: what is said of one may stand before it
            if isinstance(effect, FiringSaved):
                self._note_firing(effect.firing)
        for effect in happened.effects:
            self._note_effect(effect)
        if self._timeline is not None:
            self.lines += self._timeline.lines(happened)

    def _note_firing(self, firing: Firing) -> None:
        before = self.firings.get(firing.id)
        if not firing.open and (before is None or before.resolved_at != firing.resolved_at):
            self.resolved.append(firing.id)
        self.firings[firing.id] = firing

    def _note_effect(self, effect: Effect) -> None:
        match effect:
            case Notify(told):
                self.told.append(told)
            case Journaled(kind="outcome", at=at, firing_id=firing_id, detail=detail):
                firing = self.firings[firing_id]
                self.judged.append(Judged(at, firing, StageName(detail["stage"]), Outcome(detail["reason"])))
            case Answered(error=error) if error:
                self.refused.append(error)
            case _:
                pass


def try_case(case: Case, *, timeline: bool = False) -> Verdict:
    """Play a case from its start to its last deed."""
    trial = Trial(case, timeline=timeline)
    failures: list[Failure] = []
    for deed in sorted(case.deeds, key=lambda deed: deed.at):
        trial.until(deed.at)
        failures += deed.act(trial)
    return Verdict(case, tuple(failures), tuple(trial.lines))


def reactions_of(rules: RuleSet) -> ReactionsLoaded:
    """A world in which every receiver and action that rules name is there."""
    stages = [stage for rule in rules.rules.values() for stage in rule.stages]
    told = [stage.notify for stage in stages] + [each.notify for each in rules.correlations.values()]
    receivers = {name for notify in told for name in notify or () if name != "@route"}
    actions = {name: Action(name, (name,), (name,)) for stage in stages for name in (*stage.run, *stage.propose)}
    return ReactionsLoaded(frozenset({"log", *receivers}), actions)


def _columns(lines: Sequence[Line], table: SeriesTable, start: int) -> SampleBatch:
    """All samples by time; those of one time in the order of the lines."""
    if not lines:
        return EMPTY
    ids = np.concatenate([np.full(len(line.times), table.intern(line.labels)) for line in lines])
    times = np.concatenate([line.times for line in lines]) + start
    values = np.concatenate([line.values for line in lines])
    order = np.argsort(times, kind="stable")
    return SampleBatch(ids[order].astype(np.int64), times[order].astype(np.int64), values[order])


def _inputs(rules: RuleSet, samples: SampleBatch, start: int) -> Iterator[Timed]:
    for given in (WallClock(0), reactions_of(rules), RulesLoaded(rules)):
        yield start, given
    edges = [*np.flatnonzero(np.diff(samples.times, prepend=-1)).tolist(), len(samples)]
    for begin, end in pairwise(edges):
        part = slice(begin, end)
        batch = SampleBatch(samples.ids[part], samples.times[part], samples.values[part])
        yield int(samples.times[begin]) - _BEFORE, Samples(_SOURCE, batch)
