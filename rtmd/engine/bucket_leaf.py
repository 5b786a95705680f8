"""The bucket leaf: long windows read from buckets and the samples of the last minute or so.

It gives what the raw leaf would, at multiples of the width. Whether a row without a result is alive is seen from the
same window (or the lookback, where that is longer): it had a sample, and the newest was no stale marker.
"""

# ruff: noqa: D102  # what the methods of a node promise stands once, in Node

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from rtmd.engine.archive import Archive
from rtmd.engine.leaf import Leaf, Look, Selection
from rtmd.engine.moment import Moment
from rtmd.engine.parts import Parts
from rtmd.engine.presence import MISSING, PRESENT, UNFED, Column, column
from rtmd.engine.ranges import RANGE_FUNCTIONS, Ends, RangeFunction, extrapolated
from rtmd.engine.raw import RawLeaf
from rtmd.formats.batch import Ids, Times, Values
from rtmd.model.expr import LOOKBACK
from rtmd.model.replace import replace
from rtmd.model.tiers import Tier


class BucketLeaf(Leaf):
    """One row a series; its look has a tier."""

    def __init__(
        self, selection: Selection, raw: RawLeaf, moment: Moment, look: Look, *, archive: Archive, tier: Tier
    ) -> None:
        super().__init__(selection, raw, moment, look)
        self.tier = tier
        self._archive = archive

    def known_since(self, series: Ids) -> Times:
        return self._archive.of(self.tier).since(series)

    def _over_windows(self, series: Ids, seen: int, moved: int, numbers: list[float]) -> Column:
        del numbers  # none of these functions has any
        look, buckets = self.look, self._archive.of(self.tier)
        assert look.function is not None  # noqa: S101  # only ranges have tiers
        self._archive.seal(seen + moved)
        parts = buckets.over(series, seen, look.window)
        enough = parts["count"] >= look.function.least
        if enough.all():
            return Column(look.function.compute(parts, look.window), np.full(len(series), PRESENT))
        values = look.function.compute(parts, look.window)
        presence = np.where(enough, PRESENT, UNFED)
        poor = np.flatnonzero(~enough)
        if "ended" in parts:  # without, one sample is enough, and no sample in the window means none at all
            wider = buckets.over(series[poor], seen, LOOKBACK) if look.window < LOOKBACK else _rows(parts, poor)
            presence[poor] = np.where((wider["count"] > 0) & ~wider["ended"], MISSING, UNFED)
        return column(values, presence)


def _rows(parts: Parts, rows: Ids) -> Parts:
    return {field: column[rows] for field, column in parts.items()}


def _total(parts: Parts) -> Values:
    total: Values = parts["sum"] + parts["low"] if "low" in parts else parts["sum"]
    return total


def _grown(parts: Parts, length: int, *, counter: bool, per: float = 1.0) -> Values:
    grown = parts["last"] - parts["first"]
    if counter:
        grown = grown + parts["lost"]
    ends = Ends(parts["count"], parts["first"], parts["first_time"], parts["last_time"])
    return extrapolated(grown, ends, length, counter=counter, per=per)


Computed: TypeAlias = Callable[[Parts, int], Values]


def _field(field: str) -> Computed:
    return lambda parts, _length: parts[field].astype(np.float64)


_COMPUTED: Mapping[str, Computed] = {
    "count_over_time": _field("count"),
    "present_over_time": lambda parts, _length: np.ones(len(parts["count"])),
    "sum_over_time": lambda parts, _length: _total(parts),
    "avg_over_time": lambda parts, _length: _total(parts) / parts["count"],
    "min_over_time": _field("min"),
    "max_over_time": _field("max"),
    "stdvar_over_time": lambda parts, _length: parts["spread"] / parts["count"],
    "stddev_over_time": lambda parts, _length: np.sqrt(parts["spread"] / parts["count"]),
    "last_over_time": _field("last"),
    "delta": lambda parts, length: _grown(parts, length, counter=False),
    "increase": lambda parts, length: _grown(parts, length, counter=True),
    "rate": lambda parts, length: _grown(parts, length, counter=True, per=length / 1000),
    "changes": _field("changes"),
    "resets": _field("resets"),
}
# What RANGE_FUNCTIONS are of windows, these are of parts and the length of the window.
BUCKET_FUNCTIONS: Mapping[str, RangeFunction] = {
    name: replace(RANGE_FUNCTIONS[name], compute=compute) for name, compute in _COMPUTED.items()
}
