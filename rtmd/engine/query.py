"""Expressions over given series, without a daemon. This is library: names, arguments and results are stable.

    evaluate("sum by (job) (rate(m[5m]))", series, at)           → [({"job": "a"}, 1.5), …], a number, or a text
    evaluate_range("m > 1", series, start, end, step)            → [({…}, [times], [values]), …]

Times are milliseconds since the epoch. A series is a triple (labels, times, values): labels a mapping with the metric's
name under `__name__`; times and values of equal length, in any order. Of two samples of one series (equal labels) and
time the first one counts. A series ends where its value is `STALE` (the NaN with the bits 0x7ff0000000000002); any
other NaN is a value.

Everything means what it means in Prometheus 3: what it calls an error (two series with equal labels in a result,
many-to-many matching, a pattern that does not compile …) raises PromqlError, and so does what is not supported.
Results stand in order of their labels; those of `sort`, `sort_desc`, `topk` and `bottomk` at the top in order of value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.forest import Forest
from rtmd.engine.nodes import Node
from rtmd.engine.presence import PRESENT, Column
from rtmd.engine.still import StillLeaf
from rtmd.errors import PromqlError, QueryLimitError
from rtmd.formats.batch import REFUSED, UNLIMITED, SampleBatch, SeriesTable, Times, Values
from rtmd.model.expr import Aggregate, Call, Expr, String, is_scalar
from rtmd.model.labels import Labels, labels_of
from rtmd.promql import check, parse

Series: TypeAlias = tuple[Mapping[str, str], Sequence[int], Sequence[float]]
Row: TypeAlias = tuple[dict[str, str], float]
Line: TypeAlias = tuple[dict[str, str], list[int], list[float]]
Curve: TypeAlias = tuple[Labels, Times, Values]

MAX_POINTS = 11_001  # of a line: Prometheus counts the steps between them, at most 11,000

_FOREVER = 1 << 53  # ms
_NO_ROWS = np.zeros(0, np.int64)
_NO_VALUES = np.zeros(0, np.float64)


class Query:
    """An expression over all samples of a batch, at as many instants as you like; ids are those of `table`."""

    def __init__(self, expr: Expr, table: SeriesTable, batch: SampleBatch) -> None:
        known = batch.ids != REFUSED
        if not known.all():  # a copy of millions of samples is worth avoiding
            batch = SampleBatch(batch.ids[known], batch.times[known], batch.values[known])
        raw = StillLeaf(batch.ids, batch.times, batch.values, len(table))
        self._expr = expr
        self._forest = Forest(table, raw, strict=False)
        self._root: Node = self._forest.query(expr, longest=_FOREVER)

    def at(self, at: int) -> list[tuple[Labels, float]]:
        """The label sets that have a value at an instant, and their values."""
        column = self._column(at, at, at)
        return [(self._root.labels(row), float(column.values[row])) for row in self._ordered(column)]

    def over(self, times: range, *, asked: tuple[int, int], most: int = _FOREVER) -> list[Curve]:
        """The values at these times, label set by label set; QueryLimitError for more than `most` of them.

        `asked` are the ends of what is asked for: `start()` and `end()`, wherever the last step falls.
        """
        rows, moments, values = [_NO_ROWS], [_NO_ROWS], [_NO_VALUES]
        left = most
        for at in times:
            column = self._column(at, *asked)
            present = np.flatnonzero(column.presence == PRESENT)
            rows.append(present)
            moments.append(np.full(len(present), at))
            values.append(column.values[present])
            left -= len(present)
            if left < 0:
                raise QueryLimitError(f"the result has more than {most:,} points")
        return self._curves(np.concatenate(rows), np.concatenate(moments), np.concatenate(values))

    def _column(self, at: int, start: int, end: int) -> Column:
        self._forest.moment.be(start, end)
        with np.errstate(all="ignore"):
            if self._root.unsettled:
                self._root.reveal(at)
            column = self._root.evaluate(at)
        problem = min(self._root.problems(), default="")
        if problem:
            raise PromqlError(problem, self._expr.offset)
        return column

    def _curves(self, rows: NDArray[np.int64], times: Times, values: Values) -> list[Curve]:
        """Points in order of time → one curve a label set, in order of those."""
        labels = {row: self._root.labels(row) for row in np.unique(rows).tolist()}
        places = {each: place for place, each in enumerate(sorted(set(labels.values())))}
        # Several rows may be one label set, at different times: they are one curve, as in Prometheus.
        found = np.zeros(max(labels, default=-1) + 1, np.int64)
        found[list(labels)] = [places[each] for each in labels.values()]
        place = found[rows]
        order = np.argsort(place, kind="stable")
        cuts = np.searchsorted(place[order], np.arange(1, len(places)))
        parts = zip(places, np.split(times[order], cuts), np.split(values[order], cuts), strict=False)
        return list(parts)

    def _ordered(self, column: Column) -> list[int]:
        rows: list[int] = np.flatnonzero(column.presence == PRESENT).tolist()
        rows.sort(key=self._root.labels)
        falls = _falls(self._expr)
        if falls is not None:  # NaN is last either way
            sign = -1 if falls else 1
            values = column.values
            rows.sort(key=lambda row: (bool(np.isnan(values[row])), sign * values[row]))
        return rows


def evaluate(expr: str | Expr, series: Iterable[Series], at: int) -> list[Row] | float | str:
    """The value of an expression at an instant: labels and value of each result, or a number, or a text."""
    tree = _tree(expr)
    return evaluate_batch(tree, *_columns(series), at)


def evaluate_range(expr: str | Expr, series: Iterable[Series], start: int, end: int, step: int) -> list[Line]:
    """The values of an expression at start, start + step … up to end, label set by label set; a number has none."""
    return evaluate_batch_range(_tree(expr), *_columns(series), start=start, end=end, step=step)


def evaluate_batch(expr: Expr, table: SeriesTable, batch: SampleBatch, at: int) -> list[Row] | float | str:
    """The same over samples that are columns already."""
    check(expr)
    if isinstance(expr, String):
        return expr.text
    rows = Query(expr, table, batch).at(at)
    return rows[0][1] if is_scalar(expr) else [(dict(labels), value) for labels, value in rows]


def evaluate_batch_range(
    expr: Expr, table: SeriesTable, batch: SampleBatch, *, start: int, end: int, step: int
) -> list[Line]:
    """The same over samples that are columns already."""
    curves = draw(expr, table, batch, range(start, end + 1, step) if step > 0 else range(0))
    return [(dict(labels), times.tolist(), values.tolist()) for labels, times, values in curves]


def draw(
    expr: Expr,
    table: SeriesTable,
    batch: SampleBatch,
    times: range,
    *,
    asked: tuple[int, int] | None = None,
    most: int = _FOREVER,
) -> list[Curve]:
    """The values at these times as columns; QueryLimitError where they are more than `most`.

    `asked` is what `start()` and `end()` mean: the first time, and the last that could have been one.
    """
    check(expr)
    if not 0 < len(times) <= MAX_POINTS:
        raise PromqlError(f"a range ends after it starts, and has at most {MAX_POINTS:,} points at least 1 ms apart")
    if isinstance(expr, String):
        raise PromqlError("a text has no values over time", expr.offset)
    return Query(expr, table, batch).over(times, asked=asked or (times.start, times.stop - 1), most=most)


def _tree(expr: str | Expr) -> Expr:
    return parse(expr) if isinstance(expr, str) else expr


def _columns(series: Iterable[Series]) -> tuple[SeriesTable, SampleBatch]:
    table = SeriesTable(UNLIMITED)
    parts = list(_parts(series, table))
    ids = np.concatenate([np.full(len(times), each) for each, times, _ in parts]) if parts else np.empty(0)
    times = np.concatenate([times for _, times, _ in parts]) if parts else np.empty(0)
    values = np.concatenate([values for _, _, values in parts]) if parts else np.empty(0)
    return table, SampleBatch(ids.astype(np.int64), times.astype(np.int64), values.astype(np.float64, copy=False))


def _parts(
    series: Iterable[Series], table: SeriesTable
) -> Iterator[tuple[int, np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.float64]]]]:
    for labels, times, values in series:
        if len(times) != len(values):
            raise PromqlError(f"{dict(labels)} has {len(times)} times and {len(values)} values")
        yield table.intern(labels_of(labels)), np.asarray(times, np.int64), np.asarray(values, np.float64)


def _falls(expr: Expr) -> bool | None:
    """Whether results stand in falling order of value; None: in no order of value."""
    match expr:
        case Call(function="sort") | Aggregate(op="bottomk"):
            return False
        case Call(function="sort_desc") | Aggregate(op="topk"):
            return True
        case _:
            return None
