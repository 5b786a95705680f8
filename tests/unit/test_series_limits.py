"""Limits fail open (semantics S13): what is known goes on, what is new is refused and counted, in every format."""

import json
from collections.abc import Callable

import pytest

from rtmd.errors import FormatError
from rtmd.formats.batch import SampleBatch, SeriesLimits, SeriesTable
from rtmd.formats.exposition import ExpositionDecoder
from rtmd.formats.graphite import GraphiteDecoder
from rtmd.formats.influx import InfluxDecoder
from rtmd.formats.remote_write import RemoteWriteDecoder, encode_write
from rtmd.formats.samples_json import MAX_FIELDS, decode_samples

AT = 1_760_000_000_000
Post = Callable[[list[str]], SampleBatch]


def _influx(table: SeriesTable) -> Post:
    decoder = InfluxDecoder(table)
    return lambda names: decoder.decode(b"".join(b"%b,a=b v=1\n" % name.encode() for name in names), at=AT)


def _influx_with_two_fields(table: SeriesTable) -> Post:
    decoder = InfluxDecoder(table)
    return lambda names: decoder.decode(b"".join(b'%b,a=b v=1,s="x"\n' % name.encode() for name in names), at=AT)


def _page(table: SeriesTable) -> Post:
    decoder = ExpositionDecoder(table)
    return lambda names: decoder.decode(b"".join(b"%b 1\n" % name.encode() for name in names), at=AT)


def _graphite(table: SeriesTable) -> Post:
    decoder = GraphiteDecoder(table)
    return lambda names: decoder.decode(b"".join(b"%b 1\n" % name.encode() for name in names), at=AT)


def _remote_write(table: SeriesTable) -> Post:
    decoder = RemoteWriteDecoder(table)
    return lambda names: decoder.decode(encode_write([({"__name__": name}, [(AT, 1.0)]) for name in names]), at=AT)


def _json(table: SeriesTable) -> Post:
    return lambda names: decode_samples(
        json.dumps([{"metric": name, "value": 1.0} for name in names]).encode(), table, at=AT
    )


FORMATS = pytest.mark.parametrize(
    "make", [_influx, _influx_with_two_fields, _page, _graphite, _remote_write, _json], ids=lambda make: make.__name__
)


@FORMATS
def test_one_post_brings_so_many_new_series_and_the_next_posts_the_others(make: Callable[[SeriesTable], Post]) -> None:
    table = SeriesTable(SeriesLimits(new_series_per_post=2))
    post, names = make(table), [f"m{number}" for number in range(7)]
    accepted = [len(post(names)) for _ in range(4)]
    assert accepted == [2, 4, 6, 7]
    assert table.refused["too_many_new_series"] == 5 + 3 + 1


@FORMATS
def test_a_known_series_goes_on_whatever_else_its_post_brings(make: Callable[[SeriesTable], Post]) -> None:
    table = SeriesTable(SeriesLimits(new_series_per_post=1))
    post = make(table)
    post(["known"])
    known = post(["known"]).ids[0]
    assert known in post([f"m{number}" for number in range(5)] + ["known"]).ids


def test_what_is_interned_outside_a_post_has_no_such_bound() -> None:
    table = SeriesTable(SeriesLimits(new_series_per_post=1))
    _page(table)(["a"])
    assert [table.intern((("__name__", name),)) for name in "bcd"] == [1, 2, 3]


def test_a_json_post_with_countless_labels_is_refused_before_they_are_built() -> None:
    body = b'[{"metric":"m","value":1,"labels":{' + b'"a":"b",' * MAX_FIELDS + b'"c":"d"}}]'
    with pytest.raises(FormatError) as refused:
        decode_samples(body, SeriesTable(), at=AT)
    assert refused.value.reason == "too_many_fields"
