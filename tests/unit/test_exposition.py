"""Text exposition: what is read, what is remembered, what is refused, and what /metrics writes."""

import math

import pytest

from rtmd.errors import FormatError
from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.formats.exposition import ExpositionDecoder, render
from rtmd.model.firing import Exemplar
from rtmd.model.labels import Labels

AT = 1_760_000_000_000

PAGE = rb"""# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/"} 1027
http_requests_total{code="404",path="/a b",} 3 1395066363000

 # an indented comment
up 1
  spaced { a = "x" , b="y" }   2.5e3
http_seconds_bucket{le="+Inf"} 7
nothing NaN
below -Inf
"""


def read(text: bytes, extra: Labels = ()) -> list[tuple[Labels, int, float]]:
    decoder = ExpositionDecoder(SeriesTable(), extra)
    first = rows(decoder, decoder.decode(text, at=AT))
    assert str(rows(decoder, decoder.decode(text, at=AT))) == str(first)  # NaN differs from itself, its text does not
    return first


def rows(decoder: ExpositionDecoder, batch: SampleBatch) -> list[tuple[Labels, int, float]]:
    labels = [decoder.series.labels(series) for series in batch.ids.tolist()]
    return list(zip(labels, batch.times.tolist(), batch.values.tolist(), strict=True))


def refusal(text: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        ExpositionDecoder(SeriesTable()).decode(text, at=AT)
    return caught.value


def test_a_page_is_read_the_same_when_its_series_are_new_and_when_they_are_known() -> None:
    found = read(PAGE)
    assert found[:6] == [
        ((("__name__", "http_requests_total"), ("code", "200"), ("path", "/")), AT, 1027.0),
        ((("__name__", "http_requests_total"), ("code", "404"), ("path", "/a b")), 1395066363000, 3.0),
        ((("__name__", "up"),), AT, 1.0),
        ((("__name__", "spaced"), ("a", "x"), ("b", "y")), AT, 2500.0),
        ((("__name__", "http_seconds_bucket"), ("le", "+Inf")), AT, 7.0),
        ((("__name__", "nothing"),), AT, found[5][2]),
    ]
    assert math.isnan(found[5][2])
    assert found[6][2] == -math.inf


def test_an_empty_page_is_an_empty_batch() -> None:
    assert read(b"") == []


def test_lines_may_end_in_carriage_returns() -> None:
    assert [value for _, _, value in read(b"up 1\r\ndown 2 5\r\n")] == [1.0, 2.0]


def test_escapes_in_label_values_are_undone_and_braces_and_blanks_in_them_are_text() -> None:
    labels = read(rb'm{a="q\"u\\o\nte",b="} 5 # {",c="\d"} 1')[0][0]
    assert labels == (("__name__", "m"), ("a", 'q"u\\o\nte'), ("b", "} 5 # {"), ("c", "\\d"))


def test_quoted_names_are_read() -> None:
    labels = read('{"metric.näme", "a label"="x", b="y"} 1'.encode())[0][0]
    assert labels == (("__name__", "metric.näme"), ("a label", "x"), ("b", "y"))


def test_a_timestamp_that_changes_does_not_make_a_known_series_slow_or_new() -> None:
    decoder = ExpositionDecoder(SeriesTable())
    for time in range(3):
        assert rows(decoder, decoder.decode(b'm{a="x"} 1 %d' % time, at=AT)) == [
            ((("__name__", "m"), ("a", "x")), time, 1.0)
        ]
    assert len(decoder.series) == 1


def test_openmetrics_timestamps_are_seconds() -> None:
    assert read(b"m 1 1395066363.25\n# EOF\n")[0][1] == 1395066363250


def test_exemplars_are_placed_at_their_own_time_or_the_samples() -> None:
    decoder = ExpositionDecoder(SeriesTable())
    text = b'a 1 # {trace_id="x"} 0.67\nb{c="#"} 1 # {text="so # good"} 0.5 12.5\n# EOF'
    found = decoder.decode(text, at=AT).exemplars
    assert [(one.series, one.time, one.exemplar) for one in found] == [
        (0, AT, Exemplar(text='trace_id="x"')),
        (1, 12_500, Exemplar(text="so # good")),
    ]


def test_the_targets_labels_win_and_the_pages_are_exported() -> None:
    found = read(b'up{job="own",exported_job="x",a="b"} 1\nm 2', (("instance", "h:1"), ("job", "node")))
    assert found[0][0] == (
        ("__name__", "up"),
        ("a", "b"),
        ("exported_exported_job", "own"),
        ("exported_job", "x"),
        ("instance", "h:1"),
        ("job", "node"),
    )
    assert found[1][0] == (("__name__", "m"), ("instance", "h:1"), ("job", "node"))


@pytest.mark.parametrize(
    "line",
    [
        b"m",
        b"m ",
        b"m x",
        b"m+5",
        b"m 1_000",
        b"m 1 2 3",
        b"m 1 2.5",
        b"m 1 99999999999999999999999",
        b"5 5",
        b'm{a="b} 1',
        b'm{a="b" c="d"} 1',
        b"m{a=b} 1",
        b'm{"a"} 1',
        b'm{a="b"',
        b"{} ",
        b"m 1 # x",
        b'm 1 # {a="b"}',
        b'm 1 # {a="b"} x',
    ],
)
def test_a_bad_line_refuses_the_page_and_is_named(line: bytes) -> None:
    error = refusal(b"m 1\nok 1\n" + line + b"\nok 2\n")
    assert error.reason == "bad_exposition"
    assert str(error).startswith("line 3: ")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'm{a="\xff"} 1', "bad_utf8"),
        (b'm{a="1",a="2"} 1', "bad_labels"),
        (b'm{__name__="x"} 1', "bad_labels"),
        (b"m 1\n" * 260_000, "too_many_lines"),
        (b"m{" + b",".join(b'a%d="x"' % n for n in range(10_001)) + b"} 1", "too_many_labels"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_refusals_have_stable_reasons(line: bytes, reason: str) -> None:
    assert refusal(line).reason == reason


def test_a_bad_number_behind_a_known_series_is_named_too() -> None:
    decoder = ExpositionDecoder(SeriesTable())
    decoder.decode(b"a 1\nb 2\n", at=AT)
    for bad in (b"a 1\nb x\n", b"a 1\nb 2_0\n"):
        with pytest.raises(FormatError, match="line 2"):
            decoder.decode(bad, at=AT)


def test_a_series_over_a_limit_is_counted_and_the_page_kept() -> None:
    decoder = ExpositionDecoder(SeriesTable())
    wide = b",".join(b'a%d="x"' % n for n in range(1000))
    assert decoder.decode(b"up 1\nwide{" + wide + b"} 1\n", at=AT).values.tolist() == [1.0]
    assert decoder.series.refused["too_many_labels"] == 1


def test_what_is_rendered_can_be_read_again() -> None:
    page = render(
        [
            ("rtmd_a_total", "counter", 'counts "things"\nand \\', [((("x", 'q"\\\n'),), 5.0), ((), 0.25)]),
            ("rtmd_b", "histogram", "", [((("__name__", "rtmd_b_bucket"), ("le", "+Inf")), math.inf)]),
        ]
    )
    assert page.splitlines()[:3] == [
        rb'# HELP rtmd_a_total counts "things"\nand \\',
        b"# TYPE rtmd_a_total counter",
        rb'rtmd_a_total{x="q\"\\\n"} 5',
    ]
    assert [(labels, value) for labels, _, value in read(page)] == [
        ((("__name__", "rtmd_a_total"), ("x", 'q"\\\n')), 5.0),
        ((("__name__", "rtmd_a_total"),), 0.25),
        ((("__name__", "rtmd_b_bucket"), ("le", "+Inf")), math.inf),
    ]
