"""Graphite's plaintext: names, tags, times; a bad line costs itself and is counted."""

import pytest

from rtmd.formats.batch import SeriesTable
from rtmd.formats.graphite import GraphiteDecoder

AT = 1_760_000_000_000

Row = tuple[str, dict[str, str], int, float]


def read(decoder: GraphiteDecoder, text: bytes) -> list[Row]:
    batch = decoder.decode(text, at=AT)
    found = []
    for series, time, value in zip(batch.ids.tolist(), batch.times.tolist(), batch.values.tolist(), strict=True):
        labels = dict(decoder.series.labels(series))
        found.append((labels.pop("__name__"), labels, time, value))
    return found


def test_a_path_becomes_a_metric_and_a_label() -> None:
    assert read(GraphiteDecoder(SeriesTable()), b"servers.web-01.cpu.load 0.75 1790000000\n") == [
        ("servers_web_01_cpu_load", {"path": "servers.web-01.cpu.load"}, 1_790_000_000_000, 0.75)
    ]


def test_tags_become_labels_and_the_last_of_a_name_counts() -> None:
    assert read(GraphiteDecoder(SeriesTable()), b"cpu.load;host=a;d-c=fra;host=b=c 3 1790000000") == [
        ("cpu_load", {"host": "b=c", "d_c": "fra"}, 1_790_000_000_000, 3.0)
    ]


@pytest.mark.parametrize(
    ("stamp", "time"), [(b"", AT), (b"-1", AT), (b"-1.0", AT), (b"1790000000.25", 1_790_000_000_250), (b"0", 0)]
)
def test_times_are_seconds_or_now(stamp: bytes, time: int) -> None:
    decoder = GraphiteDecoder(SeriesTable())
    assert [row[2] for row in read(decoder, b"a.b 1 " + stamp + b"\r\n\tc  2\t" + stamp)] == [time, time]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"a", "bad_line"),
        (b"a 1 2 3", "bad_line"),
        (b"a x 1", "bad_number"),
        (b"a nan 1", "bad_number"),
        (b"a 1e400 1", "bad_number"),
        (b"a 1_0 1", "bad_number"),
        (b"a 1 x", "bad_time"),
        (b"a 1 1180591620717411303424", "bad_time"),
        (b"a 1 nan", "bad_time"),
        (b"\xff 1 1", "bad_utf8"),
        (b";a=b 1", "bad_path"),
        (b"a;b 1", "bad_path"),
        (b"a;=b 1", "bad_path"),
        (b"a;__name__=b 1", "bad_path"),
        (b"a" + b";x=y" * 5 + b";" + b";".join(b"t%d=x" % n for n in range(20_000)) + b" 1", "too_many_labels"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:20].decode("latin-1"),
)
def test_a_bad_line_is_counted_and_the_others_count(line: bytes, reason: str) -> None:
    decoder = GraphiteDecoder(SeriesTable())
    for _ in range(2):
        assert [row[3] for row in read(decoder, b"ok 1\n" + line + b"\nok 2 1790000000\n")] == [1.0, 2.0]
    assert decoder.errors == {reason: 2}


def test_a_path_over_a_limit_is_counted_with_the_series() -> None:
    decoder = GraphiteDecoder(SeriesTable())
    assert read(decoder, b"a" * 100_000 + b" 1\nb 2\n") == [("b", {"path": "b"}, AT, 2.0)]
    assert decoder.series.refused == {"label_value_too_long": 1}
