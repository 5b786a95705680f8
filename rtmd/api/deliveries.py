"""Receivers and the outbox: what waits, what was given up, another try, and a test message."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rtmd.api.answers import BodyBudget, Json, read_body
from rtmd.api.auth import require
from rtmd.api.desk import DeliveryDesk
from rtmd.api.requests import decode_request
from rtmd.config import Role
from rtmd.errors import StoreError
from rtmd.wire.deliveries import RetryDone, RetryRequest, TryRequest

_BODY = 64 * 1024

_T = TypeVar("_T")


class DeliveryRoutes:
    """The endpoints about deliveries."""

    def __init__(self, desk: DeliveryDesk) -> None:
        self._desk = desk
        self._budget = BodyBudget(16 * _BODY)

    def routes(self) -> list[BaseRoute]:
        """Path by path."""
        return [
            Route("/api/rtmd/v1/receivers", self.receivers),
            Route("/api/rtmd/v1/receivers/test", self.try_out, methods=["POST"]),
            Route("/api/rtmd/v1/outbox", self.outbox),
            Route("/api/rtmd/v1/outbox/retry", self.retry, methods=["POST"]),
        ]

    async def receivers(self, _: Request) -> Response:
        """All receivers."""
        return Json(self._desk.receivers())

    async def outbox(self, _: Request) -> Response:
        """What waits and what was given up."""
        return Json(self._desk.outbox())

    async def retry(self, request: Request) -> Response:
        """Bring dead letters back."""
        caller = require(request.scope, Role.OPERATE)
        wanted = decode_request(await self._body(request), RetryRequest)
        if sum((bool(wanted.keys), bool(wanted.receiver), wanted.all)) != 1:
            raise HTTPException(400, "say which: keys, receiver or all")
        return Json(RetryDone(await self._stored(self._desk.retry(wanted, caller.name, caller.origin))))

    async def try_out(self, request: Request) -> Response:
        """Send a test message and wait for what becomes of it."""
        caller = require(request.scope, Role.OPERATE)
        wanted = decode_request(await self._body(request), TryRequest)
        return Json(await self._stored(self._desk.try_out(wanted.receiver, caller.name, caller.origin)))

    async def _body(self, request: Request) -> bytes:
        return await read_body(request.receive, limit=_BODY, budget=self._budget)

    @staticmethod
    async def _stored(work: Awaitable[_T]) -> _T:
        try:
            return await work
        except StoreError as error:
            raise HTTPException(507, f"not stored: {error}") from None
