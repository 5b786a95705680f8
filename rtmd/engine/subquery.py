"""Functions over subqueries: the results of a plan at the multiples of its step, as a range.

The plan below is evaluated at every step of the range, each time from the samples themselves: a full evaluation costs
range / step evaluations of the plan below, of all its rows (or of some: those rows only), and for that time 9 bytes
for each row and step. Nothing is kept in between, so late samples count at once.

What a row of the range has to say: PRESENT with as many results as the function needs; MISSING with fewer; without any
the most that a step says (a condition that was false throughout is FILTERED). Where no step falls into the range, or
all of them are UNFED, it is MISSING while the row below is fed now, else UNFED.
"""

# ruff: noqa: D102  # what the methods of a node promise stands once, in Node

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.moment import Moment
from rtmd.engine.nodes import Node, RowByRow, beside
from rtmd.engine.presence import MISSING, PRESENT, UNFED, Column, column
from rtmd.engine.ranges import RangeFunction
from rtmd.engine.window import Window
from rtmd.formats.batch import Ids, Values
from rtmd.model.expr import Subquery


class Stepped(RowByRow):
    """A function over the results of the plan below."""

    def __init__(
        self,
        child: Node,
        subquery: Subquery,
        function: RangeFunction,
        *,
        moment: Moment,
        parameters: tuple[Node, ...] = (),
    ) -> None:
        super().__init__(child, parameters, keeps_name=function.keeps_name)
        self._subquery = subquery
        self._function = function
        self._moment = moment
        self._problems: set[str] = set()

    def steps(self, at: int) -> range:
        """The instants of the range, aligned to the epoch."""
        seen, step = self._moment.seen(self._subquery.shift, at), self._subquery.step
        return range(((seen - self._subquery.window) // step + 1) * step, seen + 1, step)

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        seen = self._moment.seen(self._subquery.shift, at)
        columns = []
        self._problems.clear()
        for instant in self.steps(at):
            columns.append(self._child.evaluate(instant, rows))
            if rows is None:
                self._problems.update(self._child.problems())
        now = self._child.evaluate(seen, rows)
        parameters = [parameter.evaluate(at) for parameter in self._parameters]
        result = self._over(columns, now, at, [float(parameter.values[0]) for parameter in parameters])
        for parameter in parameters:
            result = column(result.values, beside(result.presence, parameter))
        return result

    def _over(self, columns: list[Column], now: Column, at: int, numbers: list[float]) -> Column:
        size = len(now)
        values, fed = np.full(size, np.nan), np.where(now.presence == UNFED, UNFED, MISSING)
        if not columns or not size:
            return Column(values, fed)
        levels = np.stack([each.presence for each in columns], axis=1)
        window = self._window(np.stack([each.values for each in columns], axis=1), levels == PRESENT, at)
        counts = window.counts
        enough = counts >= self._function.least
        if enough.any():
            values[enough] = self._function.compute(window.rows(enough), *numbers)
        highest = levels.max(axis=1)
        empty = np.where(highest == UNFED, fed, highest)
        return Column(values, np.where(enough, PRESENT, np.where(counts > 0, MISSING, empty)))

    def _window(self, values: Values, there: NDArray[np.bool_], at: int) -> Window:
        """The results that are there as samples, row by row."""
        steps, seen, length = self.steps(at), self._moment.seen(self._subquery.shift, at), self._subquery.window
        flat, high = values[there], np.cumsum(there.sum(axis=1))
        times = np.broadcast_to(np.array(steps, np.int64) - (seen - length), there.shape)[there]
        negative: NDArray[np.bool_] = np.logical_or.reduce((values < 0) & there, axis=1)
        low = np.concatenate(([0], high[:-1]))
        falling = np.ones(len(low), np.bool_)
        return Window(
            times, flat, low, high, start=0, length=length, falling=falling, negative=negative, moved=at - seen
        )

    def reveal(self, at: int) -> None:
        for instant in self.steps(at):
            self._child.reveal(instant)
        for parameter in self._parameters:
            parameter.reveal(at)

    def problems(self) -> Iterator[str]:
        yield from self._problems
        for parameter in self._parameters:
            yield from parameter.problems()
