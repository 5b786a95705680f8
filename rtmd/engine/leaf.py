"""Where plans meet samples: selectors, and the leaves that read the windows of what they selected."""

# ruff: noqa: D102  # what the methods of a node promise stands once, in Node

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from rtmd.engine.growing import Growing
from rtmd.engine.moment import Moment
from rtmd.engine.nodes import Left, Node, beside, distinct, nameless
from rtmd.engine.presence import MISSING, PRESENT, UNFED, Column, column
from rtmd.engine.ranges import RangeFunction
from rtmd.engine.raw import NEVER, RawLeaf
from rtmd.engine.window import Window
from rtmd.formats.batch import Ids, SeriesTable, Times
from rtmd.matching import compile_matchers
from rtmd.model.expr import HERE, LOOKBACK, Shift
from rtmd.model.labels import METRIC_NAME, Labels
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.reach import Read
from rtmd.model.replace import replace
from rtmd.model.tiers import Tier


class Selection:
    """The series that matchers have matched so far, in rising order of id.

    `name` is the one metric they can match, or "" when they do not say; `matches` decides about the other labels
    of a series of that name. `reads` says for how long plans need the samples. Raises MatcherError.
    """

    def __init__(self, table: SeriesTable, matchers: tuple[Matcher, ...]) -> None:
        named = [each for each in matchers if each.name == METRIC_NAME and each.op is MatchOp.EQUAL]
        self.table = table
        self.matchers = matchers
        self.name = named[0].value if named else ""
        others = tuple(each for each in matchers if not self.name or each is not named[0])
        self.matches = compile_matchers(others)
        self.leaves: list[Leaf] = []
        self.reads: list[Read] = []
        self.left = np.empty(0, np.int64)  # the rows that the last `renumber` left
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
    def since(self) -> int | None:
        """The time from which on they are needed whatever their age, if there is one."""
        return min((read.since for read in self.reads if read.since is not None), default=None)

    def add(self, series: int) -> None:
        """One more, with a higher id than all before."""
        self._series.append(series)

    def renumber(self, new: Ids) -> None:
        """Ids were freed (`new` by old one, negative: freed)."""
        series = new[self.series]
        self.left = np.flatnonzero(series >= 0)
        self._series = Growing(series[self.left])

    def find(self, series: Ids) -> Ids:
        """The rows of those of these series that were matched, sorted."""
        mine = self.series
        rows = np.searchsorted(mine, series)
        inside = rows < len(mine)
        rows = rows[inside]
        return distinct(rows[mine[rows] == series[inside]])


class Look(Struct, frozen=True):
    """What a leaf reads of each series: its newest value (or, with `stamps`, that one's time), or a window.

    With `tier` the window is kept as buckets.
    """

    shift: Shift = HERE
    function: RangeFunction | None = None
    window: int = 0
    stamps: bool = False
    tier: Tier | None = None

    @property
    def keeps_name(self) -> bool:
        """Whether the result is still called like the metric."""
        return self.function.keeps_name if self.function else not self.stamps


class Leaf(Node):
    """One row a series."""

    def __init__(
        self, selection: Selection, raw: RawLeaf, moment: Moment, look: Look, parameters: tuple[Node, ...] = ()
    ) -> None:
        super().__init__(*parameters)
        self.selection = selection
        self.name_varies = not selection.name and look.keeps_name
        self.look = look
        self._raw = raw
        self._moment = moment
        self._parameters = parameters
        self._reach = max(look.window, LOOKBACK)
        self._remembered: tuple[tuple[int, ...], Column] | None = None

    @property
    def size(self) -> int:
        return len(self.selection)

    def labels(self, row: int) -> Labels:
        labels = self.selection.table.labels(int(self.selection.series[row]))
        return labels if self.look.keeps_name else nameless(labels)

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        if rows is not None:
            return self.compute(self.selection.series[rows], at)
        now = self.instant(at)
        if self._remembered is None or self._remembered[0] != now:
            together = self._moment.together.get(self.look)
            column = together.part(self, now) if together else None
            self._remembered = now, column or self.compute(self.selection.series, at)
        return self._remembered[1]

    def instant(self, at: int) -> tuple[int, ...]:
        """What a result at `at` holds for: until a sample or a row is added."""
        return (at, self._moment.start, self._moment.end, self._raw.version, self._moment.grown)

    def grow(self) -> None:
        self._moment.grown += 1

    def shrink(self, left: Left) -> Ids:
        del left
        self._remembered = None
        return self.selection.left

    def touched(self, series: Ids) -> Ids:
        if any(len(parameter.touched(series)) for parameter in self._parameters):
            return np.arange(self.size)
        return self.selection.find(series)

    def feeding(self, rows: Ids) -> Ids:
        return distinct(self.selection.series[rows])

    def known_since(self, series: Ids) -> Times:
        """Since when all samples of each series are known; NEVER: from its first one, or it is not read here."""
        mine = np.isin(series, self.selection.series)
        return np.where(mine, self._raw.since[series], NEVER)

    def compute(self, series: Ids, at: int) -> Column:
        """The look of this leaf at any series."""
        look = self.look
        seen = self._moment.seen(look.shift, at)
        if look.function is None:
            values, alive = self._raw.latest(series, seen, self._reach)
            if look.stamps:
                values = self._raw.stamps(series, seen) / 1000
            return column(values, np.where(alive, PRESENT, UNFED))
        parameters = [parameter.evaluate(at) for parameter in self._parameters]
        result = self._over_windows(series, seen, at - seen, [float(each.values[0]) for each in parameters])
        for parameter in parameters:
            result = column(result.values, beside(result.presence, parameter))
        return result

    def _over_windows(self, series: Ids, seen: int, moved: int, numbers: list[float]) -> Column:
        function = self.look.function
        assert function is not None  # noqa: S101  # its caller asks
        values = np.full(len(series), np.nan)
        presence = np.zeros(len(series), np.uint8)  # UNFED
        for place, window in self._windows(series, seen, moved):
            enough = window.counts >= function.least
            if enough.all():
                if len(place):
                    values[place], presence[place] = function.compute(window, *numbers), PRESENT
            elif enough.any():
                rich = place[enough]
                values[rich], presence[rich] = function.compute(window.rows(enough), *numbers), PRESENT
        poor = presence == UNFED
        if poor.any():
            _, alive = self._raw.latest(series[poor], seen, self._reach)
            presence[poor] = np.where(alive, MISSING, UNFED)
        return Column(values, presence)

    def _windows(self, series: Ids, seen: int, moved: int) -> Iterator[tuple[Ids, Window]]:
        """The windows and the rows they belong to: first those with stale markers, freed of them."""
        window = self._raw.window(series, seen, self.look.window)
        if moved:
            window = replace(window, moved=moved)
        marked = self._raw.marked(series, seen - self.look.window)
        if not marked.any():
            yield np.arange(len(series)), window
            return
        yield np.flatnonzero(marked), window.rows(marked).unmarked()
        yield np.flatnonzero(~marked), window.rows(~marked)


def leaves_below(node: Node) -> Iterator[Leaf]:
    """All leaves from here down."""
    if isinstance(node, Leaf):
        yield node
    for child in node.children:
        yield from leaves_below(child)
