"""Samples coming in: bytes of a POST to one atomic batch, handed to the desk.

These paths are raw ASGI: a framework in front would cost more than decoding a small post. Every refusal has a
stable reason, counted through `desk.dropped` and said in the answer; nothing of a refused post is kept.

A small post that is all here is answered at once (`answer`, see `connection`), any other as ASGI has it.

Decoding stays on the loop whatever the size: decoders intern into the desk's series table, which one thread owns.
A body at the default limit (32 MiB open) holds the loop for about half a second.

Statuses: 204 or 200 taken (series that a limit turned away are counted in the answer, the rest is in), 400 not
what the format says, 413 too large, 415 another format, 429 too much at once (with Retry-After).
"""

from __future__ import annotations

from collections import Counter

import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rtmd.api.answers import BodyBudget, Json, read_body
from rtmd.api.desk import Desk
from rtmd.api.doors import Door, Taken
from rtmd.config import Limits
from rtmd.errors import FormatError
from rtmd.formats.compression import decode_body

BODIES = 64 * 1024**2  # bytes of posts in memory at once

_STATUS = {"body_too_large": 413, "unknown_encoding": 415, "unsupported_version": 415}


class IngestProblem(msgspec.Struct, frozen=True):
    """`wire.Problem` with the reason under which it is counted."""

    error: str
    reason: str


class Ingest:
    """One ingest path as an ASGI app."""

    def __init__(self, desk: Desk, limits: Limits, budget: BodyBudget, door: Door) -> None:
        self._desk = desk
        self.limits = limits
        self._budget = budget
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, decode, hand over, answer."""
        try:
            response = await self._answer(scope, receive)
        except ClientDisconnect:
            self._desk.dropped("disconnected")
            return
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        if scope["method"] != "POST":
            raise HTTPException(405, "send samples with POST", {"Allow": "POST"})
        try:
            body = await read_body(receive, limit=self.limits.body_bytes, budget=self._budget)
        except HTTPException as refused:
            reason = "overload" if refused.status_code == 429 else "body_too_large"
            self._desk.dropped(reason)
            return _refused(refused.status_code, refused.detail, reason)
        await self._desk.room()
        return self.answer(scope, body)

    def answer(self, scope: Scope, body: bytes) -> Response:
        """What becomes of a whole post."""
        headers = Headers(scope=scope)
        try:
            self._door.check(headers)
            return self._door.answer(self.take(body, headers, scope["query_string"].decode("latin-1")))
        except FormatError as error:
            self._desk.dropped(error.reason)
            return _refused(_STATUS.get(error.reason, 400), str(error), error.reason)

    def take(self, body: bytes, headers: Headers, query: str = "") -> Taken:
        """Decode one post and hand it over; raises FormatError, and then nothing of it was kept."""
        refused = self._desk.series.refused
        before = dict(refused)
        encoding = headers.get("content-encoding", self._door.encoding)
        plain = decode_body(body, encoding, limit=self.limits.decoded_bytes)
        batch = self._door.decode(plain, self._desk.now(), query)
        if len(batch):
            self._desk.ingest(self._door.source, batch)
        return Taken(len(batch), dict(refused - Counter(before)) if refused != before else {})


def _refused(status: int, error: str, reason: str) -> Response:
    headers = {"Retry-After": "1"} if status == 429 else None
    return Json(IngestProblem(error, reason), status_code=status, headers=headers)
