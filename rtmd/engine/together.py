"""Plans read together: many small ones cost what one large one costs.

A hundred rules `avg_over_time(m{group="…"}[1m]) > …` are a hundred plans over the same kind of window. Before a grid
point is judged, their leaves are computed in one go for all their series, one pass for each kind of look; each leaf
finds its part when its plan asks for it. What most stages want to know is less than that: how far the values of their
plan reach (`Extent`), since a stage without a row beyond its threshold is idle, and stays it. For plans that are
nothing but a leaf one more pass gives that for all of them; the others are asked one by one.

On arrival of samples the same is asked of the rows that they touch alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rtmd.engine.leaf import Leaf, leaves_below
from rtmd.engine.moment import Moment
from rtmd.engine.nodes import Node, distinct
from rtmd.engine.plan import Plan
from rtmd.engine.presence import PRESENT, Column
from rtmd.engine.window import spread
from rtmd.formats.batch import Ids, Values


class Extent(Struct, frozen=True):
    """How far the values of plans reach, one place a plan: NaN where there is none; `present`: any row is."""

    lowest: Values
    highest: Values
    present: NDArray[np.bool_]

    @classmethod
    def none(cls, plans: int) -> Extent:
        """Of so many plans without a value."""
        return cls(np.full(plans, np.nan), np.full(plans, np.nan), np.zeros(plans, np.bool_))

    def note(self, place: int, column: Column) -> None:
        """What one plan gave."""
        self.lowest[place] = np.fmin.reduce(column.values, initial=np.nan)
        self.highest[place] = np.fmax.reduce(column.values, initial=np.nan)
        self.present[place] = (column.presence == PRESENT).any()

    def note_pieces(self, places: Ids, starts: Ids, column: Column) -> None:
        """What several plans gave, one after the other, each at least one row."""
        self.lowest[places] = np.fmin.reduceat(column.values, starts)
        self.highest[places] = np.fmax.reduceat(column.values, starts)
        self.present[places] = np.maximum.reduceat(column.presence, starts) == PRESENT


class Together:
    """Plans that are asked about the same instants; places in an `Extent` are theirs in the given order."""

    def __init__(self, plans: Sequence[Plan], moment: Moment) -> None:
        self._plans = plans
        self._moment = moment
        places = {plan.root: place for place, plan in enumerate(plans)}
        looks: dict[int, dict[Leaf, None]] = {}  # equal looks are one
        for leaf in chain.from_iterable(plan.leaves for plan in plans):
            looks.setdefault(id(leaf.look), {})[leaf] = None
        groups = [_Group(list(leaves), places, moment) for leaves in looks.values()]
        self._groups = {group.look: group for group in groups}
        self._alone = [place for place, plan in enumerate(plans) if not plan.is_leaf]
        self._readers = _Readers([plans[place] for place in self._alone], moment)

    def __repr__(self) -> str:
        return f"<Together {len(self._plans)} plans, {len(self._groups)} kinds of leaves>"

    def read(self, at: int) -> Extent:
        """All rows of all plans at `at`."""
        extent = Extent.none(len(self._plans))
        self._moment.be(at, at)
        with np.errstate(all="ignore"):
            for group in self._groups.values():
                group.read(at, extent)
        self._moment.together.update(self._groups)
        for place in self._alone:
            extent.note(place, self._plans[place].evaluate(at))
        return extent

    def read_touched(self, series: Ids, at: int) -> Extent:
        """The rows that these series feed at `at`."""
        extent = Extent.none(len(self._plans))
        self._moment.be(at, at)
        with np.errstate(all="ignore"):
            for group in self._groups.values():
                group.read_touched(series, at, extent)
        for reader in self._readers.of(series):
            place = self._alone[reader]
            plan = self._plans[place]
            rows = plan.touched(series)
            if len(rows):
                extent.note(place, plan.evaluate(at, rows))
        return extent


class _Group:
    """Leaves with the same look; those that are plans come first, each at its place."""

    def __init__(self, leaves: list[Leaf], places: dict[Node, int], moment: Moment) -> None:
        self.look = leaves[0].look
        plans = [leaf for leaf in leaves if leaf in places]
        self._leaves = [*plans, *(leaf for leaf in leaves if leaf not in places)]
        self._places = np.array([places[leaf] for leaf in plans], np.int64)
        self._number = {leaf: number for number, leaf in enumerate(self._leaves)}
        self._moment = moment
        self._grown = -1
        self._column = Column(np.empty(0), np.empty(0, np.uint8))
        self._instant: tuple[int, ...] = ()
        self._holders: _Holders | None = None  # found when somebody asks on arrival: few do

    def read(self, at: int, extent: Extent) -> None:
        """Compute all leaves, and note how far those that are plans reach."""
        self._collect()
        column = self._leaves[0].compute(self._series, at)
        self._column = column if self._shared is None else column.take(self._shared)
        self._instant = self._leaves[0].instant(at)
        known = self._starts[self._filled]
        if len(known):
            end = self._starts[len(self._places)]
            plans = Column(self._column.values[:end], self._column.presence[:end])
            extent.note_pieces(self._places[self._filled], known, plans)

    def read_touched(self, series: Ids, at: int, extent: Extent) -> None:
        """Compute the plans' rows of these series (distinct) only."""
        self._collect()
        if self._holders is None:
            sizes = np.diff(self._starts)
            self._holders = _Holders(self._every(), np.repeat(np.arange(len(sizes)), sizes))
        series = series[self._holders.has(series)]
        if not len(self._places) or not len(series):
            return
        leaves, which = self._holders.find(series)
        mine = leaves < len(self._places)
        leaves, which = leaves[mine], which[mine]
        if not len(leaves):
            return
        order = np.argsort(leaves, kind="stable")
        leaves = leaves[order]
        starts = np.flatnonzero(np.diff(leaves, prepend=-1))
        column = self._leaves[0].compute(series, at).take(which[order])
        extent.note_pieces(self._places[leaves[starts]], starts, column)

    def part(self, leaf: Leaf, instant: tuple[int, ...]) -> Column | None:
        """The column of one leaf, if it was read at that instant."""
        number = self._number.get(leaf)
        if number is None or instant != self._instant or self._grown != self._moment.grown:
            return None
        rows = slice(self._starts[number], self._starts[number + 1])
        return Column(self._column.values[rows], self._column.presence[rows])

    def _every(self) -> Ids:
        """The series of all leaves, one after the other."""
        return np.concatenate([leaf.selection.series for leaf in self._leaves])

    def _collect(self) -> None:
        if self._grown == self._moment.grown:
            return
        self._grown = self._moment.grown
        sizes = np.array([leaf.size for leaf in self._leaves])
        self._starts = np.concatenate(([0], np.cumsum(sizes)))
        self._filled = np.flatnonzero(sizes[: len(self._places)])
        series = self._every()
        self._holders = None
        self._series, shared = np.unique(series, return_inverse=True)
        in_order = len(self._series) == len(series) and bool((np.diff(shared) > 0).all())
        self._shared: Ids | None = None if in_order else shared


class _Holders:
    """Who holds a series: pairs (series, holder), found by series."""

    def __init__(self, series: Ids, holders: Ids) -> None:
        order = np.argsort(series, kind="stable")
        self._series, self._holders = series[order], holders[order]

    def has(self, series: Ids) -> NDArray[np.bool_]:
        """Which of these anybody holds."""
        low = np.searchsorted(self._series, series)
        found: NDArray[np.bool_] = np.searchsorted(self._series, series, "right") > low
        return found

    def find(self, series: Ids) -> tuple[Ids, Ids]:
        """The holders of these series, and beside each the place of its series."""
        low = np.searchsorted(self._series, series)
        counts = np.searchsorted(self._series, series, "right") - low
        return self._holders[spread(low, counts)], np.repeat(np.arange(len(series)), counts)


class _Readers:
    """Which plans read a series, at whatever depth."""

    def __init__(self, plans: Sequence[Plan], moment: Moment) -> None:
        self._selections = [list({leaf.selection for leaf in leaves_below(plan.root)}) for plan in plans]
        self._moment = moment
        self._grown = -1

    def of(self, series: Ids) -> list[int]:
        """The places of the plans that read any of these series."""
        if not self._selections:
            return []
        if self._grown != self._moment.grown:
            self._grown = self._moment.grown
            read = [
                np.concatenate([np.empty(0, np.int64), *(each.series for each in mine)]) for mine in self._selections
            ]
            sizes = [len(each) for each in read]
            self._holders = _Holders(np.concatenate(read), np.repeat(np.arange(len(sizes)), sizes))
        return [int(place) for place in distinct(self._holders.find(series)[0])]
