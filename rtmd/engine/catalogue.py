"""Which selectors read a series, and which series a selector reads, without trying all of them.

Ten thousand rules over ten thousand series are a hundred million pairs. So every selector is filed under one of the
labels that it demands by an equality, the one under which the fewest are filed: a new series asks only those that are
filed under its labels, and those that demand none. In turn, series are filed under the values of each label that a
selector has demanded so far, so that a new selector tries those of its rarest label only.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from rtmd.engine.leaf import Selection
from rtmd.formats.batch import Ids, SeriesTable
from rtmd.model.labels import METRIC_NAME, Labels, Pair, get
from rtmd.model.matcher import Matcher, MatchOp


class Catalogue:
    """All selections, by their matchers; those of them that nobody reads any more are dropped."""

    def __init__(self, table: SeriesTable) -> None:
        self.selections: dict[tuple[Matcher, ...], Selection] = {}
        self._table = table
        self._filed: dict[Pair | None, dict[Selection, None]] = {}  # None: demands no label
        self._series: dict[str, dict[str, array[int]]] = {}  # by label name, then value; rising
        self._bound = 0

    def __repr__(self) -> str:
        return f"<Catalogue {len(self.selections)} selectors, {self._bound} series>"

    def find(self, matchers: tuple[Matcher, ...]) -> Selection:
        """The selection of these matchers, with the series that are bound; raises MatcherError."""
        known = self.selections.get(matchers)
        if known is not None:
            return known
        selection = self.selections[matchers] = Selection(self._table, matchers)
        pairs = _demanded(matchers)
        candidates: Sequence[int] = min((self._with(pair) for pair in pairs), key=len) if pairs else range(self._bound)
        for series in candidates:
            if _reads(selection, self._table.labels(series)):
                selection.add(series)
        place = min(pairs, key=lambda pair: len(self._filed.get(pair, ())), default=None)
        self._filed.setdefault(place, {})[selection] = None
        return selection

    def drop(self, selection: Selection) -> None:
        """Nobody reads it any more."""
        del self.selections[selection.matchers]
        for pair in (None, *_demanded(selection.matchers)):
            filed = self._filed.get(pair, {})
            if selection in filed:
                del filed[selection]
                if not filed:
                    del self._filed[pair]

    def bind(self) -> list[Selection]:
        """Give the series that are new in the table to the selections that match them; gives those that grew."""
        grown: dict[Selection, None] = {}
        for series, labels in self._table.since(self._bound):
            for name, by_value in self._series.items():
                _file(by_value, get(labels, name), series)
            for pair in (None, *labels):
                for selection in self._filed.get(pair, ()):
                    if _reads(selection, labels):
                        selection.add(series)
                        grown[selection] = None
        self._bound = len(self._table)
        return list(grown)

    def renumber(self, new: Ids) -> None:
        """The table has freed ids (`new` by old one, negative: freed); series are filed anew when somebody asks."""
        for selection in self.selections.values():
            selection.renumber(new)
        self._series.clear()
        self._bound = len(self._table)

    def _with(self, pair: Pair) -> array[int]:
        """The bound series with this label."""
        name, value = pair
        by_value = self._series.get(name)
        if by_value is None:
            by_value = self._series[name] = {}
            for series in range(self._bound):
                _file(by_value, get(self._table.labels(series), name), series)
        return by_value.get(value) or array("q")


def _demanded(matchers: tuple[Matcher, ...]) -> list[Pair]:
    """The labels that a series must have; the metric's name is the last choice."""
    pairs = [(each.name, each.value) for each in matchers if each.op is MatchOp.EQUAL and each.value]
    return sorted(pairs, key=lambda pair: pair[0] == METRIC_NAME)


def _reads(selection: Selection, labels: Labels) -> bool:
    return selection.name in ("", get(labels, METRIC_NAME)) and selection.matches(labels)


def _file(by_value: dict[str, array[int]], value: str, series: int) -> None:
    if value:
        filed = by_value.get(value)
        if filed is None:
            filed = by_value[value] = array("q")
        filed.append(series)
