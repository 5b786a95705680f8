"""The whole HTTP surface as one ASGI app: the gate first, then ingest and stream, then everything else.

Ingest and stream are plain ASGI and stand before starlette: the one for speed, the other because it lives long.
"""

from __future__ import annotations

from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rtmd.api import ingest
from rtmd.api.alertmanager import AlertmanagerApi
from rtmd.api.answers import BodyBudget, problem, refusal
from rtmd.api.audit import AuditRoutes
from rtmd.api.auth import CALLER, Caller, Gate, origin_of, require, require_sender
from rtmd.api.decisions import Decisions
from rtmd.api.deliveries import DeliveryRoutes
from rtmd.api.desk import Desk
from rtmd.api.doors import doors, ping
from rtmd.api.mutations import Mutations, refused
from rtmd.api.prometheus import PrometheusApi
from rtmd.api.queries import Queries
from rtmd.api.stream import Hub
from rtmd.config import Config, Role
from rtmd.errors import RefusedError
from rtmd.model.effects import Audited


class App:
    """Routes requests; `configure` swaps what comes from rtmd.toml while it runs."""

    def __init__(self, desk: Desk, hub: Hub, config: Config) -> None:
        self._hub = hub
        self._desk = desk
        self._gate = Gate(config)
        self._others = _operator_api(desk)
        budget = BodyBudget(ingest.BODIES)
        self._ingest = {path: ingest.Ingest(desk, config.limits, budget, door) for path, door in doors(desk).items()}
        self.prompt = frozenset(path.encode() for path in self._ingest)

    def configure(self, config: Config) -> None:
        """Take users, tokens, roles and limits from a new configuration."""
        gate = Gate(config)
        gate.tokens.adopt(self._gate.tokens)
        self._gate = gate
        for door in self._ingest.values():
            door.limits = config.limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return  # uvicorn is told to speak HTTP only
        try:
            await self._serve(scope, receive, send)
        except HTTPException as error:
            await _denial(self._desk, scope, error)(scope, receive, send)

    def answer(self, scope: Scope, body: bytes) -> Response | None:
        """The answer to a post to a `prompt` path; None where it has to wait, or is too large."""
        door = self._ingest[scope["path"]]
        if len(body) > door.limits.body_bytes or not self._desk.has_room():
            return None
        try:
            scope[CALLER] = self._gate.admit(scope)
            require_sender(scope[CALLER])
        except HTTPException as error:
            return _denial(self._desk, scope, error)
        return door.answer(scope, body)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope[CALLER] = self._gate.admit(scope)
        path = scope["path"]
        if path in self._ingest:
            require_sender(caller)
            await self._ingest[path](scope, receive, send)
        elif path == "/ping":
            await ping(scope, receive, send)
        elif path == "/api/rtmd/v1/stream":
            require(scope, Role.VIEW)
            if scope["method"] != "GET":
                raise HTTPException(405, "the stream is read with GET", {"Allow": "GET"})
            await self._hub.serve(caller, scope, receive, send)
        else:
            if (path, scope["method"]) == ("/api/v2/alerts", "POST"):
                require_sender(caller)
            else:
                require(scope, Role.VIEW)
            await self._others(scope, receive, send)


def build_app(desk: Desk, hub: Hub, config: Config) -> App:
    """The app over this desk: hand it to `Server`."""
    return App(desk, hub, config)


def _operator_api(desk: Desk) -> ASGIApp:
    return Starlette(
        routes=[
            *Queries(desk).routes(),
            *PrometheusApi(desk).routes(),
            *AlertmanagerApi(desk).routes(),
            *Mutations(desk).routes(),
            *Decisions(desk).routes(),
            *DeliveryRoutes(desk.deliveries).routes(),
            *AuditRoutes(desk.audit).routes(),
        ],
        exception_handlers={HTTPException: partial(_http_refusal, desk), RefusedError: refused, Exception: _failed},
    )


# Coroutines: starlette runs plain functions in a thread, where nothing of the desk may be touched.
async def _http_refusal(desk: Desk, request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # starlette looks handlers up by type
    return _denial(desk, request.scope, error)


def _denial(desk: Desk, scope: Scope, error: HTTPException) -> Response:
    """The answer that refuses; who tried to change what they may not, or is not who they said, is written down."""
    changes = scope["method"] not in ("GET", "HEAD")
    if error.status_code == 401 or (error.status_code == 403 and changes):
        caller: Caller | None = scope.get(CALLER)
        who, origin = (caller.name, caller.origin) if caller else ("nobody", origin_of(scope))
        desk.denied(Audited(0, who, "denied", f"{scope['method']} {scope['path']}"[:200], error.detail, origin))
    return refusal(error)


async def _failed(_: Request, __: Exception) -> Response:
    return problem(500, "rtmd failed to answer this; its log says why")
