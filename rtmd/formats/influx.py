r"""Influx line protocol, as Telegraf and the clients of InfluxDB 1 and 2 send it.

    cpu,host=a,core=0 usage_user=12.5,procs=7i,ok=true,state="fine" 1465839830100400200

**Series.** Each field is a series: `cpu_usage_user{core="0",host="a"}`; a field called `value` is named like its
measurement. Names are made fit for PromQL (`names`); two tags that become one label are refused as `bad_labels`.
Integers (`7i`, `7u`) and floats are numbers, booleans are 1 and 0, strings are skipped and counted (`string_field`).

**Times** are integers in the post's precision, rounded down to milliseconds; a line without one is placed at `at`.

**Escapes**: `\,`, `\=` and `\ ` in names and tags; a backslash before anything else is itself. Strings end at a quote
without a backslash before it, and may contain line breaks.

**Speed.** Nearly every line is known tags with known fields and new numbers. A line with one field is a series known by
all that stands before its last `=`. Any other is cut mechanically; the tags with the names of the fields are looked up,
and a hit means that such a line was once read by the rules. The sequence of `=` and `,` is compared too, so what was
cut is what the rules would cut. All numbers and times are then read together; where one of them is not plain, the
whole post is read again by the rules, which name the line.

One bad line refuses the post. Its text begins with InfluxDB's own words, by which clients know not to try again.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TypeAlias

import numpy as np

from rtmd.errors import FormatError
from rtmd.formats.batch import EMPTY, REFUSED, Ids, SampleBatch, SeriesTable, Times, Values
from rtmd.formats.influx_line import BOOLEANS, Cursor, Lines, Tags, bad, head_of, number, shown, unescaped
from rtmd.formats.numbers import all_finite
from rtmd.formats.series_cache import CACHE_BYTES, ENTRY_BYTES, SeriesCache
from rtmd.model.labels import METRIC_NAME

MAX_LINES = 250_000
MAX_LINE = 1024**2  # bytes
MAX_SAMPLES = 200_000

# Precisions of InfluxDB 1 and 2: (milliseconds are times this, divided by that).
PRECISIONS = {
    "": (1, 1_000_000),
    "n": (1, 1_000_000),
    "ns": (1, 1_000_000),
    "u": (1, 1_000),
    "us": (1, 1_000),
    "µ": (1, 1_000),
    "ms": (1, 1),
    "s": (1_000, 1),
    "m": (60_000, 1),
    "h": (3_600_000, 1),
}

_INTEGERS = re.compile(rb"(?:-?[0-9]++i,|[0-9]++u,|[^iu,]++,)*+")
_STAMP = re.compile(rb"-?[0-9]{1,19}")
_ALL_BUT_DELIMITERS = bytes(byte for byte in range(256) if byte not in b"=,")
_PLAIN_NUMBERS = b"0123456789+-.eE,"
_PLAIN_TIMES = b"0123456789-"
_ALONE = re.compile(rb'[^ #"\\]++ [^ "\\,=]++=[^ "\\,=]++(?: -?[0-9]++)?')  # one field, spelled as `cache` has it
_LIMIT = 1 << 63

# The series of a line's fields, and the `=` and `,` between them.
Layout: TypeAlias = tuple[tuple[int, ...], bytes]


class InfluxDecoder:
    """Posts → batches. Keep one per series table: it remembers how lines are spelled."""

    def __init__(self, series: SeriesTable) -> None:
        self.series = series
        self.cache = SeriesCache(series)
        self.layouts: dict[bytes, Layout] = {}
        self._held = 0
        series.holders.add(self)

    def __repr__(self) -> str:
        return f"<InfluxDecoder {len(self.layouts)} layouts, {self.cache!r}>"

    def decode(self, text: bytes, *, at: int, precision: str = "") -> SampleBatch:
        """All samples of a post; lines without a timestamp are placed at `at` (ms).

        Raises FormatError: "bad_precision"; "bad_influx", "bad_utf8", "bad_labels" with the line in the text;
        "too_many_lines", "too_many_samples", "line_too_long".
        """
        unit = PRECISIONS.get(precision)
        if unit is None:
            raise FormatError("bad_precision", f"precision must be one of n, u, ms, s, m, h, not {precision[:20]!r}")
        with self.series.one_post():
            return _Post(self, text, at=at, unit=unit).batch()

    def remember(self, spelling: bytes, layout: Layout) -> None:
        """Keep a layout that was read by the rules; when there is no more room, all are forgotten."""
        cost = len(spelling) + 2 * ENTRY_BYTES + 8 * len(layout[0])
        if self._held + cost > CACHE_BYTES:
            self.layouts.clear()
            self._held = 0
        self.layouts[spelling] = layout
        self._held += cost

    def held(self) -> Ids:
        """Nothing: what is forgotten is read again."""
        return EMPTY.ids

    def renumber(self, new: Ids) -> None:
        """Layouts with a series that was freed go."""
        known, self._held = self.layouts.copy(), 0
        self.layouts.clear()
        for spelling, (ids, delimiters) in known.items():
            moved = tuple(new[list(ids)].tolist())
            if REFUSED not in moved:
                self.remember(spelling, (moved, delimiters))


class _Post:
    """One post being read: for each sample a series and the text of its value, for each line a time and a count."""

    def __init__(self, decoder: InfluxDecoder, text: bytes, *, at: int, unit: tuple[int, int]) -> None:
        self.decoder = decoder
        self.lines = _lines(text)
        self.at = at
        self.unit = unit
        self.bound = _LIMIT // unit[0]
        self.ids: list[int] = []
        self.values: list[bytes] = []
        self.stamps: list[bytes] = []
        self.counts: list[int] = []
        self.strings = 0
        self.tags = Tags(b"")  # of the last head that was taken apart

    def batch(self) -> SampleBatch:
        """Read the post."""
        values = times = None
        with suppress(FormatError):  # the rules say which line is the first that is wrong
            self._quickly()
            values, times = _numbers(self.values), self._times()
        if values is None or times is None:
            self._by_the_rules()
            values, times = _numbers(self.values), self._times()
        if values is None or times is None:
            raise bad("a number cannot be read")
        if self.strings:
            self.decoder.series.refused["string_field"] += self.strings
        ids, times = np.array(self.ids, np.int64), np.repeat(times, self.counts)
        keep = ids != REFUSED
        if not keep.all():
            ids, times, values = ids[keep], times[keep], values[keep]
        return SampleBatch(ids, times, values)

    def _quickly(self) -> None:
        known, alone = self.decoder.layouts.get, self.decoder.cache.ids.get
        ids, values, stamps, counts = self.ids, self.values, self.stamps, self.counts
        lines = enumerate(self.lines)
        for index, line in lines:
            spelling, _, rest = line.rpartition(b"=")
            series = alone(spelling)
            if series is not None:
                value, _, stamp = rest.partition(b" ")
                ids.append(series)
                values.append(value)
                stamps.append(stamp)
                counts.append(1)
                continue
            head, _, rest = line.partition(b" ")
            fields, _, stamp = rest.partition(b" ")
            parts = fields.replace(b"=", b",").split(b",")
            layout = known(head + b" " + b",".join(parts[::2]))
            if layout is None or fields.translate(None, _ALL_BUT_DELIMITERS) != layout[1]:
                if not (_ALONE.fullmatch(line) and self.decoder.series.turns_away()):
                    self._line(index, line, lines)
            else:
                ids += layout[0]
                values += parts[1::2]
                stamps.append(stamp)
                counts.append(len(layout[0]))
            if len(values) > MAX_SAMPLES:
                raise _too_many()
        if len(values) > MAX_SAMPLES:  # lines with one field
            raise _too_many()

    def _by_the_rules(self) -> None:
        for column in (self.ids, self.values, self.stamps, self.counts):
            column.clear()
        self.strings = 0
        lines = enumerate(self.lines)
        for index, line in lines:
            self._line(index, line, lines)
            if len(self.values) > MAX_SAMPLES:
                raise _too_many()

    def _times(self) -> Times | None:
        """The time of each line in ms, or None where one of them is no plain integer."""
        if b"".join(self.stamps).translate(None, _PLAIN_TIMES):
            return None
        given = [stamp for stamp in self.stamps if stamp]
        try:
            read = np.array(list(map(int, given)), np.int64)
        except (ValueError, OverflowError):
            return None
        if ((read >= self.bound) | (read <= -self.bound)).any():
            return None
        read = read * self.unit[0] // self.unit[1]
        if len(given) == len(self.stamps):
            return read
        times = np.full(len(self.stamps), self.at, np.int64)
        times[np.array([bool(stamp) for stamp in self.stamps], np.bool_)] = read
        return times

    # ---- by the rules

    def _line(self, index: int, line: bytes, lines: Lines) -> None:
        """Any line; one with a string that goes on takes further lines from `lines`."""
        stripped = line.strip(b" \t\r")
        if not stripped or stripped.startswith(b"#"):
            return
        try:
            self._point(stripped, lines)
        except FormatError as error:
            raise FormatError(error.reason, f"unable to parse line {index + 1}: {error}") from error

    def _point(self, line: bytes, lines: Lines) -> None:
        head = head_of(line)
        cursor = Cursor(line, len(head), lines)
        names: list[bytes] = []
        count, regular = len(self.values), True
        while True:
            names.append(cursor.name())
            if cursor.at(b'"'):
                cursor.skip_string()
                self.strings += 1
                regular = False
            else:
                self.values.append(number(cursor.word()))
                self.ids.append(self._series(head, names[-1]))
            if not cursor.at(b","):
                break
            cursor.pos += 1
        self.stamps.append(self._stamp(cursor.rest()))
        self.counts.append(len(self.values) - count)
        if regular and len(names) > 1:
            self._learn(line, head, names)

    def _series(self, head: bytes, field: bytes) -> int:
        spelling = head + b" " + field
        series = self.decoder.cache.ids.get(spelling)
        if series is None:
            if self.decoder.series.turns_away():
                return REFUSED
            if self.tags.head != head:
                self.tags = Tags(head)
            series = self._new(unescaped(field))
            self.decoder.cache.put(spelling, series)
        return series

    def _new(self, field: str) -> int:
        tags, table = self.tags, self.decoder.series
        if len(tags.before) + len(tags.behind) >= table.limits.labels:  # before they are put together for each field
            table.refused["too_many_labels"] += 1
            return REFUSED
        return table.intern((*tags.before, (METRIC_NAME, tags.metric(field)), *tags.behind))

    def _stamp(self, word: bytes) -> bytes:
        if word and (not _STAMP.fullmatch(word) or not -self.bound < int(word) < self.bound):
            raise bad(f"{shown(word)} is not a timestamp, an integer within 64 bits")
        return word

    def _learn(self, line: bytes, head: bytes, names: list[bytes]) -> None:
        """Remember the line's layout, if cutting it mechanically gives what the rules gave."""
        ids = tuple(self.ids[-len(names) :])
        cut, _, rest = line.partition(b" ")
        fields = rest.partition(b" ")[0]
        if cut == head and fields.replace(b"=", b",").split(b",")[::2] == names and REFUSED not in ids:
            delimiters = fields.translate(None, _ALL_BUT_DELIMITERS)
            self.decoder.remember(head + b" " + b",".join(names), (ids, delimiters))


def _lines(text: bytes) -> list[bytes]:
    if text.count(b"\n") > MAX_LINES:
        raise FormatError("too_many_lines", f"a post may have {MAX_LINES} lines")
    lines = text.replace(b"\r\n", b"\n").split(b"\n")
    if len(text) > MAX_LINE and max(map(len, lines)) > MAX_LINE:
        raise FormatError("line_too_long", f"a line may have {MAX_LINE} bytes")
    return lines


def _numbers(words: list[bytes]) -> Values | None:
    """The values: floats, integers and booleans, or None where one of them is none of these."""
    numbers = all_finite(words)
    if numbers is not None:
        return numbers
    words = [BOOLEANS.get(word, word) for word in words]
    joined = b",".join(words) + b","
    if (
        joined.count(b",") != len(words)
        or joined.translate(None, _PLAIN_NUMBERS).strip(b"iu")
        or not _INTEGERS.fullmatch(joined)
    ):
        return None
    return all_finite(joined.replace(b"i,", b",").replace(b"u,", b",").split(b",")[:-1])


def _too_many() -> FormatError:
    return FormatError("too_many_samples", f"a post may have {MAX_SAMPLES} fields")
