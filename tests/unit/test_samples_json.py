"""JSON samples: the whole format, and errors that name the sample and the field."""

import math

import numpy as np
import pytest

from rtmd.errors import FormatError
from rtmd.formats.batch import STALE_BITS, SeriesLimits, SeriesTable
from rtmd.formats.samples_json import decode_samples
from rtmd.model.firing import Exemplar

AT = 1_760_000_000_000


def refusal(body: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        decode_samples(body, SeriesTable(), at=AT)
    return caught.value


def test_a_full_sample_and_a_bare_one_are_read() -> None:
    table = SeriesTable()
    body = (
        '[{"metric":"mentions_total","labels":{"brand":"acme","empty":""},"value":17,"time":5,'
        '"exemplar":{"text":"só gut","author":"@ana","reach":1200,"url":"https://x.example/1"}},'
        '{"metric":"cpu.load","value":0.5}]'
    ).encode()
    batch = decode_samples(body, table, at=AT)
    assert table.labels(0) == (("__name__", "mentions_total"), ("brand", "acme"))
    assert table.labels(1) == (("__name__", "cpu.load"),)
    assert (batch.ids.tolist(), batch.times.tolist(), batch.values.tolist()) == ([0, 1], [5, AT], [17.0, 0.5])
    (found,) = batch.exemplars
    assert (found.series, found.time) == (0, 5)
    assert found.exemplar == Exemplar("só gut", "@ana", 1200.0, "https://x.example/1")


def test_one_object_is_a_post_too_and_an_empty_array_is_an_empty_one() -> None:
    assert decode_samples(b'{"metric":"a","value":1,"time":null}', SeriesTable(), at=AT).times.tolist() == [AT]
    assert len(decode_samples(b"[]", SeriesTable(), at=AT)) == 0


def test_what_json_has_no_number_for_is_written_as_a_word() -> None:
    body = b",".join(b'{"metric":"a","value":"%b"}' % word for word in (b"NaN", b"+Inf", b"-Inf", b"stale"))
    values = decode_samples(b"[" + body + b"]", SeriesTable(), at=AT).values
    assert math.isnan(values[0])
    assert values[1:3].tolist() == [math.inf, -math.inf]
    assert values.view(np.uint64)[3] == STALE_BITS


def test_a_long_exemplar_is_cut_and_does_not_cost_the_sample() -> None:
    body = b'{"metric":"a","value":1,"exemplar":{"text":"%b"}}' % (b"x" * 100_000)
    (found,) = decode_samples(body, SeriesTable(), at=AT).exemplars
    assert len(found.exemplar.text) == 2048


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'[{"metric":"a","value":1},{"metric":1,"value":1}]', "sample 1, metric: Expected `str`, got `int`"),
        (b'[{"metric":"a","value":1,"tiem":1}]', "sample 0: Object contains unknown field `tiem`"),
        (b'[{"value":1}]', "sample 0: Object missing required field `metric`"),
        (b'{"metric":"a","value":1,"labels":{"a":1}}', "sample 0, labels[...]: Expected `str`, got `int`"),
        (b'{"metric":"a","value":1,"exemplar":{"x":1}}', "sample 0, exemplar: Object contains unknown field `x`"),
        (b'{"metric":"","value":1}', "sample 0, metric: is empty"),
        (b'{"metric":"a","value":1,"labels":{"__name__":"b"}}', "sample 0, labels: __name__ is given by `metric`"),
        (b'{"metric":"a","value":"fast"}', 'sample 0, value: is neither a number nor one of "NaN", "+Inf"'),
        (b'{"metric":"a","value":1,"time":99999999999999999999}', "sample 0, time: is no 64-bit integer"),
        (b'{"metric":"a","value":1e400}', "sample 0, value: Number out of range"),
        (b"7", "sample 0: Expected `object | array`, got `int`"),
        (b'[[[["a"]]]]', "sample 0: Expected `object`, got `array`"),
    ],
)
def test_a_bad_sample_refuses_the_post_and_is_named(body: bytes, text: str) -> None:
    error = refusal(body)
    assert error.reason == "bad_sample"
    assert str(error).startswith(text)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b'{"metric":"a","value":NaN}', "bad_json"),
        (b'{"metric":"a","value":1} x', "bad_json"),
        (b'{"metric":"\\ud800","value":1}', "bad_json"),
        (b'{"metric":"\xff","value":1}', "bad_utf8"),
        (b'{"metric":"a","value":1,"labels":{"":"x"}}', "bad_labels"),
        (b"[" * 100_000, "bad_sample"),
        (b'{"metric":"a","value":1,"x":' + b"[" * 100_000, "bad_sample"),
        (b"[" + b'{"metric":"a","value":1},' * 200_001 + b"]", "too_many_samples"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_other_refusals_have_stable_reasons(body: bytes, reason: str) -> None:
    assert refusal(body).reason == reason


def test_a_series_over_a_limit_is_counted_and_the_rest_kept() -> None:
    table = SeriesTable(SeriesLimits(series=1))
    body = b'[{"metric":"a","value":1},{"metric":"b","value":2,"exemplar":{"text":"x"}},{"metric":"a","value":3}]'
    batch = decode_samples(body, table, at=AT)
    assert batch.values.tolist() == [1.0, 3.0]
    assert batch.exemplars == ()
    assert table.refused["too_many_series"] == 1
