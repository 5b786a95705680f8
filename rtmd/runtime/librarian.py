"""Answers questions about samples from what the state folder holds: the sample log, and the last snapshot of windows.

Where the log does not reach back far enough, the snapshot adds what rules remember beyond it. Of a sample that both
have, or that came twice, the first one in the log counts.

Lists of series know for each segment when a series had its first and its last sample in it; a segment that is
complete is read for that once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar, assert_never

import msgspec
import numpy as np

from rtmd.api.parameters import BadParameterError, complaint, selector
from rtmd.api.questions import Answer, Instant, Listing, Question, Stretch, Trace
from rtmd.engine.query import Curve, draw, evaluate_batch
from rtmd.engine.raw import AHEAD
from rtmd.errors import PromqlError, QueryLimitError
from rtmd.formats.batch import UNLIMITED, SeriesTable, Times, is_stale
from rtmd.formats.query_json import encode_matrix, encode_scalar, encode_string, encode_vector
from rtmd.matching import compile_matchers
from rtmd.model.expr import Edge, Expr, Range, Shift, String, Subquery, is_scalar, selectors
from rtmd.model.labels import METRIC_NAME, Labels, get, without
from rtmd.model.narrow import narrowed
from rtmd.model.reach import earliest
from rtmd.promql import parse_query
from rtmd.runtime.history import History, Sieve
from rtmd.store.logreader import Segment, find_segments, reaching, read_segments
from rtmd.store.snapshot import FILE, load_windows

SAMPLES = 10_000_000  # read for one query
POINTS = 2_000_000  # in one answer
SIZE = 64 * 1024**2  # bytes of one answer
_T = TypeVar("_T")
_NAME = frozenset({METRIC_NAME})
_TRUNCATED = ("results truncated due to limit",)


class _Inventory(msgspec.Struct, frozen=True):
    """The series of one file, and the times of the first and last sample of each in it."""

    labels: list[Labels]
    first: Times
    last: Times


class Librarian:
    """Reads in `folder`, the state folder of a daemon that may be writing there at this moment."""

    def __init__(self, folder: Path, *, samples: int = SAMPLES, points: int = POINTS) -> None:
        self._folder = folder
        self._samples = samples
        self._points = points
        self._known: dict[Path, tuple[int, _Inventory]] = {}  # by file, as it was at this size

    def __repr__(self) -> str:
        return f"<Librarian {self._folder}, {len(self._known)} inventories>"

    def answer(self, question: Question) -> Answer:  # noqa: PLR0911  # one a kind of question
        """The answer, whatever the question; never raises for what it asks."""
        try:
            match question:
                case Instant():
                    return self._instant(question)
                case Stretch():
                    return self._stretch(question)
                case Listing():
                    return self._listing(question)
                case Trace():
                    return self._trace(question)
                case _:
                    assert_never(question)
        except BadParameterError as error:
            return Answer(error_type="bad_data", error=str(error))
        except (PromqlError, QueryLimitError) as error:
            return Answer(error_type="execution", error=str(error))
        except MemoryError:
            return Answer(error_type="execution", error="there is not enough memory for this query")

    def _instant(self, asked: Instant) -> Answer:
        expr, at = _read_query(asked.query), asked.at
        if isinstance(expr, String):
            return _told(encode_string(expr.text, at))
        history = self._history(expr, at)
        match expr:
            case Range() | Subquery():
                curves = self._over_range(expr, history, at)
                return _told(encode_matrix(_cut(curves, asked.limit)), _warnings(curves, asked.limit))
            case _:
                found = evaluate_batch(expr, history.series, history.batch, at)
        if not isinstance(found, list):
            return _told(encode_scalar(float(found), at))
        rows = [(tuple(labels.items()), value) for labels, value in found]
        return _told(encode_vector(_cut(rows, asked.limit), at), _warnings(rows, asked.limit))

    def _stretch(self, asked: Stretch) -> Answer:
        expr = _read_query(asked.query)
        if isinstance(expr, String | Range | Subquery):
            kind = "string" if isinstance(expr, String) else "range vector"
            problem = f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector'
            raise BadParameterError(problem, "query")
        history = self._history(expr, asked.start)
        times = range(asked.start, asked.end + 1, asked.step)
        curves = draw(expr, history.series, history.batch, times, most=self._points)
        if is_scalar(expr):
            return _told(encode_matrix(curves))
        return _told(encode_matrix(_cut(curves, asked.limit)), _warnings(curves, asked.limit))

    def _trace(self, asked: Trace) -> Answer:
        expr = narrowed(_read_query(asked.query), dict(asked.labels))
        history = self._history(expr, asked.start)
        times = range(asked.start, asked.end + 1, asked.step)
        values = np.full(len(times), np.nan)
        for labels, when, found in draw(expr, history.series, history.batch, times, most=self._points):
            if without(labels, _NAME) == asked.labels:
                values[(when - asked.start) // asked.step] = found
        return _told(msgspec.json.encode(values.tolist()))

    def _over_range(self, expr: Range | Subquery, history: History, at: int) -> list[Curve]:
        """What stands in a range by itself."""
        if isinstance(expr, Range):
            end = _seen(expr.selector.shift, at)
            return _raw_curves(history, end - expr.window, end)
        end = _seen(expr.shift, at)
        first = ((end - expr.window) // expr.step + 1) * expr.step
        times = range(first, end + 1, expr.step)
        if not times:
            return []
        return draw(expr.child, history.series, history.batch, times, asked=(at, at), most=self._points)

    def _history(self, expr: Expr, at: int) -> History:
        """The samples that an expression may read from `at` on."""
        sieve = Sieve([each.matchers for each in selectors(expr)], most=self._samples)
        since = earliest(expr, at) - AHEAD
        found = self._segments()
        if any(selectors(expr)):
            sieve.take(read_segments(found, since, sieve.intern))
            if not found or since < found[0].first_at:
                windows = load_windows(self._folder).windows
                if windows is not None:
                    sieve.add_windows(windows)
        return sieve.history()

    def _listing(self, asked: Listing) -> Answer:
        wants = [compile_matchers(selector(text)) for text in asked.selectors]
        series = self._series(asked.start, asked.end)
        if wants:
            series = {labels for labels in series if any(want(labels) for want in wants)}
        match asked.of:
            case "series":
                found: Sequence[object] = [dict(labels) for labels in sorted(series)]
            case "labels":
                found = sorted({name for labels in series for name, _ in labels})
            case _:
                found = sorted({get(labels, asked.label) for labels in series} - {""})
        return _told(msgspec.json.encode(_cut(found, asked.limit)), _warnings(found, asked.limit))

    def _series(self, start: int, end: int) -> set[Labels]:
        """Label sets with a sample in [start, end], as exactly as a file tells."""
        found = self._segments()
        files = {segment.path: segment for segment in found}
        self._known = {path: known for path, known in self._known.items() if path in files or path.name == FILE}
        inventories = [self._inventory(segment) for segment in reaching(found, start - AHEAD)]
        if not found or start < found[0].first_at:
            inventories.append(self._windows())
        series: set[Labels] = set()
        for each in inventories:
            inside = np.flatnonzero((each.last >= start) & (each.first <= end))
            series.update(each.labels[row] for row in inside.tolist())
        return series

    def _inventory(self, segment: Segment) -> _Inventory:
        size, known = self._known.get(segment.path, (0, None))
        if known is None or size != segment.size:
            table = SeriesTable(UNLIMITED)
            first, last = np.zeros(0, np.int64), np.zeros(0, np.int64)
            for entry in read_segments([segment], -(1 << 62), lambda new: [table.intern(each) for each in new]):
                more = len(table) - len(first)
                first, last = np.append(first, np.full(more, 1 << 62)), np.append(last, np.full(more, -(1 << 62)))
                np.minimum.at(first, entry.batch.ids, entry.batch.times)
                np.maximum.at(last, entry.batch.ids, entry.batch.times)
            known = _Inventory([labels for _, labels in table.since(0)][: len(first)], first, last)
            self._known[segment.path] = (segment.size, known)
        return known

    def _windows(self) -> _Inventory:
        windows = load_windows(self._folder).windows
        if windows is None:
            return _Inventory([], np.zeros(0, np.int64), np.zeros(0, np.int64))
        ends = np.cumsum(windows.counts)
        filled = np.flatnonzero(windows.counts)
        labels = [windows.labels[row] for row in filled.tolist()]
        return _Inventory(labels, windows.times[(ends - windows.counts)[filled]], windows.times[ends[filled] - 1])

    def _segments(self) -> list[Segment]:
        return find_segments(self._folder / "samples")


def _read_query(text: str) -> Expr:
    try:
        return parse_query(text)
    except PromqlError as error:
        raise BadParameterError(complaint(text, error), "query") from None


def _seen(shift: Shift, at: int) -> int:
    """Where a range at the top ends: at an instant, `start()` and `end()` are that instant."""
    return (at if shift.at is None or isinstance(shift.at, Edge) else shift.at) - shift.back


def _raw_curves(history: History, after: int, until: int) -> list[Curve]:
    """The samples in (after, until] as they came, but for stale markers; of two at one time the first."""
    batch = history.batch
    inside = (batch.times > after) & (batch.times <= until)
    ids, times, values = batch.ids[inside], batch.times[inside], batch.values[inside]
    order = np.lexsort((times, ids))
    ids, times, values = ids[order], times[order], values[order]
    kept = ~is_stale(values)
    kept[1:] &= (ids[1:] != ids[:-1]) | (times[1:] != times[:-1])
    ids, times, values = ids[kept], times[kept], values[kept]
    present, begins = np.unique(ids, return_index=True)
    parts = zip(present.tolist(), np.split(times, begins[1:]), np.split(values, begins[1:]), strict=False)
    curves = ((history.series.labels(series), when, what) for series, when, what in parts)
    return sorted(curves, key=lambda curve: curve[0])


def _told(data: bytes, warnings: tuple[str, ...] = ()) -> Answer:
    if len(data) > SIZE:
        raise QueryLimitError(f"the answer has more than {SIZE:,} bytes")
    return Answer((data,), warnings)


def _cut(found: Sequence[_T], limit: int) -> Sequence[_T]:
    return found[:limit] if limit else found


def _warnings(found: Sequence[object], limit: int) -> tuple[str, ...]:
    return _TRUNCATED if limit and len(found) > limit else ()
