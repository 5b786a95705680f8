"""What people change: each request becomes one input, and its answer comes when that is on disk.

Bodies are the request structs of `rtmd.wire`; answers `Done`, or a `Problem` with the status the step gave.
"""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rtmd.api.answers import BodyBudget, Json, problem, read_body
from rtmd.api.auth import Caller, require
from rtmd.api.desk import Desk
from rtmd.api.requests import (
    ack_input,
    acks_input,
    decode_request,
    mark_input,
    missed_input,
    silence_input,
    verdict_input,
)
from rtmd.config import Role
from rtmd.errors import ConflictError, Located, NotFoundError
from rtmd.model.effects import Answered
from rtmd.model.inputs import AckEnded, PersonInput, SilenceExpired, SilenceSet
from rtmd.model.replace import replace
from rtmd.wire import AckRequest, Done, FiringView
from rtmd.wire.acks import AcksDone, AcksRequest, UnackRequest
from rtmd.wire.marks import MarkRequest
from rtmd.wire.noise import MissedRequest, VerdictRequest
from rtmd.wire.silences import ExpireRequest, SilenceRequest, SilenceView

BODY = 64 * 1024
BODIES = 4 * 1024**2  # bytes of requests in memory at once


class Mutations:
    """The POST endpoints of the operator API."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._budget = BodyBudget(BODIES)

    def routes(self) -> list[BaseRoute]:
        """Path by path."""
        return [
            Route("/api/rtmd/v1/silence", self.silence, methods=["POST"]),
            Route("/api/rtmd/v1/silence/preview", self.preview, methods=["POST"]),
            Route("/api/rtmd/v1/silence/expire", self.expire, methods=["POST"]),
            Route("/api/rtmd/v1/ack", self.ack, methods=["POST"]),
            Route("/api/rtmd/v1/ack/many", self.ack_many, methods=["POST"]),
            Route("/api/rtmd/v1/ack/end", self.unack, methods=["POST"]),
            Route("/api/rtmd/v1/verdict", self.verdict, methods=["POST"]),
            Route("/api/rtmd/v1/missed", self.missed, methods=["POST"]),
            Route("/api/rtmd/v1/mark", self.mark, methods=["POST"]),
            Route("/-/reload", self.reload, methods=["POST"]),
        ]

    async def silence(self, request: Request) -> Response:
        """Create or edit a silence."""
        caller = require(request.scope, Role.OPERATE)
        return await self._ask(await self._wanted(request, caller), caller)

    async def preview(self, request: Request) -> Response:
        """What that silence would hide, and whether it has to be confirmed."""
        caller = require(request.scope, Role.VIEW)
        return Json(self._desk.preview(await self._wanted(request, caller)))

    async def expire(self, request: Request) -> Response:
        """End a silence now."""
        caller = require(request.scope, Role.OPERATE)
        wanted = decode_request(await self._body(request), ExpireRequest)
        return await self._ask(SilenceExpired(0, caller.name, wanted.id, version=wanted.version), caller)

    async def ack(self, request: Request) -> Response:
        """Take a firing."""
        caller = require(request.scope, Role.OPERATE)
        ack = ack_input(decode_request(await self._body(request), AckRequest), by=caller.name)
        return await self._ask(ack, caller)

    async def ack_many(self, request: Request) -> Response:
        """Take many firings at once: those that cannot be taken any more keep nobody from the others."""
        caller = require(request.scope, Role.OPERATE)
        acks = acks_input(decode_request(await self._body(request), AcksRequest), by=caller.name)
        answers = await asyncio.gather(*(_answered(self._desk, ack, caller) for ack in acks))
        pairs = list(zip(acks, answers, strict=True))
        done = [ack.firing_id for ack, answer in pairs if not answer.error]
        return Json(AcksDone(done, {ack.firing_id: answer.error for ack, answer in pairs if answer.error}))

    async def unack(self, request: Request) -> Response:
        """Give a firing back."""
        caller = require(request.scope, Role.OPERATE)
        wanted = decode_request(await self._body(request), UnackRequest)
        return await self._ask(AckEnded(0, caller.name, wanted.firing, wanted.version), caller)

    async def verdict(self, request: Request) -> Response:
        """Say what a firing was."""
        caller = require(request.scope, Role.OPERATE)
        wanted = decode_request(await self._body(request), VerdictRequest)
        verdict = verdict_input(wanted, by=caller.name, past=self._desk.past(wanted.firing))
        return await self._ask(verdict, caller)

    async def missed(self, request: Request) -> Response:
        """Report what a rule did not see."""
        caller = require(request.scope, Role.OPERATE)
        missed = missed_input(decode_request(await self._body(request), MissedRequest), by=caller.name)
        return await self._ask(missed, caller)

    async def mark(self, request: Request) -> Response:
        """Report that something happened."""
        caller = require(request.scope, Role.OPERATE)
        mark = mark_input(decode_request(await self._body(request), MarkRequest), by=caller.name)
        return await self._ask(mark, caller)

    async def reload(self, request: Request) -> Response:
        """Read rules and configuration again; 400 lists the files that keep their last good version.

        With `?confirm=true` firing rules may vanish, however many.
        """
        caller = require(request.scope, Role.ADMIN)
        confirm = request.query_params.get("confirm", "false")
        if confirm not in ("true", "false"):
            return problem(400, f'confirm is true or false, not "{confirm[:20]}"')
        errors = await self._desk.reload(caller.name, caller.origin, confirmed=confirm == "true")
        if errors:
            located = (Located(each.file, each.line, each.column, each.problem) for each in errors)
            return problem(400, "\n".join(map(str, located)))
        return Json(Done(""))

    async def _ask(self, given: PersonInput, caller: Caller) -> Response:
        return await ask(self._desk, given, caller)

    async def _wanted(self, request: Request, caller: Caller) -> SilenceSet:
        """The silence that is asked for, on the state of this moment."""
        wanted = decode_request(await self._body(request), SilenceRequest)
        return silence_input(
            wanted,
            by=caller.name,
            wall=self._desk.wall(),
            firing=self._firing(wanted.firing),
            existing=self._silence(wanted.id),
        )

    async def _body(self, request: Request) -> bytes:
        return await read_body(request.receive, limit=BODY, budget=self._budget)

    def _firing(self, wanted: str) -> FiringView | None:
        if not wanted:
            return None
        found = self._desk.firings([wanted])
        if not found:
            raise HTTPException(404, f'there is no firing "{wanted[:64]}"')
        return found[0]

    def _silence(self, wanted: str) -> SilenceView | None:
        if not wanted:
            return None
        found = next((silence for silence in self._desk.silences() if silence.id == wanted), None)
        if found is None:
            raise HTTPException(404, f'there is no silence "{wanted[:64]}"')
        return found


async def ask(desk: Desk, given: PersonInput, caller: Caller) -> Response:
    """Have the daemon carry out what this caller wants; the answer comes when that is on disk."""
    return _told(await _answered(desk, given, caller))


async def _answered(desk: Desk, given: PersonInput, caller: Caller) -> Answered:
    return await desk.ask(lambda number: replace(given, request=number, origin=caller.origin))


def _told(answered: Answered) -> Response:
    if answered.error or answered.status >= 400:
        return problem(max(answered.status, 400), answered.error, confirm=answered.confirm)
    return Json(Done(answered.id))


async def refused(_: Request, error: Exception) -> Response:
    """A request that was refused before it became an input."""
    match error:
        case NotFoundError():
            return problem(404, str(error))
        case ConflictError():
            return problem(409, str(error))
        case _:
            return problem(400, str(error))
