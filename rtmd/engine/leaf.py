"""Where plans meet samples: selectors, and the leaves that read the windows of what they selected."""

# ruff: noqa: D102  # what the methods of a node promise stands once, in Node

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rtmd.engine.functions import RangeFunction
from rtmd.engine.growing import Growing
from rtmd.engine.nodes import Node, distinct, nameless
from rtmd.engine.presence import MISSING, PRESENT, UNFED, Column, column
from rtmd.engine.raw import LOOKBACK, RawLeaf
from rtmd.engine.window import Window
from rtmd.formats.batch import Ids, SeriesTable
from rtmd.matching import compile_matchers
from rtmd.model.expr import Selector
from rtmd.model.labels import METRIC_NAME, Labels
from rtmd.model.matcher import MatchOp


class Selection:
    """The series that a selector has matched so far, in rising order of id.

    `name` is the one metric it can match, or "" when its matchers do not say; `matches` decides about the other labels
    of a series of that name. Raises MatcherError.
    """

    def __init__(self, table: SeriesTable, selector: Selector) -> None:
        named = [each for each in selector.matchers if each.name == METRIC_NAME and each.op is MatchOp.EQUAL]
        self.table = table
        self.selector = selector
        self.name = named[0].value if named else ""
        others = tuple(each for each in selector.matchers if not self.name or each is not named[0])
        self.matches = compile_matchers(others)
        self.leaves: list[Leaf] = []
        self._series = Growing()

    def __repr__(self) -> str:
        return f"<Selection {self.name or '*'}: {len(self)} series, {len(self.leaves)} leaves>"

    def __len__(self) -> int:
        return len(self._series)

    @property
    def series(self) -> Ids:
        """Series by row."""
        return self._series.view

    @property
    def retention(self) -> int:
        """The longest window of its leaves."""
        return max((leaf.window for leaf in self.leaves), default=0)

    def add(self, series: int) -> None:
        """One more, with a higher id than all before."""
        self._series.append(series)

    def find(self, series: Ids) -> Ids:
        """The rows of those of these series that were matched, sorted."""
        mine = self.series
        rows = np.searchsorted(mine, series)
        inside = rows < len(mine)
        rows = rows[inside]
        return distinct(rows[mine[rows] == series[inside]])


class Leaf(Node):
    """One row a series: its newest value, or a function over its window of `window` ms."""

    def __init__(self, selection: Selection, raw: RawLeaf, function: RangeFunction | None, window: int) -> None:
        super().__init__()
        self.selection = selection
        self.window = window
        self.name_varies = not selection.name and (function is None or function.keeps_name)
        self._raw = raw
        self._function = function
        self._reach = max(window, LOOKBACK)
        self._remembered: tuple[tuple[int, int, int], Column] | None = None

    @property
    def size(self) -> int:
        return len(self.selection)

    def labels(self, row: int) -> Labels:
        labels = self.selection.table.labels(int(self.selection.series[row]))
        return labels if self._function is None or self._function.keeps_name else nameless(labels)

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        if rows is not None:
            return self._compute(self.selection.series[rows], at)
        if len(self.parents) < 2:
            return self._compute(self.selection.series, at)
        moment = (at, self._raw.version, self.size)
        if self._remembered is None or self._remembered[0] != moment:
            self._remembered = (moment, self._compute(self.selection.series, at))
        return self._remembered[1]

    def touched(self, series: Ids) -> Ids:
        return self.selection.find(series)

    def feeding(self, rows: Ids) -> Ids:
        return distinct(self.selection.series[rows])

    def _compute(self, series: Ids, at: int) -> Column:
        if self._function is None:
            values, alive = self._raw.latest(series, at, self._reach)
            return column(values, np.where(alive, PRESENT, UNFED))
        values = np.full(len(series), np.nan)
        presence = np.zeros(len(series), np.uint8)  # UNFED
        for place, window in self._windows(series, at):
            enough = window.counts >= self._function.least
            if enough.all():
                values[place], presence[place] = self._function.compute(window), PRESENT
            elif enough.any():
                rich = place[enough]
                values[rich], presence[rich] = self._function.compute(window.rows(enough)), PRESENT
        poor = presence == UNFED
        if poor.any():
            _, alive = self._raw.latest(series[poor], at, self._reach)
            presence[poor] = np.where(alive, MISSING, UNFED)
        return Column(values, presence)

    def _windows(self, series: Ids, at: int) -> Iterator[tuple[Ids, Window]]:
        """The windows and the rows they belong to: first those with stale markers, freed of them."""
        window = self._raw.window(series, at, self.window)
        marked = self._raw.marked(series, at - self.window)
        if not marked.any():
            yield np.arange(len(series)), window
            return
        yield np.flatnonzero(marked), window.rows(marked).unmarked()
        yield np.flatnonzero(~marked), window.rows(~marked)
