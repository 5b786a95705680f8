"""What people and programs read: firings, rules, silences, status, queries, metrics, health.

Reads look at the state between two steps and never wait for one, except a query, which the desk evaluates over
what memory and sample log hold. Its answer has Prometheus' shape, so that Prometheus' clients can ask.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from rtmd.api.answers import BodyBudget, Json, problem, read_body
from rtmd.api.desk import Desk
from rtmd.errors import PromqlError
from rtmd.formats.exposition import render
from rtmd.wire import ValueView

_FORM = 64 * 1024
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Queries:
    """The reading endpoints."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._budget = BodyBudget(16 * _FORM)

    def routes(self) -> list[BaseRoute]:
        """Path by path."""
        return [
            Route("/api/rtmd/v1/firings", self.firings),
            Route("/api/rtmd/v1/firings/{id}", self.firing),
            Route("/api/rtmd/v1/rules", self.rules),
            Route("/api/rtmd/v1/silences", self.silences),
            Route("/api/rtmd/v1/status", self.status),
            Route("/api/v1/query", self.query, methods=["GET", "POST"]),
            Route("/metrics", self.metrics),
            Route("/-/healthy", self.healthy),
            Route("/-/ready", self.ready),
        ]

    async def firings(self, _: Request) -> Response:
        """Open firings and those resolved lately."""
        return Json(self._desk.firings())

    async def firing(self, request: Request) -> Response:
        """Everything recorded about one."""
        wanted = request.path_params["id"]
        detail = self._desk.detail(wanted)
        return problem(404, f'there is no firing "{wanted[:64]}"') if detail is None else Json(detail)

    async def rules(self, _: Request) -> Response:
        """The loaded rules."""
        return Json(self._desk.rules())

    async def silences(self, _: Request) -> Response:
        """All remembered silences."""
        return Json(self._desk.silences())

    async def status(self, _: Request) -> Response:
        """The header of the screen."""
        return Json(self._desk.status())

    async def healthy(self, _: Request) -> Response:
        """The loop answers."""
        return PlainTextResponse("rtmd is healthy.\n")

    async def ready(self, _: Request) -> Response:
        """The daemon opens its sockets when it is ready."""
        return PlainTextResponse("rtmd is ready.\n")

    async def query(self, request: Request) -> Response:
        """An instant query."""
        try:
            fields = await self._fields(request)
            at = parse_time(fields.get("time", ""))
            result = await self._desk.evaluate(fields.get("query", ""), at)
        except (PromqlError, ValueError) as error:
            body = {"status": "error", "errorType": "bad_data", "error": str(error)}
            return Json(body, status_code=400)
        return Json({"status": "success", "data": instant_answer(result, self._desk.now() if at is None else at)})

    async def metrics(self, _: Request) -> Response:
        """The daemon's own numbers."""
        families = ((family.name, family.kind, family.help, family.rows) for family in self._desk.metrics())
        return Response(render(families), media_type=_EXPOSITION)

    async def _fields(self, request: Request) -> dict[str, str]:
        text = request.url.query
        if request.method == "POST":
            body = await read_body(request.receive, limit=_FORM, budget=self._budget)
            text = f"{text}&{body.decode()}"
        return {name: values[-1] for name, values in parse_qs(text, max_num_fields=16).items()}


def parse_time(text: str) -> int | None:
    """Milliseconds from seconds since the epoch or RFC 3339, as Prometheus reads them; None for no text."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not -1e11 < seconds < 1e11:
        raise ValueError(f'"{text[:40]}" is not a time')
    return round(seconds * 1000)


def instant_answer(result: list[ValueView] | float | str, at: int) -> dict[str, object]:
    """`data` of Prometheus' answer to an instant query."""
    if isinstance(result, float):
        return {"resultType": "scalar", "result": [at / 1000, show_value(result)]}
    if isinstance(result, str):
        return {"resultType": "string", "result": [at / 1000, result]}
    rows = [{"metric": row.labels, "value": [at / 1000, show_value(row.value)]} for row in result]
    return {"resultType": "vector", "result": rows}


def show_value(value: float) -> str:
    """A value as Prometheus writes it: the shortest digits that read back the same, never an exponent."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return format(Decimal(repr(value)), "f").removesuffix(".0")
