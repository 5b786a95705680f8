"""JSON samples, for scripts and tools that speak nothing else: an array of objects, or one object.

    [{"metric": "mentions_total", "labels": {"brand": "acme"}, "value": 17, "time": 1760000000000,
      "exemplar": {"text": "…", "author": "@ana", "reach": 1200, "url": "https://…"}}, …]

`labels`, `time` (integer milliseconds; absent or null: the time of arrival) and `exemplar` may be left out, nothing
else may be in there. `value` is a number, or one of the strings "NaN", "+Inf", "-Inf" (JSON has no such numbers) and
"stale", which ends the series as Prometheus' stale marker does. Names may be any text, as in Prometheus 3.
A post with one bad sample is refused as a whole, and the error names the sample and the field.
"""

from __future__ import annotations

import re
from typing import NoReturn

import msgspec
import numpy as np

from rtmd.errors import FormatError
from rtmd.formats.batch import REFUSED, STALE_BITS, PlacedExemplar, SampleBatch, SeriesTable
from rtmd.formats.exemplars import MAX_EXEMPLARS, exemplar
from rtmd.formats.series_cache import intern_labels
from rtmd.model.firing import Exemplar
from rtmd.model.labels import METRIC_NAME

# In one post: as objects they take many times their bytes. A field is what stands before a colon, labels among them.
MAX_SAMPLES = 200_000
MAX_FIELDS = 1_000_000

_WORDS = {"NaN": float("nan"), "+Inf": float("inf"), "Inf": float("inf"), "-Inf": float("-inf")}
_STALE = "stale"
_TIME_LIMIT = 1 << 63
_PLACE = re.compile(r"^(?P<problem>.*) - at `\$(?:\[(?P<index>\d+)\])?\.?(?P<field>.*)`$", re.DOTALL)


class _Exemplar(msgspec.Struct, forbid_unknown_fields=True):
    text: str = ""
    author: str = ""
    reach: float = 0.0
    url: str = ""


class _Sample(msgspec.Struct, forbid_unknown_fields=True):
    metric: str
    value: float | str
    labels: dict[str, str] = {}  # msgspec copies it
    time: int | None = None
    exemplar: _Exemplar | None = None


_DECODER = msgspec.json.Decoder(list[_Sample] | _Sample)


def decode_samples(body: bytes, series: SeriesTable, *, at: int) -> SampleBatch:
    """All samples of one post; those without a time are placed at `at` (ms).

    Raises FormatError: "bad_json", "bad_utf8", "bad_sample", "bad_labels", "too_many_labels", "too_many_samples",
    "too_many_fields".
    """
    if body.count(b'"metric"') > MAX_SAMPLES:
        raise FormatError("too_many_samples", f"a post may have {MAX_SAMPLES} samples")
    if body.count(b":") > MAX_FIELDS:
        raise FormatError("too_many_fields", f"a post may have {MAX_FIELDS} fields and labels")
    samples = _parsed(body)
    with series.one_post():
        ids = np.array([_interned(series, index, sample) for index, sample in enumerate(samples)], np.int64)
    times = np.array([_time(index, sample, at) for index, sample in enumerate(samples)], np.int64)
    values = np.array([_value(index, sample) for index, sample in enumerate(samples)], np.float64)
    # A stale marker goes in as bits: its NaN must not pass through anything that may quieten it.
    stale = np.array([sample.value == _STALE for sample in samples], np.bool_)
    values.view(np.uint64)[stale] = STALE_BITS
    found = [
        PlacedExemplar(int(ids[index]), int(times[index]), _exemplar(sample.exemplar))
        for index, sample in enumerate(samples)
        if sample.exemplar is not None and ids[index] != REFUSED
    ]
    keep = ids != REFUSED
    return SampleBatch(ids[keep], times[keep], values[keep], tuple(found[:MAX_EXEMPLARS]))


def _parsed(body: bytes) -> list[_Sample]:
    try:
        parsed = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        raise FormatError("bad_sample", _located(str(error))) from error
    except msgspec.DecodeError as error:
        raise FormatError("bad_json", str(error)) from error
    except UnicodeDecodeError as error:
        raise FormatError("bad_utf8", "the body is not UTF-8") from error
    except RecursionError as error:
        raise FormatError("bad_json", "the JSON is nested too deeply") from error
    return parsed if isinstance(parsed, list) else [parsed]


def _located(text: str) -> str:
    """Msgspec's "… - at `$[3].metric`" in the words of this format."""
    found = _PLACE.match(text)
    if found is None:
        return f"sample 0: {text}"
    place = f"sample {found['index'] or 0}"
    return f"{place}, {found['field']}: {found['problem']}" if found["field"] else f"{place}: {found['problem']}"


def _refuse(index: int, field: str, problem: str) -> NoReturn:
    raise FormatError("bad_sample", f"sample {index}, {field}: {problem}")


def _interned(series: SeriesTable, index: int, sample: _Sample) -> int:
    if not sample.metric:
        _refuse(index, "metric", "is empty")
    if METRIC_NAME in sample.labels:
        _refuse(index, "labels", f"{METRIC_NAME} is given by `metric`")
    try:
        return intern_labels(series, {METRIC_NAME: sample.metric, **sample.labels})
    except FormatError as error:
        raise FormatError(error.reason, f"sample {index}, labels: {error}") from error


def _time(index: int, sample: _Sample, at: int) -> int:
    if sample.time is None:
        return at
    if not -_TIME_LIMIT <= sample.time < _TIME_LIMIT:
        _refuse(index, "time", "is no 64-bit integer")
    return sample.time


def _value(index: int, sample: _Sample) -> float:
    value = sample.value
    if isinstance(value, float):
        return value
    if value == _STALE:
        return 0.0
    if value not in _WORDS:
        _refuse(index, "value", 'is neither a number nor one of "NaN", "+Inf", "-Inf", "stale"')
    return _WORDS[value]


def _exemplar(found: _Exemplar) -> Exemplar:
    return exemplar(text=found.text, author=found.author, reach=found.reach, url=found.url)
