"""The one way out over HTTP: every kind of receiver that posts does it here.

1. 2xx: taken.
2. 408, 425, 429, 5xx, timeouts, and everything that goes wrong on the way (names, TLS, connections): it may take it
   later; a `Retry-After` of up to 15 minutes is honoured, in seconds or as an HTTP date. Where nothing can have come of
   it yet (429, or there was no connection), the error says so.
3. Everything else, redirects included: it never will. A redirect is not followed, because it would lead to a
   destination that nobody configured.

The time limit is for the whole exchange: a server that drips cannot hold a place for ever. Of the answer at most
64 KiB are read and none is used. The URL may hold a secret: only its host is ever named.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from rtmd.errors import DeliveryError, PermanentError, RetryableError, UnreachedError

LONGEST_RETRY_AFTER = 15 * 60_000

_ANSWER_BYTES = 64 * 1024
_SECONDS = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_LATER = frozenset({408, 425})


def make_transport() -> httpx.AsyncHTTPTransport:
    """The connections that all of them share.

    A transport is an httpx client without what a webhook must not do or never needs: redirects, cookies, proxies from
    the environment, whole URLs in the log. That is also a quarter of a post's cost.
    """
    if importlib.util.find_spec("sniffio") is None:
        # httpcore tries to import it for every request; searching the disk each time is a quarter of a post's cost.
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # this is how an import is told not to search
    # Each destination has 16 connections at most (`runtime.outbox`). A limit for all of them together would let those
    # that hang keep the others waiting.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=5)
    return httpx.AsyncHTTPTransport(trust_env=False, limits=limits)


class Post:
    """One address to post to, or with another `method` to ask; the transport is lent, `timeout` is in ms."""

    def __init__(self, transport: httpx.AsyncBaseTransport, url: str, timeout: int, *, method: str = "POST") -> None:
        self._url = _url(url)
        self._method = method
        self._timeout = timeout / 1000
        self._extensions = {"timeout": httpx.Timeout(self._timeout).as_dict()}
        self._transport = transport
        self._headers = {"User-Agent": "rtmd", "Accept": "*/*"} | (_authorization(self._url) if self._url else {})
        self.host = (self._url and self._url.host) or "the address"  # all of it that may be shown

    def __repr__(self) -> str:
        return f"<Post → {self.host}>"

    async def __call__(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Do it once; returns on 2xx, else raises RetryableError or PermanentError."""
        try:
            async with asyncio.timeout(self._timeout):
                status, wait = await self._exchange(body, headers)
        except (TimeoutError, httpx.TimeoutException):
            raise RetryableError(f"{self.host}: no answer within {self._timeout:g} s") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError):
            raise PermanentError(f"{self.host}: this is no URL that can be posted to") from None
        except httpx.ConnectError as error:
            raise UnreachedError(f"{self.host}: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            # Its text may quote the URL, and so may its causes.
            raise RetryableError(f"{self.host}: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise self._refusal(status, wait)

    async def _exchange(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        if self._url is None:
            raise httpx.UnsupportedProtocol("no URL")
        request = httpx.Request(
            self._method, self._url, headers={**self._headers, **headers}, content=body, extensions=self._extensions
        )
        response = await self._transport.handle_async_request(request)
        async with aclosing(response):
            # Read so that the connection can be used again; raw, so that nothing unpacks a bomb.
            read = 0
            async for chunk in response.aiter_raw():
                read += len(chunk)
                if read > _ANSWER_BYTES:
                    break
            return response.status_code, response.headers.get("Retry-After", "")

    def _refusal(self, status: int, wait: str) -> DeliveryError:
        problem = f"{self.host}: answered {status}"
        if status == 429:
            return UnreachedError(problem, retry_after(wait, datetime.now(UTC)))
        if status in _LATER or status >= 500:
            return RetryableError(problem, retry_after(wait, datetime.now(UTC)))
        if 300 <= status < 400:
            problem += ", and redirects are not followed"
        return PermanentError(problem)


def retry_after(header: str, now: datetime) -> int | None:
    """How long a `Retry-After` asks to wait, in ms, at most 15 minutes; None where it says nothing understandable."""
    text = header.strip()
    if _SECONDS.fullmatch(text):  # fractions are no HTTP, but Discord sends them
        return min(int(float(text) * 1000), LONGEST_RETRY_AFTER)
    try:
        wanted = parsedate_to_datetime(text)
    except ValueError:
        return None
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
    wait = int((wanted - now).total_seconds() * 1000)
    return min(max(wait, 0), LONGEST_RETRY_AFTER)


def _url(text: str) -> httpx.URL | None:
    try:
        url = httpx.URL(text)
        url.host  # noqa: B018  # names that cannot be read say so only now
    except (httpx.InvalidURL, UnicodeError):
        return None
    return url


def _authorization(url: httpx.URL) -> dict[str, str]:
    """What a user and password in the URL mean, as every client understands it."""
    if not url.userinfo:
        return {}
    request = next(httpx.BasicAuth(url.username, url.password).auth_flow(httpx.Request("POST", url)))
    return {"Authorization": request.headers["Authorization"]}
