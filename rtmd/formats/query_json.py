"""`data` of Prometheus' answers to queries, as JSON text.

Written by hand, because a point is most of an answer and there may be a million of them. A time is seconds with
milliseconds where there are any; a value is a text: the shortest digits that read back the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

import msgspec
import numpy as np

from rtmd.formats.batch import Times, Values
from rtmd.model.labels import Labels


def encode_scalar(value: float, at: int) -> bytes:
    """A number at an instant."""
    return f'{{"resultType":"scalar","result":[{show_time(at)},"{show_value(value)}"]}}'.encode()


def encode_string(text: str, at: int) -> bytes:
    """A text at an instant."""
    return b'{"resultType":"string","result":[%s,%s]}' % (show_time(at).encode(), msgspec.json.encode(text))


def encode_vector(rows: Iterable[tuple[Labels, float]], at: int) -> bytes:
    """Values at an instant, in the order given."""
    time = show_time(at)
    shown = (f'{{"metric":{_metric(labels)},"value":[{time},"{show_value(value)}"]}}' for labels, value in rows)
    return f'{{"resultType":"vector","result":[{",".join(shown)}]}}'.encode()


def encode_matrix(curves: Iterable[tuple[Labels, Times, Values]]) -> bytes:
    """Values over time, in the order given."""
    known: dict[int, str] = {}  # many curves have points at the same times
    shown = []
    for labels, times, values in curves:
        known.update((time, show_time(time)) for time in times.tolist() if time not in known)
        pairs = zip(times.tolist(), values.tolist(), strict=True)
        points = ",".join([f'[{known[time]},"{show_value(value)}"]' for time, value in pairs])
        shown.append(f'{{"metric":{_metric(labels)},"values":[{points}]}}')
    return f'{{"resultType":"matrix","result":[{",".join(shown)}]}}'.encode()


def show_time(at: int) -> str:
    """Milliseconds as seconds since the epoch."""
    seconds, thousandths = divmod(abs(at), 1000)
    return f"{'-' if at < 0 else ''}{seconds}" + (f".{thousandths:03}" if thousandths else "")


def show_moment(at: int) -> str:
    """Milliseconds since the epoch as RFC 3339, in UTC."""
    return f"{np.datetime64(at, 'ms')}Z"


def show_value(value: float) -> str:
    """A value as Prometheus writes it: the shortest digits that read back the same, never an exponent."""
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    if "e" not in text and "n" not in text:
        return text
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return format(Decimal(text), "f")


def show_scientific(value: float) -> str:
    """A value as Prometheus writes that of an alert: `9.3e+01`."""
    if not math.isfinite(value):
        return show_value(value)
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).lstrip("0") or "0"
    power = int(exponent) + len(text) - 1 if text != "0" else 0
    text = text.rstrip("0") or "0"
    places = f".{text[1:]}" if text[1:] else ""
    return f"{'-' * sign}{text[0]}{places}e{'-' if power < 0 else '+'}{abs(power):02}"


def _metric(labels: Labels) -> str:
    return msgspec.json.encode(dict(labels)).decode()
