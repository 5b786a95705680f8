"""Whatever bytes come in, a decoder gives a batch or a FormatError, and the fast road equals the slow one."""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rtmd.errors import FormatError
from rtmd.formats.batch import STALE_BITS, SampleBatch, SeriesLimits, SeriesTable
from rtmd.formats.compression import decode_body, encode_snappy
from rtmd.formats.exposition import ExpositionDecoder, render
from rtmd.formats.protobuf import delimited, varint
from rtmd.formats.remote_write import RemoteWriteDecoder, encode_write
from rtmd.formats.samples_json import decode_samples

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
