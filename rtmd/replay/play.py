"""The pipeline played on virtual time: timed inputs in, everything that happened out.

`Play` is to a replay what the shell is to the daemon: it calls `Pipeline.step` at the time of each input and whenever
the pipeline wants to be called, and feeds back what a *performer* makes of the effects. No time passes but that of
inputs, results and deadlines. Demo, rule tests and backtests differ in their inputs and performers only.

Everything that falls on one instant enters in one step: first results, in the order in which they were asked for, then
inputs, in the order given. An input with a time that has passed enters at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct

from rtmd.model.effects import Effect, Notify, RunAction
from rtmd.model.inputs import ActionDone, DeliveryDone
from rtmd.model.reaction import RunState
from rtmd.pipeline import Input, Pipeline

Timed: TypeAlias = tuple[int, Input]  # engine time, ms
# What comes of an effect of the step at that engine time: inputs, each with the time at which it arrives.
Perform: TypeAlias = Callable[[Effect, int], Iterable[Timed]]

_PROGRAM = 200  # ms that a program is thought to take
_DELIVERY = 50  # ms until a receiver has confirmed


class Happened(Struct, frozen=True):
    """The effects of one step, in order."""

    at: int
    effects: tuple[Effect, ...]


def succeed(effect: Effect, at: int) -> Iterator[Timed]:
    """The performer for whom everything works: programs run and are undone, receivers take what they are told."""
    match effect:
        case RunAction(run, undo):
            yield at + _PROGRAM, ActionDone(run.id, RunState.UNDONE if undo else RunState.DONE)
        case Notify(told):
            yield at + _DELIVERY, DeliveryDone(told.key, told.receiver, told.firing_ids)
        case _:
            pass


class Play:
    """One play of `inputs` (by rising time) on a pipeline that nobody else steps."""

    def __init__(self, pipeline: Pipeline, inputs: Iterable[Timed], perform: Perform = succeed) -> None:
        self.pipeline = pipeline
        self.at = pipeline.engine.evaluated_at
        self._inputs = iter(inputs)
        self._upcoming = next(self._inputs, None)
        self._perform = perform
        self._results: list[tuple[int, int, Input]] = []
        self._asked = 0
        self._due = self.at

    def __repr__(self) -> str:
        return f"<Play at {self.at}, {len(self._results)} results to come>"

    def until(self, at: int) -> Iterator[Happened]:
        """Play on up to and including engine time `at`; yields the steps that had effects."""
        while (due := self._next()) <= at:
            yield from self._step(max(due, self.at))
        if self.at < at:
            yield from self._step(at)

    def give(self, given: Input) -> None:
        """One input more, that was not known before: it enters when playing goes on, at the time it stands at."""
        self._asked += 1
        heapq.heappush(self._results, (self.at, self._asked, given))

    def _next(self) -> int:
        due = self._due
        if self._results:
            due = min(due, self._results[0][0])
        return due if self._upcoming is None else min(due, self._upcoming[0])

    def _step(self, at: int) -> Iterator[Happened]:
        step = self.pipeline.step([*self._results_until(at), *self._inputs_until(at)], at)
        self.at, self._due = at, step.next_due
        for effect in step.effects:
            for arrives, result in self._perform(effect, at):
                self._asked += 1
                heapq.heappush(self._results, (arrives, self._asked, result))
        if step.effects:
            yield Happened(at, step.effects)

    def _results_until(self, at: int) -> Iterator[Input]:
        while self._results and self._results[0][0] <= at:
            yield heapq.heappop(self._results)[2]

    def _inputs_until(self, at: int) -> Iterator[Input]:
        while self._upcoming is not None and self._upcoming[0] <= at:
            yield self._upcoming[1]
            self._upcoming = next(self._inputs, None)
