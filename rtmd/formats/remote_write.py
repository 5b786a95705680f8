"""Prometheus remote_write 1.0: a snappy-packed protobuf `WriteRequest` (unpacked before it comes here).

    WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
    TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3;
                   repeated Histogram histograms = 4; }
    Label        { string name = 1; string value = 2; }
    Sample       { double value = 1; int64 timestamp = 2; }
    Exemplar     { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }

**Two roads.** Nearly every series in a post is bytes seen before (its labels) and one sample in its 18-byte usual
spelling: `12 10 09 value×8 10 varint×6`, or 9 bytes where the value is zero and so left out. The fast road only
hops from length to length, looks the label bytes up, and leaves all checking to a few numpy operations over the
whole post: a frame's tag and length, and every fixed bit of a sample's spelling. A frame that passes can be read in
no other way, because the label bytes were verified to be whole fields when they were remembered. Whatever does not
pass takes the slow road, field by field, and both roads give the same answer (a property test holds them equal).

A post that is an earlier one with other times and values takes neither: see `layouts`.

**Order** of a batch is the order of the samples' bytes in the message.

**Refusals.** A message that is not what its format says is refused as a whole (FormatError). A series that is over
a limit or has no metric name, and native histograms, are counted in `series.refused` and left out. Labels may
come unsorted, as in Prometheus. Values travel as bits: a NaN's payload is never touched.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import TypeAlias

import numpy as np

from rtmd.errors import FormatError
from rtmd.formats.batch import EMPTY, REFUSED, Ids, PlacedExemplar, SampleBatch, SeriesTable, Times
from rtmd.formats.exemplars import MAX_EXEMPLARS, exemplar_of
from rtmd.formats.frames import LEAST_FRAME, UNKNOWN, USUAL, ZERO, Rows, Spelling, Words, hop, unpack
from rtmd.formats.layouts import Layouts
from rtmd.formats.protobuf import FieldReader, delimited, signed, varint
from rtmd.formats.series_cache import SeriesCache, intern_pairs

# In one post. They hold the daemon's loop for a second at worst, where a body's size alone would allow ten.
MAX_SERIES = 150_000
MAX_SAMPLES = 500_000
MAX_FIELDS = 300_000  # read one by one, off the fast road

_SERIES = 0x0A  # field of WriteRequest; metadata is not used
_LABEL, _SAMPLE, _EXEMPLAR, _HISTOGRAM = 0x0A, 0x12, 0x1A, 0x22  # fields of TimeSeries
_VALUE, _TIME = 0x09, 0x10  # fields of Sample
_EXEMPLAR_TIME = 0x18
_NAME, _TEXT = 0x0A, 0x12  # fields of Label

_MAX_LABELS = 10_000
_MEMO = 16_384  # labels remembered while series are read in full: most of them are shared

# Samples as parallel columns: first byte in the message, series, time, bits of the value.
_Columns: TypeAlias = tuple[Rows, Ids, Times, Words]


class RemoteWriteDecoder:
    """Unpacked remote_write bodies → batches. Keep one per series table: it remembers how series are spelled."""

    def __init__(self, series: SeriesTable) -> None:
        self.series = series
        self.cache = SeriesCache(series)
        self.layouts = Layouts(series)

    def __repr__(self) -> str:
        return f"<RemoteWriteDecoder {self.cache!r}, {self.layouts!r}>"

    def decode(self, raw: bytes, *, at: int) -> SampleBatch:
        """All samples of one post; `at` (ms) places exemplars that came without a time.

        Raises FormatError and nothing else: "bad_protobuf", "bad_utf8", "bad_labels", "too_many_labels",
        "too_many_samples" (or series), "too_many_fields". Nothing of a refused post is applied, though its series
        may have got ids.
        """
        batch = self.layouts.read(raw)
        if batch is not None:
            return batch
        with self.series.one_post():
            return _Post(raw, at=at, series=self.series, cache=self.cache, layouts=self.layouts).batch()


class _Post:
    """One message being read.

    A sample in a usual spelling waits as a row (series, its first byte, first byte of its frame's labels) for the
    check; any other sample is read field by field into `loose`: (its first byte, series, time, eight bytes of value).
    """

    def __init__(self, raw: bytes, *, at: int, series: SeriesTable, cache: SeriesCache, layouts: Layouts) -> None:
        self.raw = raw
        self.at = at
        self.series = series
        self.cache = cache
        self.layouts = layouts
        self.plain = True  # nothing but usual samples of series with an id, so far
        self.reader = FieldReader(raw, MAX_FIELDS)
        self.memo: dict[bytes, tuple[str, str]] = {}
        self.usual: list[int] = []  # rows one after the other
        self.zeros: list[int] = []
        self.loose: list[tuple[int, int, int, bytes]] = []
        self.exemplars: list[PlacedExemplar] = []

    def batch(self) -> SampleBatch:
        """Read the message."""
        walked = self._walk()
        if walked is None:
            walked = np.empty((3, 0), np.int64)
            fields = self.reader.fields(0, len(self.raw))
            self._frames([(first, stop) for tag, first, stop in fields if tag == _SERIES])
        usual, zeros = np.concatenate([walked, _rows(self.usual)], axis=1), _rows(self.zeros)
        parts = [self._checked(usual, USUAL), self._checked(zeros, ZERO)]
        batch = _assembled([*parts, _columns(self.loose)], tuple(self.exemplars))
        if self.plain:
            self.layouts.put(self.raw, batch.ids, usual=np.sort(usual[1]), zeros=np.sort(zeros[1]))
        return batch

    # ---- the fast road

    def _walk(self) -> Rows | None:
        """Hop over the frames; rows of those whose labels are known, the others read by `_frame`.

        None, and nothing read, when the message is not a plain run of short TimeSeries.
        """
        try:
            found, ends = hop(self.raw, self.cache.ids.get, MAX_SERIES)
        except IndexError:
            return None
        if not ends or ends[-1] != len(self.raw) or ends[0] < LEAST_FRAME:
            return None
        octets = np.frombuffer(self.raw, np.uint8)
        stops = np.array(ends, np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), stops[:-1]])
        if (stops - starts).min() < 3 or (octets[starts] != _SERIES).any():
            return None
        long = octets[starts + 1] > 0x7F
        if (long & (octets[starts + 2] > 0x7F)).any():  # a length of three bytes
            return None
        firsts = starts + 2 + long
        ids = np.array(found, np.int64)
        known = ids >= 0
        if known.all():
            return np.stack([ids, stops - USUAL.size, firsts])
        others = np.flatnonzero(~known)
        self._frames(list(zip(firsts[others].tolist(), stops[others].tolist(), strict=True)))
        return np.stack([ids[known], stops[known] - USUAL.size, firsts[known]])

    def _checked(self, rows: Rows, spelling: Spelling) -> _Columns:
        """The samples of these rows; a row that is not spelled as it should be is read field by field."""
        ids, places, firsts = rows
        if not len(ids):
            return _columns([])
        heads, words, bits = spelling.read(self.raw, places)
        right = spelling.holds(heads, words)
        if not right.all():
            for row in np.flatnonzero(~right).tolist():
                begin = int(places[row])
                self._rest(int(ids[row]), first=int(firsts[row]), begin=begin, stop=begin + spelling.size)
            ids, places, words, bits = ids[right], places[right], words[right], bits[right]
        return places, ids, unpack(words), bits

    # ---- the slow road

    def _frames(self, spans: list[tuple[int, int]]) -> None:
        """The TimeSeries in these bytes: a known one with a value of zero, or any."""
        if len(spans) > MAX_SERIES:
            raise FormatError("too_many_samples", f"a post may have {MAX_SERIES} series")
        raw, known, zeros = self.raw, self.cache.ids.get, self.zeros
        for first, stop in spans:
            begin = max(stop - ZERO.size, first)
            series = known(raw[first:begin], UNKNOWN)
            if series >= 0:
                zeros += (series, begin, first)
            else:
                self._frame(first, stop)

    def _frame(self, first: int, stop: int) -> None:
        """A TimeSeries in the bytes [first, stop) that the fast road did not know."""
        raw = self.raw
        begin = self._labels_end(first, stop)
        size = stop - begin
        count = size // USUAL.size
        heads, lengths = raw[begin : stop : USUAL.size], raw[begin + 1 : stop : USUAL.size]
        if size == count * USUAL.size and heads == b"\x12" * count and lengths == b"\x10" * count:
            series = self._known(first, begin)
            if len(self.usual) // 3 + count > MAX_SAMPLES:
                raise FormatError("too_many_samples", f"a post may have {MAX_SAMPLES} samples")
            for place in range(begin, stop, USUAL.size):
                self.usual += (series, place, first)
        elif size == ZERO.size and raw[begin : begin + 2] == b"\x12\x07":
            self.zeros += (self._known(first, begin), begin, first)
        else:
            self._rest(None, first=first, begin=begin, stop=stop)

    def _labels_end(self, first: int, stop: int) -> int:
        """Where the run of labels that begins at `first` ends."""
        raw, pos = self.raw, first
        for _ in repeat(None, _MAX_LABELS):
            if pos >= stop or raw[pos] != _LABEL:
                break
            if pos + 1 < stop and (size := raw[pos + 1]) < 0x80:
                pos += 2 + size
            else:
                size, after = self.reader.varint(pos + 1, stop)
                pos = after + size
        else:
            raise FormatError("too_many_labels", f"byte {first}: a series with more than {_MAX_LABELS} labels")
        if pos > stop:
            raise FormatError("bad_protobuf", f"byte {first}: a label runs beyond its series")
        return pos

    def _known(self, first: int, begin: int) -> int:
        """The series spelled by the labels in [first, begin)."""
        spelling = self.raw[first:begin]
        series = self.cache.ids.get(spelling)
        if series is None:
            turned_away = self.series.turns_away()
            series = REFUSED if turned_away else intern_pairs(self.series, self._pairs(first, begin))
            self.cache.put(spelling, series)
            self.plain &= series != REFUSED
        return series

    def _pairs(self, pos: int, stop: int) -> list[tuple[str, str]]:
        """The labels in [pos, stop), a run of whole fields."""
        pairs, raw, memo = [], self.raw, self.memo
        while pos < stop:
            if (size := raw[pos + 1]) < 0x80:
                start = pos + 2
            else:
                size, start = self.reader.varint(pos + 1, stop)
            pos = start + size
            spelling = raw[start:pos]
            pair = memo.get(spelling)
            if pair is None:
                pair = self._label(start, pos)
                if len(memo) >= _MEMO:
                    memo.clear()
                memo[spelling] = pair
            pairs.append(pair)
        return pairs

    def _label(self, start: int, stop: int) -> tuple[str, str]:
        """A Label: the usual `0A n name 12 m value` with short strings, or any other order and spelling."""
        raw = self.raw
        if stop - start >= 4 and raw[start] == _NAME and (size := raw[start + 1]) < 0x80:
            middle = start + 2 + size
            if middle + 2 <= stop and raw[middle] == _TEXT and (rest := raw[middle + 1]) < 0x80:
                value = middle + 2
                if value + rest == stop:
                    return self.reader.text(start + 2, middle), self.reader.text(value, stop)
        name = text = ""
        for tag, a, b in self.reader.fields(start, stop):
            if tag == _NAME:
                name = self.reader.text(a, b)
            elif tag == _TEXT:
                text = self.reader.text(a, b)
        return name, text

    def _rest(self, series: int | None, *, first: int, begin: int, stop: int) -> None:
        """The fields [begin, stop) of a TimeSeries whose labels began at `first`, one by one."""
        self.plain = False
        fields = self.reader.fields(begin, stop)
        late = [self._label(a, b) for tag, a, b in fields if tag == _LABEL]
        if late:
            series = intern_pairs(self.series, [*self._pairs(first, begin), *late])
        elif series is None:
            series = self._known(first, begin)
        for tag, a, b in fields:
            if tag == _SAMPLE:
                self._sample(series, a, b)
            elif tag == _EXEMPLAR:
                self._exemplar(series, a, b)
            elif tag == _HISTOGRAM:
                self.series.refused["native_histogram"] += 1

    def _sample(self, series: int, start: int, stop: int) -> None:
        time, bits = 0, b"\0" * 8
        for tag, a, b in self.reader.fields(start, stop):
            if tag == _VALUE:
                bits = self.raw[a:b]
            elif tag == _TIME:
                time = signed(a)
        self.loose.append((start, series, time, bits))

    def _exemplar(self, series: int, start: int, stop: int) -> None:
        time, pairs = 0, []
        for tag, a, b in self.reader.fields(start, stop):
            if tag == _LABEL:
                pairs.append(self._label(a, b))
            elif tag == _EXEMPLAR_TIME:
                time = signed(a)
        found = exemplar_of(pairs)
        if len(self.exemplars) >= MAX_EXEMPLARS:
            self.series.refused["too_many_exemplars"] += 1
        elif series != REFUSED:
            self.exemplars.append(PlacedExemplar(series, time or self.at, found))


def _rows(flat: list[int]) -> Rows:
    return np.array(flat, np.int64).reshape(-1, 3).T


def _columns(samples: list[tuple[int, int, int, bytes]]) -> _Columns:
    return (
        np.array([place for place, _, _, _ in samples], np.int64),
        np.array([series for _, series, _, _ in samples], np.int64),
        np.array([time for _, _, time, _ in samples], np.int64),
        np.frombuffer(b"".join(bits for _, _, _, bits in samples), "<u8"),
    )


def _assembled(parts: Sequence[_Columns], exemplars: tuple[PlacedExemplar, ...]) -> SampleBatch:
    """One batch in the order of the message, without the samples of refused series."""
    filled = [part for part in parts if len(part[0])]
    if not filled:
        return SampleBatch(EMPTY.ids, EMPTY.times, EMPTY.values, exemplars)
    places, ids, times, bits = (np.concatenate(columns) for columns in zip(*filled, strict=True))
    keep = ids >= 0
    if not keep.all():
        places, ids, times, bits = places[keep], ids[keep], times[keep], bits[keep]
    if len(filled) > 1 or (np.diff(places) < 0).any():
        order = np.argsort(places, kind="stable")
        ids, times, bits = ids[order], times[order], bits[order]
    return SampleBatch(ids, times, bits.view(np.float64), exemplars)


def encode_write(series: Iterable[tuple[Mapping[str, str], Iterable[tuple[int, float]]]]) -> bytes:
    """A WriteRequest, still to be packed with snappy: for each series its labels and (time in ms, value) samples."""
    return b"".join(
        delimited(_SERIES, b"".join([*_encoded_labels(labels), *(_encoded_sample(*sample) for sample in samples)]))
        for labels, samples in series
    )


def _encoded_labels(labels: Mapping[str, str]) -> Iterable[bytes]:
    for name, value in sorted(labels.items()):
        yield delimited(_LABEL, delimited(_NAME, name.encode()) + delimited(_TEXT, value.encode()))


def _encoded_sample(time: int, value: float) -> bytes:
    bits = struct.pack("<d", value)
    fields = b"" if bits == b"\0" * 8 else b"\x09" + bits
    return delimited(_SAMPLE, fields + (b"\x10" + varint(time) if time else b""))
