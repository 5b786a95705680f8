"""Prometheus text exposition 0.0.4 and OpenMetrics 1.0, as /metrics pages and text posts bring them.

    # HELP http_requests_total Requests.
    http_requests_total{code="200",path="/"} 1027 1395066363000
    http_seconds_bucket{le="0.5"} 129 # {trace_id="abc"} 0.43 1520879607.789

**Speed.** Nearly every line is a series seen before, one blank, and a number. The text up to the last blank is looked
up; a hit means that it was once read in full, so only the number remains to be read, and all numbers are read
together. What is not found is read by the rules: a comment, a timestamp, an exemplar, a new series.

**Formats.** A page whose last line is `# EOF` is OpenMetrics: its timestamps are seconds. In the older format they are
milliseconds. Types do not matter here: counters, histograms and summaries are all just series. Quoted names, as in
Prometheus 3 (`{"a.metric", "a label"="x"}`), are read.

**Labels of the target.** `extra_labels` (job, instance) are added to every series; a label of that name on the page
becomes `exported_…`, as Prometheus does unless told to honour labels.

One bad line refuses the page: half a page would look like series that ended.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn, TypeAlias

import numpy as np

from rtmd.errors import FormatError
from rtmd.formats.batch import REFUSED, PlacedExemplar, SampleBatch, SeriesTable
from rtmd.formats.exemplars import MAX_EXEMPLARS, exemplar_of
from rtmd.formats.series_cache import SeriesCache, intern_pairs
from rtmd.model.labels import METRIC_NAME, Labels

MAX_LINES = 250_000

# A series as clients write it, with nothing to undo, and its labels.
_USUAL = re.compile(rb'([a-zA-Z_:][a-zA-Z0-9_:]*+)\{((?:[a-zA-Z_][a-zA-Z0-9_]*+="[^"\\]*+"(?:,|(?=\})))*+)\}')
_USUAL_LABEL = re.compile(r'([^"=,]++)="([^"]*+)"')
_METRIC = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*+")
_OPEN = re.compile(rb"[ \t]*+\{[ \t]*+")
_CLOSE = re.compile(rb"[ \t]*+\}")
_COMMA = re.compile(rb"[ \t]*+,[ \t]*+")
# A label, or a quoted metric name where nothing follows it.
_ITEM = re.compile(
    rb'(?:(?P<name>[a-zA-Z_][a-zA-Z0-9_]*+)|"(?P<quoted>[^"\\]*+(?:\\.[^"\\]*+)*+)")'
    rb'(?:[ \t]*+=[ \t]*+"(?P<value>[^"\\]*+(?:\\.[^"\\]*+)*+)")?+',
    re.DOTALL,
)
_ESCAPE = re.compile(r'\\(["\\n])')
_PLAIN = {"n": "\n", '"': '"', "\\": "\\"}
_TIME_LIMIT = 1 << 63
_UNDERSCORE = b"_"  # Python reads 1_000 as a number; the format does not

Pairs: TypeAlias = Sequence[tuple[str, str]]
Family: TypeAlias = tuple[str, str, str, Iterable[tuple[Pairs, float]]]


class ExpositionDecoder:
    """Pages → batches. Keep one per target: it remembers how that target's series are spelled."""

    def __init__(self, series: SeriesTable, extra_labels: Labels = ()) -> None:
        self.series = series
        self.extra_labels = extra_labels
        self.cache = SeriesCache(series)

    def __repr__(self) -> str:
        return f"<ExpositionDecoder {self.cache!r}>"

    def decode(self, text: bytes, *, at: int) -> SampleBatch:
        """All samples of a page; those without a timestamp are placed at `at` (ms).

        Raises FormatError with the line in its text ("bad_exposition", "bad_utf8", "bad_labels", "too_many_labels"), or
        "too_many_lines".
        """
        with self.series.one_post():
            return _Page(self, text, at=at).batch()

    def known(self, spelling: bytes, pairs: Pairs) -> int:
        """The id of a series that was just read in full, remembered under its spelling."""
        series = self.cache.ids.get(spelling)
        if series is None:
            if self.series.turns_away():
                return REFUSED
            series = intern_pairs(self.series, _targeted(pairs, self.extra_labels))
            self.cache.put(spelling, series)
        return series


class _Page:
    """One page being read: a series id and the text of a value for each sample, a time for those that have one."""

    def __init__(self, decoder: ExpositionDecoder, text: bytes, *, at: int) -> None:
        self.decoder = decoder
        self.text = text
        self.at = at
        self.open_metrics = text.rstrip().endswith(b"# EOF")
        self.ids: list[int] = []
        self.values: list[bytes] = []
        self.times: dict[int, int] = {}
        self.exemplars: list[PlacedExemplar] = []

    def batch(self) -> SampleBatch:
        """Read the page."""
        if self.text.count(b"\n") > MAX_LINES:
            raise FormatError("too_many_lines", f"a page may have {MAX_LINES} lines")
        get, ids, values = self.decoder.cache.ids.get, self.ids, self.values
        for index, line in enumerate(self.text.split(b"\n")):
            spelling, _, value = line.rpartition(b" ")
            series = get(spelling)
            if series is None:
                if line and not line.startswith(b"#"):
                    self._line(index, line)
            else:
                ids.append(series)
                values.append(value)
        return self._assembled(self._numbers())

    def _numbers(self) -> list[float]:
        """The values, read together; where one is no number, line by line to find it."""
        if _UNDERSCORE not in b"".join(self.values):
            try:
                return list(map(float, self.values))
            except ValueError:
                pass
        return self._again()

    def _again(self) -> NoReturn:
        """A line that ends in a known series and no number: read the page by the rules, to say which line it is."""
        for index, line in enumerate(self.text.split(b"\n")):
            if line and not line.startswith(b"#"):
                self._line(index, line)
        raise FormatError("bad_exposition", "a value is not a number")

    def _assembled(self, numbers: list[float]) -> SampleBatch:
        ids = np.array(self.ids, np.int64)
        times = np.full(len(ids), self.at, np.int64)
        if self.times:
            times[list(self.times)] = list(self.times.values())
        values = np.array(numbers, np.float64)
        keep = ids != REFUSED
        if not keep.all():
            ids, times, values = ids[keep], times[keep], values[keep]
        return SampleBatch(ids, times, values, tuple(self.exemplars))

    def _line(self, index: int, line: bytes) -> None:
        """Any line that is not a known series and a number."""
        if self._timed(line):
            return
        stripped = line.strip(b" \t\r")
        if not stripped or stripped.startswith(b"#"):
            return
        try:
            self._sample(stripped)
        except FormatError as error:
            raise FormatError(error.reason, f"line {index + 1}: {error}") from error

    def _timed(self, line: bytes) -> bool:
        """Whether the line was a known series, a number and a timestamp; it is a sample now."""
        head, _, stamp = line.rpartition(b" ")
        spelling, _, value = head.rpartition(b" ")
        series = self.decoder.cache.ids.get(spelling)
        if series is None:
            return False
        try:
            self._number(value)
            time = self._time(stamp)
        except FormatError:
            return False  # read it by the rules, which say what is wrong
        self._add(series, value, time)
        return True

    def _sample(self, line: bytes) -> None:
        pairs, end = _series(line)
        tail, mark, evidence = line[end:].partition(b"#")
        words = tail.split()
        if len(words) not in (1, 2) or not (line[end - 1 : end] == b"}" or tail[:1].isspace()):
            raise _bad("a series is followed by a value, and perhaps a timestamp")
        self._number(words[0])
        time = self._time(words[1]) if len(words) == 2 else None
        series = self.decoder.known(line[:end], pairs)
        self._add(series, words[0], time)
        if mark:
            self._exemplar(series, evidence, self.at if time is None else time)

    def _add(self, series: int, value: bytes, time: int | None) -> None:
        if time is not None:
            self.times[len(self.ids)] = time
        self.ids.append(series)
        self.values.append(value)

    def _exemplar(self, series: int, text: bytes, time: int) -> None:
        """What follows the `#`: labels, a value (not used), perhaps a timestamp in seconds."""
        opening = _OPEN.match(text)
        if opening is None:
            raise _bad("an exemplar begins with its labels")
        pairs, end = _labels(text, opening.end(), None)
        words = text[end:].split()
        if len(words) not in (1, 2):
            raise _bad("an exemplar's labels are followed by a value, and perhaps a timestamp")
        self._number(words[0])
        if len(words) == 2:
            time = _milliseconds(words[1])
        if series != REFUSED and len(self.exemplars) < MAX_EXEMPLARS:
            self.exemplars.append(PlacedExemplar(series, time, exemplar_of(pairs)))

    def _number(self, word: bytes) -> float:
        try:
            if _UNDERSCORE not in word:
                return float(word)
        except ValueError:
            pass
        raise _bad(f"{_shown(word)} is not a number")

    def _time(self, word: bytes) -> int:
        if self.open_metrics:
            return _milliseconds(word)
        if not word.removeprefix(b"-").isdigit() or len(word) > 20:
            raise _bad(f"{_shown(word)} is not a timestamp in milliseconds")
        return _fitting(int(word))


def _bad(problem: str) -> FormatError:
    return FormatError("bad_exposition", problem)


def _shown(word: bytes) -> str:
    return repr(word[:40].decode(errors="replace"))


def _milliseconds(word: bytes) -> int:
    """A timestamp in seconds, as OpenMetrics has them."""
    try:
        seconds = float(word) if _UNDERSCORE not in word else math.nan
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise _bad(f"{_shown(word)} is not a timestamp in seconds")
    return _fitting(round(seconds * 1000))


def _fitting(time: int) -> int:
    if not -_TIME_LIMIT <= time < _TIME_LIMIT:
        raise _bad("the timestamp does not fit into 64 bits")
    return time


def _series(line: bytes) -> tuple[list[tuple[str, str]], int]:
    """The labels of the series that a line begins with, and where it ends."""
    usual = _USUAL.match(line)
    if usual is not None:
        return [(METRIC_NAME, usual[1].decode()), *_USUAL_LABEL.findall(_text(usual[2]))], usual.end()
    metric = _METRIC.match(line)
    end = metric.end() if metric else 0
    name = metric[0].decode() if metric else None
    opening = _OPEN.match(line, end)
    if opening is not None:
        return _labels(line, opening.end(), name)
    if name is None:
        raise _bad("a sample begins with the name of its metric")
    return [(METRIC_NAME, name)], end


def _labels(line: bytes, pos: int, metric: str | None) -> tuple[list[tuple[str, str]], int]:
    """The labels up to the closing brace, with the metric's name, and the position after the brace."""
    pairs = [] if metric is None else [(METRIC_NAME, metric)]
    while (close := _CLOSE.match(line, pos)) is None:
        item = _ITEM.match(line, pos)
        if item is None:
            raise _bad(f"column {pos + 1}: a label is expected")
        if item["value"] is not None:
            name = item["name"].decode() if item["name"] else _text(item["quoted"])
            pairs.append((name, _text(item["value"])))
        elif item["quoted"] is not None and not pairs:
            pairs.append((METRIC_NAME, _text(item["quoted"])))
        else:
            raise _bad(f"column {pos + 1}: a label has a value in double quotes")
        comma = _COMMA.match(line, item.end())
        pos = comma.end() if comma else item.end()
        if comma is None and _CLOSE.match(line, pos) is None:
            raise _bad(f"column {pos + 1}: a comma or a closing brace is expected")
    return pairs, close.end()


def _text(quoted: bytes) -> str:
    try:
        text = quoted.decode()
    except UnicodeDecodeError as error:
        raise FormatError("bad_utf8", f"{_shown(quoted)} is not UTF-8") from error
    return _ESCAPE.sub(lambda found: _PLAIN[found[1]], text) if "\\" in text else text


def _targeted(pairs: Pairs, target: Labels) -> Pairs:
    """The labels with those of the target; what had the same name is renamed `exported_…`."""
    own = {name for name, _ in target}
    taken = own | {name for name, _ in pairs}
    if not own:
        return pairs
    merged = list(target)
    for name, value in pairs:
        renamed = name
        while name in own and renamed in taken:
            renamed = f"exported_{renamed}"
        if renamed == name or value:
            merged.append((renamed, value))
    return merged


def render(families: Iterable[Family]) -> bytes:
    """A /metrics page of (name, kind, help, rows) families; a row is its (label, value) pairs and a number.

    `kind` is counter, gauge, histogram, summary or untyped. A row with the pair `__name__` is written under that
    name instead of the family's (a histogram's `_bucket`, `_sum`, `_count`). Names are the caller's to get right.
    """
    lines: list[str] = []
    for name, kind, explained, rows in families:
        lines.append(f"# HELP {name} {_escaped(explained)}")
        lines.append(f"# TYPE {name} {kind}")
        lines.extend(_row(name, pairs, number) for pairs, number in rows)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _row(family: str, pairs: Pairs, number: float) -> str:
    name = next((value for key, value in pairs if key == METRIC_NAME), family)
    labels = ",".join(f'{key}="{_escaped(value, quote=True)}"' for key, value in pairs if key != METRIC_NAME)
    return f"{name}{{{labels}}} {_written(number)}" if labels else f"{name} {_written(number)}"


def _escaped(text: str, *, quote: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quote else escaped


def _written(number: float) -> str:
    if math.isfinite(number):
        return repr(int(number)) if number == int(number) and abs(number) < 1e15 else repr(float(number))
    return "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"
