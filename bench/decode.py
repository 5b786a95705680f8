"""How fast the decoders are: samples per second for each format, on one core.

    python bench/decode.py

Posts of 1,000 series with one sample each, six labels a series, as Prometheus sends them. *Warm*: the decoder has
seen the series; *cold*: it has not (the first post after a start); *half zero*: every other value is left out by
the sender. Each figure is the best of many rounds: the machine's noise only ever adds. RTMD_BENCH=small for a few.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from _live import SMALL

from rtmd.formats.batch import SeriesTable
from rtmd.formats.compression import decode_body, encode_snappy
from rtmd.formats.exposition import ExpositionDecoder
from rtmd.formats.graphite import GraphiteDecoder
from rtmd.formats.influx import InfluxDecoder
from rtmd.formats.remote_write import RemoteWriteDecoder, encode_write
from rtmd.formats.samples_json import decode_samples
from rtmd.sources.tally import Tally

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
    for _ in range(3 if SMALL else rounds):
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


def influx() -> None:
    """As many lines with one field, and a tenth as many with ten, as Telegraf sends them."""

    def head(labels: dict[str, str]) -> str:
        return ",".join(["http", *(f"{name}={value}" for name, value in labels.items() if name != "__name__")])

    stamp = AT * 10**6
    one = "".join(f"{head(labels)} requests={number}.5 {stamp}\n" for number, labels in enumerate(LABELS))
    fields = [",".join(f"field_{place}={number * place}.25" for place in range(10)) for number in range(SERIES // 10)]
    ten = "".join(f"{head(labels)} {line} {stamp}\n" for labels, line in zip(LABELS, fields, strict=False))
    for what, text in (("Influx", one.encode()), ("Influx, ten fields a line", ten.encode())):
        warm = InfluxDecoder(SeriesTable())
        warm.decode(text, at=AT)
        report(f"{what}, warm", best(lambda decoder=warm, post=text: decoder.decode(post, at=AT)))  # type: ignore[misc]
        report(f"{what}, cold", best(lambda post=text: InfluxDecoder(SeriesTable()).decode(post, at=AT), 50))  # type: ignore[misc]


def graphite() -> None:
    """Lines with paths, and with tags."""
    paths = b"".join(b"servers.web%d.cpu.load %d.5 %d\n" % (number, number, AT // 1000) for number in range(SERIES))
    tags = "".join(
        f"http.requests;{';'.join(f'{name}={value}' for name, value in labels.items() if name != '__name__')} 1.5\n"
        for labels in LABELS
    ).encode()
    for what, text in (("Graphite", paths), ("Graphite, tagged", tags)):
        warm = GraphiteDecoder(SeriesTable())
        warm.decode(text, at=AT)
        report(f"{what}, warm", best(lambda decoder=warm, lines=text: decoder.decode(lines, at=AT)))  # type: ignore[misc]


def statsd() -> None:
    """Datagrams of ten lines each, counters or timers; and the same with a flush of as many metrics after them."""
    for what, kind in (("counters", "c"), ("timers", "ms")):
        lines = [f"http.requests:{number}|{kind}|#handler:/api/{number},method:get" for number in range(SERIES)]
        datagrams = ["\n".join(lines[start : start + 10]).encode() for start in range(0, SERIES, 10)]
        tally = Tally(SeriesTable(), every=1_000)

        def take(tally: Tally = tally, datagrams: list[bytes] = datagrams) -> None:
            for datagram in datagrams:
                tally.take(datagram)

        def both(tally: Tally = tally, take: Callable[[], None] = take) -> None:
            take()
            tally.flush(AT)

        take()
        report(f"StatsD, {what}, warm", best(take))
        report(f"StatsD, {what}, warm, and a flush", best(both))


if __name__ == "__main__":
    remote_write()
    exposition()
    json()
    influx()
    graphite()
    statsd()
