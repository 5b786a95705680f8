"""How fast the decoders are: samples per second for each format, on one core.

    python bench/decode.py

Posts of 1,000 series with one sample each, six labels a series, as Prometheus sends them. *Warm*: the decoder has
seen the series; *cold*: it has not (the first post after a start); *half zero*: every other value is left out by
the sender. Each figure is the best of many rounds: the machine's noise only ever adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from rtmd.formats.batch import SeriesTable
from rtmd.formats.compression import decode_body, encode_snappy
from rtmd.formats.exposition import ExpositionDecoder
from rtmd.formats.remote_write import RemoteWriteDecoder, encode_write
from rtmd.formats.samples_json import decode_samples

SERIES = 1_000
AT = 1_760_000_000_000
LABELS = [
    {
        "__name__": "http_requests_total",
        "code": "200",
        "handler": f"/api/v1/items/{number}",
        "instance": "10.0.0.1:9100",
        "job": "node",
        "method": "get",
    }
    for number in range(SERIES)
]


def best(run: Callable[[], object], rounds: int = 200) -> float:
    """Seconds of the fastest round."""
    fastest = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest


def report(what: str, seconds: float) -> None:
    """One line of the table."""
    print(f"{what:<42} {seconds / SERIES * 1e6:7.2f} µs a sample {SERIES / seconds / 1e6:7.2f} M/s")


def remote_write() -> None:
    """Posts of one sample a series, and the same packed with snappy."""
    raw = encode_write([(labels, [(AT + number, number + 0.5)]) for number, labels in enumerate(LABELS)])
    zeros = encode_write([(labels, [(AT, float(number % 2))]) for number, labels in enumerate(LABELS)])
    packed = encode_snappy(raw)
    table = SeriesTable()
    warm = RemoteWriteDecoder(table)
    for post in (raw, zeros):
        warm.decode(post, at=AT)
    report("remote_write, warm", best(lambda: warm.decode(raw, at=AT)))
    report(
        "remote_write, warm, with snappy",
        best(lambda: warm.decode(decode_body(packed, "snappy", limit=1 << 25), at=AT)),
    )
    report("remote_write, warm, half zero", best(lambda: warm.decode(zeros, at=AT)))
    report("remote_write, cold", best(lambda: RemoteWriteDecoder(SeriesTable()).decode(raw, at=AT), 50))


def exposition() -> None:
    """A page of as many series."""

    def line(labels: dict[str, str], number: int) -> str:
        inner = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
        return f"{labels['__name__']}{{{inner}}} {number}.5\n"

    page = "".join(line(labels, number) for number, labels in enumerate(LABELS)).encode()
    warm = ExpositionDecoder(SeriesTable())
    warm.decode(page, at=AT)
    report("exposition, warm", best(lambda: warm.decode(page, at=AT)))
    report("exposition, cold", best(lambda: ExpositionDecoder(SeriesTable()).decode(page, at=AT), 50))


def json() -> None:
    """A post of as many objects."""
    body = msgspec.json.encode(
        [
            {
                "metric": labels["__name__"],
                "labels": {name: value for name, value in labels.items() if name != "__name__"},
                "value": number + 0.5,
                "time": AT,
            }
            for number, labels in enumerate(LABELS)
        ]
    )
    table = SeriesTable()
    decode_samples(body, table, at=AT)
    report("JSON, warm", best(lambda: decode_samples(body, table, at=AT), 50))


if __name__ == "__main__":
    remote_write()
    exposition()
    json()
