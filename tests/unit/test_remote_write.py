"""remote_write: the usual shapes in bulk, every other shape field by field, and what is refused."""

import numpy as np
import pytest

from rtmd.errors import FormatError
from rtmd.formats.batch import STALE, STALE_BITS, SampleBatch, SeriesLimits, SeriesTable, is_stale
from rtmd.formats.protobuf import delimited, varint
from rtmd.formats.remote_write import RemoteWriteDecoder, encode_write
from rtmd.model.firing import Exemplar

AT = 1_760_000_000_000

Sample = tuple[int, float]


def up(host: str) -> dict[str, str]:
    return {"__name__": "up", "host": host}


def label(name: str, value: str) -> bytes:
    return delimited(0x0A, delimited(0x0A, name.encode()) + delimited(0x12, value.encode()))


def sample(value: float, time: int) -> bytes:
    return delimited(0x12, b"\x09" + np.float64(value).tobytes() + b"\x10" + varint(time))


def frame(*fields: bytes) -> bytes:
    return delimited(0x0A, b"".join(fields))


def decoder(limits: SeriesLimits | None = None) -> RemoteWriteDecoder:
    return RemoteWriteDecoder(SeriesTable(limits))


def rows(table: SeriesTable, batch: SampleBatch) -> list[tuple[str, int, float]]:
    hosts = [dict(table.labels(series)).get("host", "") for series in batch.ids.tolist()]
    return list(zip(hosts, batch.times.tolist(), batch.values.tolist(), strict=True))


def reason(raw: bytes, limits: SeriesLimits | None = None) -> str:
    with pytest.raises(FormatError) as caught:
        decoder(limits).decode(raw, at=AT)
    return caught.value.reason


def test_a_post_gives_the_same_batch_when_its_series_are_new_and_when_they_are_known() -> None:
    road = decoder()
    raw = encode_write([(up(f"h{n}"), [(AT + n, 1.5 * n)]) for n in range(300)])
    expected = [(f"h{n}", AT + n, 1.5 * n) for n in range(300)]
    assert rows(road.series, road.decode(raw, at=AT)) == expected
    assert rows(road.series, road.decode(raw, at=AT)) == expected


def test_an_empty_message_is_an_empty_batch() -> None:
    assert len(decoder().decode(b"", at=AT)) == 0


@pytest.mark.parametrize("padding", [0, 60, 130, 500])
def test_frames_of_any_length_are_read(padding: int) -> None:
    road = decoder()
    raw = encode_write([({**up("h"), "pad": "x" * padding}, [(AT, 7.0)])] * 2)
    for _ in range(2):
        assert road.decode(raw, at=AT).values.tolist() == [7.0, 7.0]


def test_a_series_longer_than_a_length_of_two_bytes_can_say_is_read_with_its_neighbours() -> None:
    road = decoder(SeriesLimits(value_bytes=40_000))
    raw = encode_write([(up("a"), [(AT, 1.0)]), ({**up("b"), "text": "x" * 30_000}, [(AT, 2.0)])])
    for _ in range(2):
        assert rows(road.series, road.decode(raw, at=AT)) == [("a", AT, 1.0), ("b", AT, 2.0)]


def test_zero_values_are_left_out_by_senders_and_read_as_zero() -> None:
    road = decoder()
    raw = encode_write([(up("a"), [(AT, 0.0)]), (up("b"), [(AT, 4.0)]), (up("c"), [(AT, 0.0)])])
    for _ in range(2):
        assert rows(road.series, road.decode(raw, at=AT)) == [("a", AT, 0.0), ("b", AT, 4.0), ("c", AT, 0.0)]


def test_several_samples_of_a_series_keep_their_order_among_the_others() -> None:
    road = decoder()
    raw = encode_write([(up("a"), [(AT, 1.0), (AT + 1, 2.0), (AT + 2, 0.0)]), (up("b"), [(AT, 3.0), (AT + 5, 4.0)])])
    expected = [("a", AT, 1.0), ("a", AT + 1, 2.0), ("a", AT + 2, 0.0), ("b", AT, 3.0), ("b", AT + 5, 4.0)]
    for _ in range(2):
        assert rows(road.series, road.decode(raw, at=AT)) == expected


@pytest.mark.parametrize("time", [0, 1, 1_000_000, 1 << 60, (1 << 63) - 1, -1, -AT])
def test_every_timestamp_is_kept_as_it_is(time: int) -> None:
    road = decoder()
    raw = encode_write([(up("a"), [(time, 1.0)]), (up("b"), [(AT, 2.0)])])
    for _ in range(2):
        assert road.decode(raw, at=AT).times.tolist() == [time, AT]


def test_the_bits_of_a_nan_survive_on_both_roads() -> None:
    road = decoder()
    raw = encode_write([(up("a"), [(AT, STALE)]), (up("b"), [(7, STALE)]), (up("c"), [(AT, float("nan"))])])
    for _ in range(2):
        batch = road.decode(raw, at=AT)
        assert is_stale(batch.values).tolist() == [True, True, False]
        assert batch.values.view(np.uint64)[0] == STALE_BITS


def test_fields_in_another_order_and_unknown_fields_mean_the_same() -> None:
    road = decoder()
    swapped = delimited(0x12, b"\x10" + varint(AT) + b"\x09" + np.float64(5.0).tobytes())
    unknown = delimited(0x7A, b"later") + b"\x78\x05" + b"\x7d\0\0\0\0" + b"\x79" + b"\0" * 8
    raw = b"".join(
        [
            frame(sample(1.0, AT), label("__name__", "up"), label("host", "a")),
            frame(label("__name__", "up"), label("host", "b"), swapped),
            unknown,
            frame(label("__name__", "up"), unknown, label("host", "c"), sample(3.0, AT)),
            delimited(0x1A, b"\x08\x01"),  # metadata
        ]
    )
    for _ in range(2):
        assert rows(road.series, road.decode(raw, at=AT)) == [("a", AT, 1.0), ("b", AT, 5.0), ("c", AT, 3.0)]


def test_a_known_frame_whose_sample_is_spelled_unusually_is_read_field_by_field() -> None:
    road = decoder()
    road.decode(encode_write([(up("a"), [(AT, 1.0)])]), at=AT)
    swapped = delimited(0x12, b"\x10" + varint(AT) + b"\x09" + np.float64(5.0).tobytes())
    raw = frame(label("__name__", "up"), label("host", "a"), swapped)
    assert rows(road.series, road.decode(raw, at=AT)) == [("a", AT, 5.0)]


def test_labels_may_come_unsorted_and_name_the_same_series() -> None:
    road = decoder()
    raw = frame(label("host", "a"), label("__name__", "up"), sample(1.0, AT)) + encode_write([(up("a"), [(AT, 2.0)])])
    assert road.decode(raw, at=AT).ids.tolist() == [0, 0]


def test_an_empty_label_value_is_no_label() -> None:
    road = decoder()
    road.decode(frame(label("__name__", "up"), label("empty", ""), sample(1.0, AT)), at=AT)
    assert road.series.labels(0) == (("__name__", "up"),)


def test_a_late_label_does_not_mix_up_series_that_share_the_others() -> None:
    road = decoder()
    split = frame(label("__name__", "up"), sample(1.0, AT), label("host", "b"))
    raw = encode_write([({"__name__": "up"}, [(AT, 9.0)])]) + split
    for _ in range(2):
        assert rows(road.series, road.decode(raw, at=AT)) == [("", AT, 9.0), ("b", AT, 1.0)]


def test_exemplars_carry_their_labels_as_text() -> None:
    road = decoder()
    trace = delimited(0x1A, label("trace_id", "abc") + b"\x11" + b"\0" * 8 + b"\x18" + varint(AT - 5))
    post = delimited(0x1A, label("text", "so good") + label("author", "@ana") + label("reach", "1200"))
    batch = road.decode(frame(label("__name__", "up"), sample(1.0, AT), trace, post), at=AT)
    assert [(found.series, found.time, found.exemplar) for found in batch.exemplars] == [
        (0, AT - 5, Exemplar(text='trace_id="abc"')),
        (0, AT, Exemplar(text="so good", author="@ana", reach=1200.0)),
    ]


def test_a_thousand_labels_are_a_counted_refusal_and_the_rest_of_the_post_is_kept() -> None:
    road = decoder()
    wide = {f"label_{n}": "x" for n in range(1000)} | up("wide")
    raw = encode_write([(up("a"), [(AT, 1.0)]), (wide, [(AT, 2.0), (AT + 1, 2.0)]), (up("c"), [(AT, 3.0)])])
    for _ in range(2):
        assert rows(road.series, road.decode(raw, at=AT)) == [("a", AT, 1.0), ("c", AT, 3.0)]
    assert road.series.refused["too_many_labels"] == 2


def test_a_series_without_a_metric_name_is_a_counted_refusal() -> None:
    road = decoder()
    assert len(road.decode(encode_write([({"host": "a"}, [(AT, 1.0)]), ({}, [(AT, 1.0)])]), at=AT)) == 0
    assert road.series.refused["no_metric_name"] == 2


def test_series_over_the_limit_are_refused_and_known_ones_go_on() -> None:
    road = decoder(SeriesLimits(series=1))
    road.decode(encode_write([(up("a"), [(AT, 1.0)])]), at=AT)
    raw = encode_write([(up("b"), [(AT, 0.0)]), (up("a"), [(AT, 1.0)]), (up("c"), [(AT, 1.0)])])
    assert rows(road.series, road.decode(raw, at=AT)) == [("a", AT, 1.0)]
    assert road.series.refused["too_many_series"] == 2


def test_native_histograms_are_counted_and_left_out() -> None:
    road = decoder()
    raw = frame(label("__name__", "up"), delimited(0x22, b"\x08\x01"))
    assert len(road.decode(raw, at=AT)) == 0
    assert road.series.refused["native_histogram"] == 1


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\x0a", "bad_protobuf"),
        (b"\x0a\x05\x0a", "bad_protobuf"),
        (b"\x0b\x00", "bad_protobuf"),
        (b"\x00\x00", "bad_protobuf"),
        (b"\x80" * 12, "bad_protobuf"),
        (frame(label("__name__", "up"), b"\x12\x7f"), "bad_protobuf"),
        (frame(b"\x0a\x7f\x0a\x01"), "bad_protobuf"),
        (frame(label("__name__", "up"), label("host", "a"), label("host", "b"), sample(1.0, AT)), "bad_labels"),
        (frame(label("__name__", "up"), label("", "a"), sample(1.0, AT)), "bad_labels"),
        (frame(label("__name__", "up"), delimited(0x0A, b"\x0a\x01\xff\x12\x01a"), sample(1.0, AT)), "bad_utf8"),
        (frame(label("__name__", "up"), b"\x0a\x00" * 20_000, sample(1.0, AT)), "too_many_labels"),
        (b"\x0a\x00" * 600_000, "too_many_fields"),
        (frame(label("__name__", "up"), b"\x12\x00" * 600_000), "too_many_fields"),
        (frame(label("__name__", "up"), sample(1.0, AT)) * 150_001, "too_many_samples"),
        (frame(label("__name__", "up"), sample(1.0, AT) * 500_001), "too_many_samples"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_a_malformed_message_is_refused_as_a_whole(raw: bytes, expected: str) -> None:
    assert reason(raw) == expected
    assert reason(encode_write([(up("a"), [(AT, 1.0)])]) + raw) == expected


def test_a_truncated_post_of_known_series_is_refused() -> None:
    road = decoder()
    raw = encode_write([(up(f"h{n}"), [(AT, 1.0)]) for n in range(3)])
    road.decode(raw, at=AT)
    for cut in range(1, len(raw) // 3):
        with pytest.raises(FormatError):
            road.decode(raw[:-cut], at=AT)


def test_a_body_of_ten_megabytes_is_read() -> None:
    road = decoder()
    raw = encode_write([({**up("a"), "pad": "x" * 900}, [(AT, 1.0)])]) * 10_000
    assert len(raw) > 9_500_000
    assert len(road.decode(raw, at=AT)) == 10_000


def test_the_memory_of_spellings_is_bounded() -> None:
    road = decoder()
    road.cache.limit = 2_000
    for n in range(100):
        raw = encode_write([(up(f"h{n}"), [(AT, 1.0)])])
        assert rows(road.series, road.decode(raw, at=AT)) == [(f"h{n}", AT, 1.0)]
        assert road.cache.bytes <= 2_000
    assert len(road.cache.ids) < 20


def test_series_hold_the_labels_they_share_once_whatever_post_brought_them() -> None:
    road = decoder()
    for host in ("a", "b"):
        road.decode(encode_write([({**up(host), "job": "node"}, [(AT, 1.0)])]), at=AT)
    (first, first_host, first_job), (second, second_host, second_job) = (road.series.labels(each) for each in (0, 1))
    assert first == ("__name__", "up")
    assert (first is second, first_job is second_job) == (True, True)
    assert first_host != second_host
    assert first_host[0] is second_host[0]
