"""Graphite's plaintext: `path value timestamp`, one sample a line.

    servers.web01.cpu.load 0.75 1790000000          servers_web01_cpu_load{path="servers.web01.cpu.load"}
    cpu.load;host=web01;dc=fra 0.75                 cpu_load{dc="fra",host="web01"}

**Series.** The path with `_` for everything that PromQL does not allow is the metric's name. A path without tags is a
label as well: its parts can be taken with `label_replace`, and series stay apart where their names go away, as under
`rate`. Tags are labels; of two with the same name the last counts, as in Graphite.

**Times** are seconds, fractions allowed; -1, or none, is `at`.

The protocol has no answer in which to refuse anything: a bad line is counted in `errors` and left out, the others
count. Nothing is raised.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from rtmd.errors import FormatError
from rtmd.formats.batch import REFUSED, SampleBatch, SeriesTable, Times, Values
from rtmd.formats.names import label_name, metric_name
from rtmd.formats.numbers import all_finite, finite
from rtmd.formats.series_cache import SeriesCache, intern_labels
from rtmd.model.labels import METRIC_NAME

_NOW = b"-1"
_FARTHEST = 9e12  # seconds; as milliseconds still an exact float


class GraphiteDecoder:
    """Lines → batches. Keep one per listener: it remembers paths, and counts what was wrong in `errors`."""

    def __init__(self, series: SeriesTable) -> None:
        self.series = series
        self.cache = SeriesCache(series)
        self.errors: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<GraphiteDecoder {self.cache!r}, {self.errors.total()} errors>"

    def decode(self, text: bytes, *, at: int) -> SampleBatch:
        """All samples of whole lines; those without a time are placed at `at` (ms).

        Reasons in `errors`: bad_line, bad_path, bad_number, bad_time, bad_utf8.
        """
        with self.series.one_post():
            return self._batch(text, at)

    def _batch(self, text: bytes, at: int) -> SampleBatch:
        known = self.cache.ids.get
        ids: list[int] = []
        values: list[bytes] = []
        stamps: list[bytes] = []
        for line in text.split(b"\n"):
            words = line.split()
            if len(words) == 2:
                words.append(_NOW)
            if len(words) == 3:
                series = known(words[0])
                if series is None:
                    series = self._new(words[0])
                if series != REFUSED:
                    ids.append(series)
                    values.append(words[1])
                    stamps.append(words[2])
            elif words:
                self.errors["bad_line"] += 1
        numbers, seconds = all_finite(values), all_finite(stamps)
        if numbers is None or seconds is None or (np.abs(seconds) > _FARTHEST).any():
            return self._one_by_one(ids, values, stamps, at=at)
        return SampleBatch(np.array(ids, np.int64), _times(seconds, at), numbers)

    def _one_by_one(self, ids: list[int], values: list[bytes], stamps: list[bytes], *, at: int) -> SampleBatch:
        kept: list[tuple[int, float, float]] = []
        for series, value, stamp in zip(ids, values, stamps, strict=True):
            number, seconds = finite(value), finite(stamp)
            if number is None:
                self.errors["bad_number"] += 1
            elif seconds is None or abs(seconds) > _FARTHEST:
                self.errors["bad_time"] += 1
            else:
                kept.append((series, seconds, number))
        return SampleBatch(
            np.array([series for series, _, _ in kept], np.int64),
            _times(np.array([seconds for _, seconds, _ in kept], np.float64), at),
            np.array([number for _, _, number in kept], np.float64),
        )

    def _new(self, spelling: bytes) -> int:
        if self.series.turns_away():
            return REFUSED
        try:
            labels = _labels(spelling.decode())
            series = intern_labels(self.series, labels)
        except UnicodeDecodeError:
            self.errors["bad_utf8"] += 1
            return REFUSED
        except FormatError as error:
            self.errors[error.reason] += 1
            return REFUSED
        self.cache.put(spelling, series)
        return series


def _times(seconds: Values, at: int) -> Times:
    times: Times = np.rint(seconds * 1000).astype(np.int64)
    times[seconds == -1] = at
    return times


def _labels(text: str) -> dict[str, str]:
    path, *tags = text.split(";")
    labels = {} if tags else {"path": path}
    for tag in tags:
        name, equals, value = tag.partition("=")
        if not name or not equals or name == METRIC_NAME:
            raise FormatError("bad_path", "a tag is name=value")
        labels[label_name(name)] = value
    if not path:
        raise FormatError("bad_path", "a line begins with the path of its metric")
    return {**labels, METRIC_NAME: metric_name(path)}
