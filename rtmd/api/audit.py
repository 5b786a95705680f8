"""Who changed what: the audit trail, for those who may change things themselves."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rtmd.api.answers import Json, whole_number
from rtmd.api.auth import require
from rtmd.api.desk import AuditDesk
from rtmd.config import Role

MOST = 1_000  # lines in an answer


class AuditRoutes:
    """The endpoints of the audit trail."""

    def __init__(self, desk: AuditDesk) -> None:
        self._desk = desk

    def routes(self) -> list[BaseRoute]:
        """Path by path."""
        return [
            Route("/api/rtmd/v1/audit", self.audit),
            Route("/api/rtmd/v1/audit/verify", self.verify),
        ]

    async def audit(self, request: Request) -> Response:
        """The latest lines: `since` (ms), `by`, `what` (a verb, or what was changed) and `limit` narrow it."""
        require(request.scope, Role.OPERATE)
        asked = request.query_params
        since, limit = whole_number(request, "since", 0), whole_number(request, "limit", 200)
        found = await self._desk.lines(
            since=since, by=asked.get("by", ""), what=asked.get("what", ""), limit=min(limit, MOST)
        )
        return Json(found)

    async def verify(self, request: Request) -> Response:
        """Whether the trail is as it was written."""
        require(request.scope, Role.OPERATE)
        return Json(await self._desk.verify())
