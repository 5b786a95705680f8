"""Influx line protocol: every kind of field and time, what the fast road must not be fooled by, and hostile posts."""

import pytest

from rtmd.errors import FormatError
from rtmd.formats.batch import SampleBatch, SeriesLimits, SeriesTable
from rtmd.formats.influx import InfluxDecoder

AT = 1_760_000_000_000

Row = tuple[str, dict[str, str], int, float]


def rows(decoder: InfluxDecoder, batch: SampleBatch) -> list[Row]:
    found = []
    for series, time, value in zip(batch.ids.tolist(), batch.times.tolist(), batch.values.tolist(), strict=True):
        labels = dict(decoder.series.labels(series))
        found.append((labels.pop("__name__"), labels, time, value))
    return found


def read(text: bytes, precision: str = "") -> list[Row]:
    """The same, whether the lines are new or known."""
    decoder = InfluxDecoder(SeriesTable())
    first = rows(decoder, decoder.decode(text, at=AT, precision=precision))
    assert rows(decoder, decoder.decode(text, at=AT, precision=precision)) == first
    return first


def refusal(text: bytes, *, after: bytes = b"", precision: str = "") -> FormatError:
    decoder = InfluxDecoder(SeriesTable())
    decoder.decode(after, at=AT)
    with pytest.raises(FormatError) as caught:
        decoder.decode(text, at=AT, precision=precision)
    return caught.value


def test_each_field_is_a_series_named_after_measurement_and_field() -> None:
    assert read(b"cpu,host=a,core=0 user=12.5,procs=7i,mem=8u 1465839830100400200\n") == [
        ("cpu_user", {"core": "0", "host": "a"}, 1465839830100, 12.5),
        ("cpu_procs", {"core": "0", "host": "a"}, 1465839830100, 7.0),
        ("cpu_mem", {"core": "0", "host": "a"}, 1465839830100, 8.0),
    ]


def test_a_field_called_value_is_named_like_its_measurement() -> None:
    assert read(b"mentions,brand=acme value=3") == [("mentions", {"brand": "acme"}, AT, 3.0)]


def test_booleans_are_one_and_zero() -> None:
    text = b"".join(b"m f=%b\n" % word for word in (b"t", b"T", b"true", b"True", b"TRUE", b"f", b"false", b"FALSE"))
    assert [value for *_, value in read(text)] == [1.0] * 5 + [0.0] * 3


def test_strings_are_skipped_and_counted() -> None:
    decoder = InfluxDecoder(SeriesTable())
    text = b'm state="it\'s \\"fine\\", x=1 2",up=1 1000000\nn only="text"\n'
    assert rows(decoder, decoder.decode(text, at=AT)) == [("m_up", {}, 1, 1.0)]
    assert decoder.series.refused == {"string_field": 2}


def test_a_string_may_go_on_in_the_next_lines() -> None:
    text = b'a x=1\nm log="one\nm x=5 5\n# \\" three",x=2 1000000\nb x="\n",y="\n\n",z=3\nc x=4\n'
    assert [(name, value) for name, _, _, value in read(text)] == [("a_x", 1), ("m_x", 2), ("b_z", 3), ("c_x", 4)]


def test_names_are_made_fit_for_promql_and_values_stay() -> None:
    text = rb"win.disk\ io,in\,st\=ance=C:\ \,\=x,5a=\n free-space=1"
    assert read(text) == [("win_disk_io_free_space", {"in_st_ance": "C: ,=x", "_5a": r"\n"}, AT, 1.0)]


@pytest.mark.parametrize(
    ("precision", "stamp", "time"),
    [
        ("", 1_500_000_999_999, 1_500_000),
        ("n", -1, -1),
        ("ns", 1_999_999, 1),
        ("u", 1_999, 1),
        ("us", 1_000, 1),
        ("ms", 17, 17),
        ("s", 17, 17_000),
        ("m", 2, 120_000),
        ("h", 1, 3_600_000),
    ],
)
def test_times_come_in_the_precision_of_the_post(precision: str, stamp: int, time: int) -> None:
    assert read(b"m f=1 %d" % stamp, precision) == [("m_f", {}, time, 1.0)]


def test_blank_lines_comments_carriage_returns_and_further_blanks_are_nothing() -> None:
    assert read(b"\n# m f=1\r\n  m f=1  1000000 \r\n\r\nm f=2\r\n") == [("m_f", {}, 1, 1.0), ("m_f", {}, AT, 2.0)]


def test_a_known_line_with_other_values_is_read_in_order() -> None:
    decoder = InfluxDecoder(SeriesTable())
    decoder.decode(b"m,a=b x=1,y=2 1\nn z=3\n", at=AT)
    assert (len(decoder.layouts), len(decoder.cache.ids)) == (1, 3)
    found = rows(decoder, decoder.decode(b"m,a=b x=5i,y=6 2000000\nq w=t\nn z=7\nm,a=b y=8", at=AT))
    assert [(name, time, value) for name, _, time, value in found] == [
        ("m_x", 2, 5.0),
        ("m_y", 2, 6.0),
        ("q_w", AT, 1.0),
        ("n_z", AT, 7.0),
        ("m_y", AT, 8.0),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"m",
        b"m ",
        b"m f",
        b"m f=",
        b"m =1",
        b"m f=1,",
        b"m f=1,=2",
        b"m f=x",
        b"m f=1_0",
        b"m f=nan",
        b"m f=inf",
        b"m f=1e400",
        b"m f=1.5i",
        b"m f=-1u",
        b"m f=i",
        b"m f=1 x",
        b"m f=1 1.5",
        b"m f=1 2 3",
        b"m f=1 1180591620717411303424",
        b"m f=1 " + b"9" * 6000,
        b'm f="x',
        b'm f="x"y',
        b",a=b f=1",
        b"m,a f=1",
        b"m,a= f=1",
        b"m,=b f=1",
        b"m, f=1",
        b"m,a=b=c f=1",
        b"m\0 ",
        b"f,1=2",
        b"m f=1i,2i",
        b"m f=1,2",
    ],
)
def test_a_bad_line_refuses_the_post_and_is_named_whatever_is_known(line: bytes) -> None:
    for known in (b"", b"m f=1\nm f=1,g=2\nm,a=b f=1"):
        error = refusal(b"ok f=1\n\n" + line, after=known)
        assert error.reason == "bad_influx"
        assert str(error).startswith("unable to parse line 3: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"m,a=\xff f=1", "bad_utf8"),
        (b"m,a=1,a=2 f=1", "bad_labels"),
        (b"m,a-b=1,a.b=2 f=1", "bad_labels"),
        (b"m,__name__=x f=1", "bad_labels"),
        (b"\n" * 250_001, "too_many_lines"),
        (b"m " + b"f=1," * 200_000 + b"g=1\n", "too_many_samples"),
        (b"m f=" + b"1" * (1024**2 + 1), "line_too_long"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_other_refusals_have_stable_reasons(text: bytes, reason: str) -> None:
    assert refusal(text).reason == reason


def test_an_unknown_precision_is_refused() -> None:
    assert refusal(b"m f=1", precision="days").reason == "bad_precision"


def test_times_that_do_not_fit_are_refused_in_every_precision() -> None:
    assert refusal(b"m f=1 9223372036854775807", precision="h", after=b"m f=1").reason == "bad_influx"


def test_thousands_of_tags_cost_a_series_and_not_the_post() -> None:
    decoder = InfluxDecoder(SeriesTable())
    text = b"m," + b",".join(b"t%d=x" % n for n in range(5_000)) + b" " + b"f=1," * 2_000 + b"g=1\nok f=2\n"
    assert rows(decoder, decoder.decode(text, at=AT)) == [("ok_f", {}, AT, 2.0)]
    assert decoder.series.refused["too_many_labels"] == 2_001


def test_a_series_over_the_limit_is_counted_and_the_rest_kept() -> None:
    decoder = InfluxDecoder(SeriesTable(SeriesLimits(series=1)))
    for _ in range(2):
        assert rows(decoder, decoder.decode(b"m f=1,g=2\nm f=3\n", at=AT)) == [
            ("m_f", {}, AT, 1.0),
            ("m_f", {}, AT, 3.0),
        ]
    assert decoder.series.refused["too_many_series"] == 2


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtmd.formats.influx.CACHE_BYTES", 3_000)
    decoder = InfluxDecoder(SeriesTable())
    decoder.decode(b"".join(b"m,n=%d f=1,g=2\n" % n for n in range(1000)), at=AT)
    assert 0 < len(decoder.layouts) < 20
