"""Requests in and answers out: reading bodies and numbers within limits, JSON answers, and refusals.

A refusal is a starlette HTTPException, wherever it is raised; on the wire it is always a `wire.Problem`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive

from rtmd.wire import Problem


class Json(Response):
    """Anything msgspec can encode, as JSON."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The bytes of the body."""
        return msgspec.json.encode(content)


def refusal(refused: HTTPException) -> Response:
    """The answer that tells this refusal."""
    return problem(refused.status_code, refused.detail, refused.headers)


def problem(status: int, text: str, headers: Mapping[str, str] | None = None, confirm: Sequence[str] = ()) -> Response:
    """An error answer; `confirm` has what has to be meant."""
    return Json(Problem(text, list(confirm)), status_code=status, headers=headers)


ANY_NUMBER = range(10**15)


def whole_number(request: Request, name: str, default: int, *, within: range = ANY_NUMBER) -> int:
    """A parameter of the query string; HTTPException 400 for what is no number, or not within these."""
    text = request.query_params.get(name, str(default))
    number = int(text) if re.fullmatch(r"[0-9]{1,15}", text, re.ASCII) else -1
    if number not in within:
        words = "a whole number" if within is ANY_NUMBER else f"a number from {within.start} to {within.stop - 1}"
        raise HTTPException(400, f'{name} is {words}, not "{text[:20]}"')
    return number


class BodyBudget:
    """How many bytes of bodies may be in memory at once, over all requests: what comes on top waits outside."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0

    def __repr__(self) -> str:
        return f"<BodyBudget {self._used}/{self._limit} bytes>"

    def take(self, count: int) -> None:
        """Reserve bytes; HTTPException 429 when they are not to be had now."""
        if self._used + count > self._limit:
            raise HTTPException(429, "too much is being sent at once; try again", {"Retry-After": "1"})
        self._used += count

    def give(self, count: int) -> None:
        """Return what was taken."""
        self._used -= count


async def read_body(receive: Receive, *, limit: int, budget: BodyBudget) -> bytes:
    """The whole body; HTTPException 413 as soon as it is over the limit, ClientDisconnect when nobody waits."""
    chunks: list[bytes] = []
    held = 0
    try:
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            if held + len(chunk) > limit:
                raise HTTPException(413, f"the body is over the limit of {limit} bytes")
            budget.take(len(chunk))
            held += len(chunk)
            chunks.append(chunk)
            more = message.get("more_body", False)
    finally:
        budget.give(held)
    return b"".join(chunks)
