"""What buckets say of samples: a part for each row, and two parts that follow each other made one.

A part is a dict of parallel arrays, one for each field (`model.tiers`), with an entry a row. `count` 0 means that there
was no sample: everything else then means nothing, but for `ended`, which says that the newest sample was a stale
marker. Other fields never see markers. `low` is what a sum lost to rounding; it is there where values below zero may
make sums cancel.

    count; sum, low; min, max (NaN passed over); mean, spread (sum of squared deviations); first, last and their times;
    lost (what a counter had reached each time it fell), resets, changes; ended

`lost`, `resets` and `changes` count steps between neighbours inside a part; `join` adds the step between two parts.
Parts are joined one after the other in order of time, which fixes the rounding. Callers silence numpy's floating-point
warnings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.window import changed
from rtmd.formats.batch import Ids, Times, Values, is_stale

Parts: TypeAlias = dict[str, NDArray[Any]]

TYPES: Mapping[str, type[np.generic]] = {
    "count": np.int32,
    "first_time": np.int32,
    "last_time": np.int32,
    "changes": np.int32,
    "resets": np.int32,
    "ended": np.bool_,
}


def nothing(fields: Collection[str], rows: int) -> Parts:
    """Parts without samples."""
    return {field: np.zeros(rows, TYPES.get(field, np.float64)) for field in fields}


def summed(fields: Collection[str], times: Times, values: Values, starts: Ids) -> Parts:
    """The parts of samples in order of time; part i begins at `starts[i]`. Every part has a sample or a marker."""
    if not len(starts):
        return nothing(fields, 0)
    stale = is_stale(values)
    if not stale.any():
        return _counted(fields, times, values, starts)
    owner = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(values)))
    times, values, kept = times[~stale], values[~stale], owner[~stale]
    filled, begin = np.unique(kept, return_index=True)
    parts = nothing(fields, len(starts))
    if len(filled):
        for field, column in _counted(fields, times, values, begin).items():
            parts[field] = parts[field].astype(column.dtype, copy=False)
            parts[field][filled] = column
    if "ended" in parts:
        parts["ended"] = stale[np.append(starts[1:], len(stale)) - 1]
    return parts


def _counted(fields: Collection[str], times: Times, values: Values, starts: Ids) -> Parts:
    counts = np.diff(starts, append=len(values))
    ends = starts + counts - 1
    parts: Parts = {"count": counts.astype(np.int32)}
    if "sum" in fields:
        parts["sum"] = np.add.reduceat(values, starts)
    if "low" in fields:
        exact = np.add.reduceat(values.astype(np.longdouble), starts)
        parts["low"] = _finite((exact - parts["sum"]).astype(np.float64))
    if "min" in fields:
        parts["min"] = np.fmin.reduceat(values, starts)
    if "max" in fields:
        parts["max"] = np.fmax.reduceat(values, starts)
    if "mean" in fields:
        parts |= _moments(values, starts, counts)
    if "first" in fields:
        parts["first"] = values[starts]
    if "last" in fields:
        parts["last"] = values[ends]
    if "first_time" in fields:
        parts["first_time"], parts["last_time"] = times[starts], times[ends]
    if "ended" in fields:
        parts["ended"] = np.zeros(len(starts), np.bool_)
    if not _STEPS.isdisjoint(fields):
        parts |= _steps(fields, values, starts, counts)
    return parts


_STEPS = frozenset({"lost", "resets", "changes"})


def _steps(fields: Collection[str], values: Values, starts: Ids, counts: Ids) -> Parts:
    """What happened between neighbours of the same part."""
    inside = np.ones(len(values), np.bool_)
    inside[starts] = False
    owner = np.repeat(np.arange(len(starts)), counts)[1:]
    before, after, inside = values[:-1], values[1:], inside[1:]
    parts: Parts = {}
    if "changes" in fields:
        differs = inside & changed(before, after)
        parts["changes"] = np.bincount(owner[differs], minlength=len(starts)).astype(np.int32)
    fell = inside & (after < before)
    if "lost" in fields:
        lost = np.bincount(owner[fell], before[fell], minlength=len(starts))
        parts["lost"] = lost.astype(np.float64, copy=False)
    if "resets" in fields:
        parts["resets"] = np.bincount(owner[fell], minlength=len(starts)).astype(np.int32)
    return parts


def _moments(values: Values, starts: Ids, counts: Ids) -> Parts:
    """Seen from the first value, so that equal values have no spread."""
    heads = values[starts]
    moved = values - np.repeat(heads, counts)
    mean = np.add.reduceat(moved, starts) / counts
    moved -= np.repeat(mean, counts)
    return {"mean": heads + mean, "spread": np.add.reduceat(moved * moved, starts)}


def join(one: Parts, two: Parts) -> None:
    """Let `one` be what both say together; `two` is later."""
    here, there = one["count"] > 0, two["count"] > 0
    both = here & there
    if "lost" in one or "resets" in one:
        _join_falls(one, two, both)
    if "changes" in one:
        one["changes"] += two["changes"]
        one["changes"] += both & changed(one["last"], two["first"])
    if "sum" in one:
        _join_sums(one, two)
    if "mean" in one:
        _join_moments(one, two, here=here, there=there)
    for field, operation in (("min", np.fmin), ("max", np.fmax)):
        if field in one:
            operation(one[field], two[field], out=one[field], where=both)
            np.copyto(one[field], two[field], where=there & ~here)
    for field in ("first", "first_time"):
        if field in one:
            np.copyto(one[field], two[field], where=there & ~here)
    for field in ("last", "last_time"):
        if field in one:
            np.copyto(one[field], two[field], where=there)
    if "ended" in one:
        np.copyto(one["ended"], two["ended"], where=there | two["ended"])
    one["count"] += two["count"]


def _join_falls(one: Parts, two: Parts, both: NDArray[np.bool_]) -> None:
    fell = both & (two["first"] < one["last"])
    if "resets" in one:
        one["resets"] += two["resets"]
        one["resets"] += fell
    if "lost" in one:
        if fell.any():
            one["lost"][fell] += one["last"][fell]
        one["lost"] += two["lost"]


def _join_sums(one: Parts, two: Parts) -> None:
    if "low" not in one:
        one["sum"] += two["sum"]
        return
    before, more = one["sum"], two["sum"]
    total = before + more
    part = total - before
    one["low"] += two["low"] + _finite((before - (total - part)) + (more - part))
    one["sum"] = total


def _join_moments(one: Parts, two: Parts, *, here: NDArray[np.bool_], there: NDArray[np.bool_]) -> None:
    both = here & there
    weight = two["count"] / (one["count"] + two["count"])
    apart = two["mean"] - one["mean"]
    grown = one["spread"] + two["spread"] + apart * apart * one["count"] * weight
    one["mean"] = np.where(both, one["mean"] + apart * weight, np.where(there, two["mean"], one["mean"]))
    one["spread"] = np.where(both, grown, np.where(there, two["spread"], one["spread"]))


def _finite(values: Values) -> Values:
    return np.where(np.isfinite(values), values, 0.0)
