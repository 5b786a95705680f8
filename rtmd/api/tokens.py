"""Bearer tokens: whose a request's is, and no more than ten wrong ones a minute from one address.

A token is sent as `Authorization: Bearer rtmd_…` (or `Token rtmd_…`, as Influx clients do) over any listener. It is
compared by its hash, with all known ones and in constant time. A wrong or expired one is never passed over: who sends
one means to be known. Other schemes are those of a proxy in front, and mean nothing here.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping

from starlette.exceptions import HTTPException

from rtmd.config import Token

PREFIX = "rtmd_"
WRONG_A_MINUTE = 10

_ADDRESSES = 1024  # whose wrong tokens are counted, at once
_MINUTE = 60.0


def new_token() -> tuple[str, str]:
    """A token, and its hash as rtmd.toml wants it."""
    token = PREFIX + secrets.token_urlsafe(32)
    return token, f"sha256:{_digest(token)}"


class Tokens:
    """The tokens of a configuration. `wall` gives seconds since the epoch, `clock` monotonic ones."""

    def __init__(
        self,
        tokens: Mapping[str, Token],
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tuple(tokens.values())
        self._wall = wall
        self._clock = clock
        self._wrong: dict[str, deque[float]] = {}

    def __repr__(self) -> str:
        return f"<Tokens {' '.join(token.name for token in self._tokens)}>"

    def adopt(self, predecessor: Tokens) -> None:
        """Go on counting what was wrong before the configuration changed."""
        self._wrong = predecessor._wrong  # its own kind

    def find(self, sent: str, address: str) -> Token | None:
        """The token in this Authorization header, if it is to have one.

        HTTPException 401 for a wrong one, 429 for too many of those from this address. Where no token is configured
        none is wrong: senders of Influx lines show one whether or not anybody asked.
        """
        scheme, _, text = sent.partition(" ")
        if scheme.lower() not in ("bearer", "token") or not self._tokens:
            return None
        if len(self._recent(address)) >= WRONG_A_MINUTE:
            raise HTTPException(429, "too many wrong tokens; try again in a minute", {"Retry-After": "60"})
        digest = _digest(text.strip())
        found = [token for token in self._tokens if hmac.compare_digest(token.digest, digest)]
        if found:
            if found[0].expires is None or self._wall() * 1000 < found[0].expires:
                return found[0]
            raise unknown(f"the token {found[0].name} has expired")
        self._note(address)
        raise unknown("this token is not known here")

    def _recent(self, address: str) -> deque[float]:
        wrong, since = self._wrong.get(address, deque()), self._clock() - _MINUTE
        while wrong and wrong[0] <= since:
            wrong.popleft()
        return wrong

    def _note(self, address: str) -> None:
        if address not in self._wrong and len(self._wrong) >= _ADDRESSES:
            self._wrong.pop(next(iter(self._wrong)))
        self._wrong.setdefault(address, deque()).append(self._clock())


def unknown(why: str) -> HTTPException:
    """The refusal of who is not known."""
    return HTTPException(401, why, {"WWW-Authenticate": "Bearer"})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
