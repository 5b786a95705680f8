"""The ingest paths, one by one: what each is called, how its posts are read, and what it answers.

Names of databases, buckets and organisations that Influx clients send are accepted and mean nothing here. `PING` is
what these clients ask before they write; the version in its answer is the last of InfluxDB 1, whose protocol this is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import parse_qs

import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rtmd.api.answers import Json
from rtmd.api.desk import Desk
from rtmd.errors import FormatError
from rtmd.formats.batch import SampleBatch
from rtmd.formats.exposition import ExpositionDecoder
from rtmd.formats.influx import InfluxDecoder
from rtmd.formats.remote_write import RemoteWriteDecoder
from rtmd.formats.samples_json import decode_samples

_MAX_PARAMETERS = 32

Decode: TypeAlias = Callable[[bytes, int, str], SampleBatch]  # plain bytes, engine time, query string


class Accepted(msgspec.Struct, frozen=True):
    """Answer of `POST /api/v1/samples`: samples taken, and series turned away by reason."""

    accepted: int
    refused: dict[str, int]


class Taken(msgspec.Struct, frozen=True):
    """What became of one post."""

    samples: int
    refused: dict[str, int]


class Door(msgspec.Struct, frozen=True):
    """What makes one ingest path different from another."""

    source: str
    decode: Decode
    answer: Callable[[Taken], Response]
    encoding: str = ""  # where the sender names none
    check: Callable[[Headers], None] = lambda _: None


def doors(desk: Desk) -> dict[str, Door]:
    """All of them, by path."""
    influx = influx_lines(desk)
    return {
        "/api/v1/write": remote_write(desk),
        "/api/v1/samples": json_samples(desk),
        "/api/v1/import/prometheus": exposition(desk),
        "/write": influx,
        "/api/v2/write": influx,
    }


def remote_write(desk: Desk) -> Door:
    """Prometheus remote_write 1.0."""
    decoder = RemoteWriteDecoder(desk.series)
    return Door(
        source="remote_write",
        encoding="snappy",
        decode=lambda raw, at, _: decoder.decode(raw, at=at),
        check=_version_one,
        answer=_written,
    )


def json_samples(desk: Desk) -> Door:
    """`POST /api/v1/samples`."""
    return Door(
        source="samples",
        decode=lambda raw, at, _: decode_samples(raw, desk.series, at=at),
        answer=lambda taken: Json(Accepted(taken.samples, taken.refused)),
    )


def exposition(desk: Desk) -> Door:
    """Prometheus' text format, as VictoriaMetrics takes it."""
    decoder = ExpositionDecoder(desk.series)
    return Door(source="exposition", decode=lambda raw, at, _: decoder.decode(raw, at=at), answer=_no_content)


def influx_lines(desk: Desk) -> Door:
    """Influx line protocol, as InfluxDB 1 and 2 take it."""
    decoder = InfluxDecoder(desk.series)
    return Door(
        source="influx",
        decode=lambda raw, at, query: decoder.decode(raw, at=at, precision=_parameters(query).get("precision", "")),
        answer=_no_content,
    )


async def ping(scope: Scope, receive: Receive, send: Send) -> None:
    """`GET` or `HEAD /ping`."""
    if scope["method"] not in {"GET", "HEAD"}:
        raise HTTPException(405, "ping with GET or HEAD", {"Allow": "GET, HEAD"})
    await Response(status_code=204, headers={"X-Influxdb-Version": "1.8.10"})(scope, receive, send)


def _parameters(query: str) -> Mapping[str, str]:
    try:
        found = parse_qs(query, max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise FormatError("bad_parameters", f"more than {_MAX_PARAMETERS} parameters") from error
    return {name: values[-1] for name, values in found.items()}


def _version_one(headers: Headers) -> None:
    # Senders of 2.0 fall back to 1.0 on a 415. Whatever else a sender says about itself, its bytes decide.
    if "io.prometheus.write.v2" in headers.get("content-type", ""):
        raise FormatError("unsupported_version", "only remote_write 1.0 (prometheus.WriteRequest) is understood")


def _written(taken: Taken) -> Response:
    return _all_written(taken.samples) if not taken.refused else _some_written(taken)


@lru_cache(256)
def _all_written(samples: int) -> Response:
    """The answer to most posts; a sender's are as large as the one before."""
    return _some_written(Taken(samples, {}))


def _some_written(taken: Taken) -> Response:
    return _no_content(taken, {"X-Prometheus-Remote-Write-Samples-Written": str(taken.samples)})


def _no_content(taken: Taken, more: Mapping[str, str] | None = None) -> Response:
    headers = dict(more or {})
    if taken.refused:
        headers["X-Rtmd-Series-Refused"] = ", ".join(f"{why}={count}" for why, count in sorted(taken.refused.items()))
    return Response(status_code=204, headers=headers)
