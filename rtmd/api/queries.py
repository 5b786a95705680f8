"""What people and programs read: firings, rules, silences, status, metrics, health. Queries are `prometheus`.

Reads look at the state between two steps and never wait for one.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from rtmd.api.answers import Json, problem, whole_number
from rtmd.api.desk import Desk
from rtmd.formats.exposition import render
from rtmd.model.rule import StageName

DAYS = range(1, 31)  # as long as the journal is kept
POINTS = range(2, 1_001)  # of a curve
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Queries:
    """The reading endpoints."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[BaseRoute]:
        """Path by path."""
        return [
            Route("/api/rtmd/v1/firings", self.firings),
            Route("/api/rtmd/v1/firings/{id}", self.firing),
            Route("/api/rtmd/v1/firings/{id}/curve", self.curve),
            Route("/api/rtmd/v1/rules", self.rules),
            Route("/api/rtmd/v1/rules/file", self.rule_file),
            Route("/api/rtmd/v1/rules/reload", self.latest_reload),
            Route("/api/rtmd/v1/noise", self.noise),
            Route("/api/rtmd/v1/silences", self.silences),
            Route("/api/rtmd/v1/marks", self.marks),
            Route("/api/rtmd/v1/explain/{id}", self.explain),
            Route("/api/rtmd/v1/status", self.status),
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

    async def curve(self, request: Request) -> Response:
        """What its stage looked at over time; `?stage=` another one, `?points=` at most so many (240)."""
        wanted, stage = request.path_params["id"], request.query_params.get("stage", "")
        points = whole_number(request, "points", 240, within=POINTS)
        if stage and stage not in list(StageName):
            return problem(400, f'a stage is {" | ".join(StageName)}, not "{stage[:20]}"')
        found = await self._desk.curve(wanted, StageName(stage) if stage else None, points)
        return problem(404, f'there is no firing "{wanted[:64]}"') if found is None else Json(found)

    async def rules(self, _: Request) -> Response:
        """The loaded rules."""
        return Json(self._desk.rules())

    async def rule_file(self, request: Request) -> Response:
        """Where a rule file is, by the `?name=` that rules and errors give it."""
        name = request.query_params.get("name", "")
        found = await self._desk.rule_file(name)
        return problem(404, f'there is no rule file "{name[:200]}"') if found is None else Json(found)

    async def latest_reload(self, _: Request) -> Response:
        """What the latest reload of the rules did."""
        return Json(self._desk.latest_reload())

    async def noise(self, request: Request) -> Response:
        """How noisy the rules were in the last `?days=` (7; at most 30)."""
        return Json(await self._desk.noise(whole_number(request, "days", 7, within=DAYS)))

    async def silences(self, _: Request) -> Response:
        """All remembered silences."""
        return Json(self._desk.silences())

    async def explain(self, request: Request) -> Response:
        """The story of one firing; with `receiver` what concerned that one."""
        wanted = request.path_params["id"]
        found = await self._desk.explain(wanted, request.query_params.get("receiver", ""))
        return problem(404, f'there is no firing "{wanted[:64]}"') if found is None else Json(found)

    async def marks(self, request: Request) -> Response:
        """What was reported since `since` (ms; default: all that is remembered)."""
        return Json(self._desk.marks(whole_number(request, "since", 0)))

    async def status(self, _: Request) -> Response:
        """The header of the screen."""
        return Json(self._desk.status())

    async def healthy(self, _: Request) -> Response:
        """The loop answers, and rules are evaluated."""
        trouble = self._desk.trouble()
        if trouble:
            return PlainTextResponse(f"rtmd is not healthy: {trouble}.\n", status_code=503)
        return PlainTextResponse("rtmd is healthy.\n")

    async def ready(self, _: Request) -> Response:
        """The daemon opens its sockets when it is ready."""
        return PlainTextResponse("rtmd is ready.\n")

    async def metrics(self, _: Request) -> Response:
        """The daemon's own numbers."""
        families = ((family.name, family.kind, family.help, family.rows) for family in self._desk.metrics())
        return Response(render(families), media_type=_EXPOSITION)
