"""Whatever bytes come in, a decoder gives a batch or a FormatError, and the fast road equals the slow one."""

import operator
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import reduce

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rtmd.errors import FormatError
from rtmd.formats.batch import STALE_BITS, SampleBatch, SeriesLimits, SeriesTable
from rtmd.formats.compression import decode_body, encode_snappy
from rtmd.formats.exposition import ExpositionDecoder, render
from rtmd.formats.graphite import GraphiteDecoder
from rtmd.formats.influx import InfluxDecoder
from rtmd.formats.names import label_name, metric_name
from rtmd.formats.protobuf import delimited, varint
from rtmd.formats.remote_write import RemoteWriteDecoder, encode_write
from rtmd.formats.samples_json import decode_samples
from rtmd.sources.tally import QUANTILES, Tally, quantiles

AT = 1_760_000_000_000
LIMITS = SeriesLimits(series=50)

names = st.text("ab_", min_size=1, max_size=4)
# A fixed alphabet: building the table of all of Unicode takes seconds on a busy machine.
texts = st.text('aä€😀 "\\\n#{}=,\r\t0', max_size=12) | st.sampled_from(["\t" * 16, "x" * 200, 'q"\\\n', "} 1 # {"])
label_sets = st.dictionaries(names, texts, max_size=4).map(lambda labels: {"__name__": "m", **labels})
times = st.integers(AT, AT + 10**6) | st.sampled_from([0, 1, -1, 2**60, 2**42 - 1, 2**42, 2**35, 2**35 - 1])
bits = st.integers(0, 2**64 - 1) | st.sampled_from([0, STALE_BITS, 0x7FF8000000000000, 1 << 63, 0x4010100912100912])
posts = st.lists(st.tuples(label_sets, st.lists(st.tuples(times, bits), max_size=3)), max_size=6)

Rows = list[tuple[object, int, int]]
Post = list[tuple[dict[str, str], list[tuple[int, int]]]]


def number(pattern: int) -> np.float64:
    return np.array([pattern], np.uint64).view(np.float64)[0]


def rows(table: SeriesTable, batch: SampleBatch) -> Rows:
    labels = [table.labels(series) for series in batch.ids.tolist()]
    return list(zip(labels, batch.times.tolist(), batch.values.view(np.uint64).tolist(), strict=True))


def encoded(post: Post) -> bytes:
    return encode_write([(labels, [(time, number(pattern)) for time, pattern in samples]) for labels, samples in post])


def rewritten(post: Post) -> bytes:
    """The same post with every sample's fields swapped: nothing in it is spelled as usual."""
    frames = []
    for labels, samples in post:
        head = delimited(0x7A, b"?") + b"".join(
            delimited(0x0A, delimited(0x12, value.encode()) + delimited(0x0A, name.encode()))
            for name, value in labels.items()
        )
        tails = (b"\x10" + varint(time) + b"\x09" + number(pattern).tobytes() for time, pattern in samples)
        frames.append(delimited(0x0A, head + b"".join(delimited(0x12, tail) for tail in tails)))
    return b"".join(frames)


def mutated(draw: st.DrawFn, valid: bytes) -> bytes:
    """Valid bytes with a few replaced, cut out or put in."""
    body = bytearray(valid)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(body)))
        length = draw(st.integers(0, 3))
        body[place : place + length] = draw(st.binary(max_size=3))
    return bytes(body)


@st.composite
def damaged_posts(draw: st.DrawFn) -> bytes:
    return mutated(draw, encoded(draw(posts)))


@st.composite
def damaged_pages(draw: st.DrawFn) -> bytes:
    valid = b'# TYPE a counter\nm{a="b c",b="\\n"} 1 17\nm 2\nb 3 # {x="y"} 1 2\n{"q r",z="1"} +Inf\n# EOF'
    return mutated(draw, valid)


@st.composite
def damaged_json(draw: st.DrawFn) -> bytes:
    valid = b'[{"metric":"a","labels":{"x":"y"},"value":1.5,"time":7,"exemplar":{"text":"t","reach":2}}]'
    return mutated(draw, valid)


INFLUX = rb"""# c
cpu,host=a,core=0 user=12.5,procs=7i,ok=true,state="fi,n=e \"x\"" 1465839830100400200
cpu,host=a,core=0 user=1,procs=8i 1465839830100400200
we\ ather,lo\,c=a\ b,x\=y=c temp=82,up=f
m value=-3e2
cpu,host=a,core=0 user=2,procs=9i
"""
GRAPHITE = b"a.b 1 1790000000\nc;d=e;f=g 2.5\na.b -1 -1\nh 0 1.5\n"
STATSD = b"a.b:1|c|@0.5|#x:y,z\nq:+3|g\nt:1:2:3|ms\nu:ana|s\na.b:2|c|@0.5|#x:y,z\n_e{1,1}:a|b\n"


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    return mutated(draw, valid)


def survives(decode: Callable[[bytes], object], body: bytes) -> None:
    with suppress(FormatError):
        decode(body)


@given(posts)
def test_new_known_and_unusually_spelled_series_give_the_same_batch(post: Post) -> None:
    expected = [
        (tuple(sorted((name, value) for name, value in labels.items() if value)), time, pattern)
        for labels, samples in post
        for time, pattern in samples
    ]
    road = RemoteWriteDecoder(SeriesTable())
    for body in (encoded(post), encoded(post), rewritten(post), encoded(post)):
        assert rows(road.series, road.decode(body, at=AT)) == expected


@given(posts, damaged_posts())
def test_a_warm_decoder_and_a_cold_one_agree_on_any_bytes(post: Post, body: bytes) -> None:
    warm, cold = RemoteWriteDecoder(SeriesTable()), RemoteWriteDecoder(SeriesTable())
    warm.decode(encoded(post), at=AT)
    results: list[Rows | str] = []
    for road in (warm, cold):
        try:
            results.append(rows(road.series, road.decode(body, at=AT)))
        except FormatError as error:
            results.append(error.reason)
    assert results[0] == results[1]


@settings(max_examples=300)
@given(st.data(), posts)
def test_a_post_that_came_before_is_read_as_if_it_had_not_whatever_bytes_are_others_now(
    data: st.DataObject, post: Post
) -> None:
    warm, cold = RemoteWriteDecoder(SeriesTable()), RemoteWriteDecoder(SeriesTable())
    body = bytearray(encoded(post))
    for _ in range(2):
        warm.decode(bytes(body), at=AT)  # in full, then as it came before
    flips = st.tuples(st.integers(0, max(0, len(body) - 1)), st.integers(1, 255))
    for place, bits_ in data.draw(st.lists(flips, max_size=4)) if body else ():
        body[place] ^= bits_
    results: list[Rows | str] = []
    for road in (warm, cold):
        try:
            results.append(rows(road.series, road.decode(bytes(body), at=AT)))
        except FormatError as error:
            results.append(error.reason)
    assert results[0] == results[1]
    assert warm.series.refused == cold.series.refused


@settings(max_examples=200)
@given(st.binary(max_size=200) | damaged_posts())
@example(b"\x0a\x12" + b"\0" * 18)
def test_remote_write_gives_a_batch_or_a_format_error(body: bytes) -> None:
    road = RemoteWriteDecoder(SeriesTable(LIMITS))
    survives(lambda raw: road.decode(raw, at=AT), body)
    survives(lambda raw: road.decode(raw, at=AT), body)


@settings(max_examples=200)
@given(st.binary(max_size=200) | damaged_pages())
def test_exposition_gives_the_same_batch_twice_or_a_format_error(body: bytes) -> None:
    decoder = ExpositionDecoder(SeriesTable(LIMITS), (("job", "j"),))
    results: list[Rows | str] = []
    for _ in range(2):
        try:
            results.append(rows(decoder.series, decoder.decode(body, at=AT)))
        except FormatError as error:
            results.append(error.reason)  # of several bad lines another one may be met first
    assert results[0] == results[1]


@settings(max_examples=200)
@given(st.binary(max_size=200) | damaged_json())
def test_json_gives_a_batch_or_a_format_error(body: bytes) -> None:
    survives(lambda raw: decode_samples(raw, SeriesTable(LIMITS), at=AT), body)


@given(st.binary(max_size=200), st.sampled_from(["gzip", "snappy", "identity", "br"]))
def test_any_body_is_opened_or_refused(body: bytes, encoding: str) -> None:
    survives(lambda raw: decode_body(raw, encoding, limit=1000), body)


@given(st.binary(max_size=500))
def test_snappy_gives_back_what_it_was_given(plain: bytes) -> None:
    assert decode_body(encode_snappy(plain), "snappy", limit=500) == plain


pages = st.dictionaries(label_sets.map(lambda labels: tuple(sorted(labels.items()))), st.floats(), max_size=5)


@given(pages)
def test_what_render_writes_the_decoder_reads(page: dict[tuple[tuple[str, str], ...], float]) -> None:
    decoder = ExpositionDecoder(SeriesTable())
    found = decoder.decode(render([("m", "gauge", "some help", list(page.items()))]), at=AT)
    wanted = [tuple(pair for pair in labels if pair[1]) for labels in page]
    assert [decoder.series.labels(series) for series in found.ids.tolist()] == wanted
    np.testing.assert_array_equal(found.values, np.array(list(page.values()), np.float64))


def twice(table: SeriesTable, decode: Callable[[bytes], SampleBatch], body: bytes) -> None:
    """The same batch, or the same refusal, whether or not the decoder has seen the bytes."""
    results: list[Rows | str] = []
    for _ in range(2):
        try:
            results.append(rows(table, decode(body)))
        except FormatError as error:
            results.append(str(error))
    assert results[0] == results[1]


@settings(max_examples=300)
@given(st.binary(max_size=200) | damaged(INFLUX))
@example(b'm f="\n')
@example(b"m f=1=2,g\nm f=1,g=2")
def test_influx_gives_the_same_batch_new_and_known_or_a_format_error(body: bytes) -> None:
    cold, warm = (InfluxDecoder(SeriesTable()) for _ in range(2))
    warm.decode(INFLUX, at=AT)
    twice(cold.series, lambda raw: cold.decode(raw, at=AT), body)
    results: list[Rows | str] = []
    for decoder in (cold, warm):
        try:
            results.append(rows(decoder.series, decoder.decode(body, at=AT)))
        except FormatError as error:
            results.append(str(error))
    assert results[0] == results[1]


@settings(max_examples=200)
@given(st.binary(max_size=200) | damaged(GRAPHITE))
def test_graphite_gives_the_same_batch_twice_and_refuses_nothing(body: bytes) -> None:
    decoder = GraphiteDecoder(SeriesTable(LIMITS))
    first, second = (rows(decoder.series, decoder.decode(body, at=AT)) for _ in range(2))
    assert first == second


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=100) | damaged(STATSD), max_size=4))
def test_statsd_gives_one_finite_sample_a_series_whatever_comes(datagrams: list[bytes]) -> None:
    tally = Tally(SeriesTable(LIMITS), every=1000)
    for at in (AT, AT + 1000):
        for datagram in datagrams:
            tally.take(datagram)
        batch = tally.flush(at)
        placed = list(zip(batch.ids.tolist(), batch.times.tolist(), strict=True))
        assert len(set(placed)) == len(placed)
        ended = batch.values.view(np.uint64) == STALE_BITS
        assert np.isfinite(batch.values[~ended]).all()


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20))
def test_quantiles_are_numpys(values: list[float]) -> None:
    wanted = np.quantile(values, QUANTILES)
    np.testing.assert_allclose(quantiles(values), wanted, rtol=1e-12, atol=1e-12 * max(map(abs, values)))


@given(st.lists(st.integers(1, 2**53), max_size=20), st.integers(0, 20))
def test_a_counter_grows_by_what_came_however_it_is_cut(counts: list[int], place: int) -> None:
    tally = Tally(SeriesTable(), every=1000)
    tally.take(b"".join(b"a:%d|c\n" % count for count in counts[:place]))
    tally.flush(AT)
    tally.take(b"a:" + b":".join(b"%d" % count for count in counts[place:]) + b"|c")
    values = tally.flush(AT + 1000).values.tolist()
    # One after the other: sum() compensates from Python 3.12 on.
    assert (values[-1] if counts else 0) == reduce(operator.add, map(float, counts), 0.0)


def escaped(text: str) -> str:
    """As tags and measurements are written in Influx line protocol."""
    return "".join(f"\\{character}" if character in ",= " else character for character in text)


# What line protocol cannot say: line breaks, and a backslash before a delimiter or at the end.
words = st.text('aä€😀 "=,._-0', min_size=1, max_size=8).filter(lambda text: text.strip() == text)
numbers = st.floats(allow_nan=False, allow_infinity=False)
points = st.tuples(
    words, st.dictionaries(words, words, max_size=3), st.dictionaries(words, numbers, min_size=1, max_size=4)
)


def distinct(names: Iterable[str]) -> bool:
    """Whether they are still different labels when PromQL can write them."""
    found = [label_name(name) for name in names]
    return len(set(found)) == len(found) and "__name__" not in found


@given(st.lists(points.filter(lambda point: distinct(point[1]) and not point[0].startswith("#")), max_size=5))
def test_influx_reads_what_was_written(posted: list[tuple[str, dict[str, str], dict[str, float]]]) -> None:
    lines, wanted = [], []
    for measurement, tags, fields in posted:
        head = ",".join([escaped(measurement), *(f"{escaped(name)}={escaped(text)}" for name, text in tags.items())])
        lines.append(f"{head} {','.join(f'{escaped(name)}={number!r}' for name, number in fields.items())} {AT}")
        for name, number in fields.items():
            metric = measurement if name == "value" else f"{measurement}_{name}"
            labels = {"__name__": metric_name(metric), **{label_name(tag): text for tag, text in tags.items()}}
            wanted.append((tuple(sorted(labels.items())), AT, number))
    decoder = InfluxDecoder(SeriesTable())
    for _ in range(2):
        batch = decoder.decode("\n".join(lines).encode(), at=0, precision="ms")
        found = [decoder.series.labels(series) for series in batch.ids.tolist()]
        assert list(zip(found, batch.times.tolist(), batch.values.tolist(), strict=True)) == wanted


@given(st.lists(st.tuples(st.text("ab.-_0", min_size=1, max_size=8), numbers, st.integers(0, 2**40)), max_size=5))
def test_graphite_reads_what_was_written(posted: list[tuple[str, float, int]]) -> None:
    decoder = GraphiteDecoder(SeriesTable())
    text = "".join(f"{path} {number!r} {seconds}\n" for path, number, seconds in posted)
    batch = decoder.decode(text.encode(), at=AT)
    found = [decoder.series.labels(series) for series in batch.ids.tolist()]
    assert found == [(("__name__", metric_name(path)), ("path", path)) for path, _, _ in posted]
    assert batch.times.tolist() == [seconds * 1000 for _, _, seconds in posted]
    assert batch.values.tolist() == [number for _, number, _ in posted]
