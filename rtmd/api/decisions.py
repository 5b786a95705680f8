"""What people decide about actions: proposals, the hold, runs that are wanted again. As in `api.mutations`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rtmd.api.answers import BodyBudget, Json, read_body
from rtmd.api.auth import require
from rtmd.api.desk import Desk
from rtmd.api.mutations import BODIES, BODY, ask
from rtmd.api.requests import MOST_TEXT, decode_request
from rtmd.config import Role
from rtmd.errors import RefusedError
from rtmd.model.inputs import HoldLifted, HoldSet, ProposalDecided, RunAgain
from rtmd.wire.actions import ApproveRequest, DeclineRequest, HoldRequest, RerunRequest


class Decisions:
    """The endpoints about actions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._budget = BodyBudget(BODIES)

    def routes(self) -> list[BaseRoute]:
        """Path by path."""
        return [
            Route("/api/rtmd/v1/proposals", self.proposals),
            Route("/api/rtmd/v1/approve", self.approve, methods=["POST"]),
            Route("/api/rtmd/v1/decline", self.decline, methods=["POST"]),
            Route("/api/rtmd/v1/hold", self.hold, methods=["POST"]),
            Route("/api/rtmd/v1/release", self.release, methods=["POST"]),
            Route("/api/rtmd/v1/rerun", self.rerun, methods=["POST"]),
        ]

    async def proposals(self, _: Request) -> Response:
        """All proposals of the firings that are remembered: what waits first, the first to expire on top."""
        found = [proposal for firing in self._desk.firings() for proposal in firing.proposals]
        waits = ("pending", "braked")
        return Json(sorted(found, key=lambda each: (each.state not in waits, each.expires_at, each.id)))

    async def approve(self, request: Request) -> Response:
        """Let it run."""
        caller = require(request.scope, Role.OPERATE)
        wanted = decode_request(await self._body(request), ApproveRequest)
        given = ProposalDecided(0, caller.name, wanted.id, approved=True, version=wanted.version)
        return await ask(self._desk, given, caller)

    async def decline(self, request: Request) -> Response:
        """Have it not run, and say why."""
        caller = require(request.scope, Role.OPERATE)
        wanted = decode_request(await self._body(request), DeclineRequest)
        reason = _reason(wanted.reason)
        given = ProposalDecided(0, caller.name, wanted.id, approved=False, version=wanted.version, reason=reason)
        return await ask(self._desk, given, caller)

    async def hold(self, request: Request) -> Response:
        """Stop all runs and approvals."""
        caller = require(request.scope, Role.OPERATE)
        reason = _reason(decode_request(await self._body(request), HoldRequest).reason)
        return await ask(self._desk, HoldSet(0, caller.name, reason), caller)

    async def release(self, request: Request) -> Response:
        """Let things run again."""
        caller = require(request.scope, Role.OPERATE)
        return await ask(self._desk, HoldLifted(0, caller.name), caller)

    async def rerun(self, request: Request) -> Response:
        """Run something once more."""
        caller = require(request.scope, Role.OPERATE)
        wanted = decode_request(await self._body(request), RerunRequest)
        return await ask(self._desk, RunAgain(0, caller.name, wanted.run), caller)

    async def _body(self, request: Request) -> bytes:
        return await read_body(request.receive, limit=BODY, budget=self._budget)


def _reason(text: str) -> str:
    if not text.strip():
        raise RefusedError("say why: the reason is empty")
    if len(text) > MOST_TEXT:
        raise RefusedError(f"the reason has more than {MOST_TEXT} characters")
    return text.strip()
