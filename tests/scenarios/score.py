"""A score: rules, samples and people in, what was decided and said out, on virtual time.

    score = Score('''[rules.surge] …''')
    score.push(2, 'm{brand="a"}', 5)     # a sample at second 2
    score.run(10)                        # let time pass up to second 10
    assert score.told == [(3.0, "log", "firing", "surge")]

Seconds count from START, a full hour, so that all grids begin there. The production loader and pipeline run; only
the shell is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from rtmd.formats.batch import PlacedExemplar, SampleBatch, SeriesTable
from rtmd.matching import parse_matchers
from rtmd.model.effects import Answered, Effect, Journaled, Notify, RunAction
from rtmd.model.firing import Exemplar, Firing, Outcome
from rtmd.model.inputs import AckSet, ReactionsLoaded, RulesLoaded, SilenceExpired, SilenceSet, WallClock
from rtmd.model.labels import METRIC_NAME, Labels, labels_of
from rtmd.model.rule import RuleSet
from rtmd.pipeline import Input, Pipeline, Samples
from rtmd.pipeline.silence_views import silence_views
from rtmd.pipeline.views import firing_view
from rtmd.rulefile.load import load_rules
from rtmd.wire.silences import SilenceView

START = 1_750_003_200_000  # a full hour
_SERIES = re.compile(r"^([^{]+)(?:\{(.*)\})?$")
_PAIR = re.compile(r'(\w+)="([^"]*)"')
_Effect = TypeVar("_Effect", bound=Effect)


def rule_set(text: str) -> RuleSet:
    """The rules of one file; every problem fails the test."""
    loaded = load_rules({"rules/test.toml": text.encode()})
    assert not loaded.problems, "\n".join(map(str, loaded.problems))
    return loaded.rules


def series_labels(text: str) -> Labels:
    """`m{a="1"}` as a label set."""
    found = _SERIES.match(text)
    assert found, text
    return labels_of({METRIC_NAME: found[1], **dict(_PAIR.findall(found[2] or ""))})


class Score:
    """Drives a pipeline; `second` is where it stands."""

    def __init__(self, rules: str, reactions: ReactionsLoaded | None = None, series: SeriesTable | None = None) -> None:
        self.series = SeriesTable() if series is None else series
        self.pipeline = Pipeline(self.series, START)
        self.effects: list[tuple[float, Effect]] = []
        self.second = 0.0
        self.send(0, WallClock(0), reactions or ReactionsLoaded(frozenset({"log"})), RulesLoaded(rule_set(rules)))

    def send(self, second: float, *inputs: Input) -> list[Effect]:
        """These inputs at that second."""
        step = self.pipeline.step(inputs, START + round(second * 1000))
        self.second = second
        self.effects += [(second, effect) for effect in step.effects]
        return list(step.effects)

    def batch(
        self, samples: Sequence[tuple[str, float]], second: float, exemplar: Exemplar | None = None
    ) -> SampleBatch:
        """Samples of one post, all at that second."""
        ids = np.array([self.series.intern(series_labels(text)) for text, _ in samples], np.int64)
        time = START + round(second * 1000)
        exemplars = (PlacedExemplar(int(ids[0]), time, exemplar),) if exemplar else ()
        return SampleBatch(
            ids, np.full(len(ids), time, np.int64), np.array([value for _, value in samples], np.float64), exemplars
        )

    def push(self, second: float, series: str, value: float, exemplar: Exemplar | None = None) -> list[Effect]:
        """One sample of one series, arriving when it was taken."""
        return self.send(second, Samples("test", self.batch([(series, value)], second, exemplar)))

    def push_all(self, second: float, samples: Sequence[tuple[str, float]]) -> list[Effect]:
        """One sample of several series each, in one post."""
        return self.send(second, Samples("test", self.batch(samples, second)))

    def feed(self, series: str, values: Iterable[float], *, every: float = 1.0, start: float | None = None) -> None:
        """One sample after the other, `every` seconds, from now (or `start`) on; slightly off the grid."""
        at = self.second if start is None else start
        for number, value in enumerate(values):
            self.push(at + number * every + 0.1, series, value)

    def run(self, second: float) -> list[Effect]:
        """Let time pass."""
        return self.send(second)

    def reload(self, second: float, rules: str) -> list[Effect]:
        """These rules take the place of the present ones."""
        return self.send(second, RulesLoaded(rule_set(rules)))

    def flags(self) -> list[str]:
        """What the screen is told about the only firing."""
        return firing_view(self.pipeline, self.firing, START + round(self.second * 1000)).flags

    def silence(self, second: float, matchers: str, length: float, by: str = "ana", **more: Any) -> Answered:
        """Somebody silences; gives the answer."""
        start = START + round(second * 1000)
        wanted = SilenceSet(1, by, parse_matchers(matchers), 0, start + round(length * 1000), **more)
        return self._answer(self.send(second, wanted))

    def expire(self, second: float, silence: str, by: str = "ana", version: int = 0) -> Answered:
        """Somebody ends a silence."""
        return self._answer(self.send(second, SilenceExpired(1, by, silence, version)))

    def look(self, silence: str) -> SilenceView:
        """A silence as people see it now."""
        views = silence_views(self.pipeline, START + round(self.second * 1000))
        return next(view for view in views if view.id == silence)

    def ack(self, second: float, firing: str, by: str = "ana", version: int = 0) -> Answered:
        """Somebody takes a firing."""
        return self._answer(self.send(second, AckSet(1, by, firing, version)))

    @property
    def told(self) -> list[tuple[float, str, str, str]]:
        """Messages: (second, receiver, what, rule)."""
        return [
            ((message.at - START) / 1000, message.receiver, str(alert.told), alert.firing.rule)
            for message in (effect.notification for effect in self.of(Notify))
            for alert in message.alerts
        ]

    @property
    def runs(self) -> list[tuple[float, str, bool]]:
        """Actions run: (second, action, undo)."""
        return [((effect.run.at - START) / 1000, effect.run.action, effect.undo) for effect in self.of(RunAction)]

    @property
    def firings(self) -> list[Firing]:
        """All firings, oldest first."""
        return sorted(self.pipeline.firings(), key=lambda firing: firing.fired_at)

    @property
    def firing(self) -> Firing:
        """The only firing."""
        (firing,) = self.firings
        return firing

    @property
    def outcomes(self) -> list[tuple[float, str, Outcome]]:
        """Judged stages: (second, stage, outcome), as journalled."""
        lines = [effect for effect in self.of(Journaled) if effect.kind == "outcome"]
        return [((line.at - START) / 1000, line.detail["stage"], Outcome(line.detail["reason"])) for line in lines]

    def of(self, kind: type[_Effect]) -> list[_Effect]:
        """All effects of one kind so far."""
        return [effect for _, effect in self.effects if isinstance(effect, kind)]

    @staticmethod
    def _answer(effects: Iterable[Effect]) -> Answered:
        (answer,) = (effect for effect in effects if isinstance(effect, Answered))
        return answer
