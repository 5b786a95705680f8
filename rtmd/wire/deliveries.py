"""Receivers and the outbox: what is on its way to people, what was given up, and what may be tried again."""

from __future__ import annotations

import msgspec


class ReceiverView(msgspec.Struct, frozen=True):
    """A receiver: whether it answers (`circuit`: closed | open | half-open), and what waits for it."""

    name: str
    kind: str  # empty: not configured any more
    circuit: str
    waiting: int
    dead_letters: int
    failing_since: int | None = None
    trouble: str = ""  # of the latest attempt; empty: it went well
    fallback: str = ""


class LetterView(msgspec.Struct, frozen=True):
    """A notification that waits, or (with `error`) was given up; `due` is wall time."""

    key: str
    receiver: str
    at: int
    summary: str
    attempts: int
    due: int | None = None
    error: str = ""


class OutboxView(msgspec.Struct, frozen=True):
    """`GET /api/rtmd/v1/outbox`: at most 1,000 of each."""

    waiting: list[LetterView]  # oldest first
    dead: list[LetterView]  # newest first


class RetryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/outbox/retry`: dead letters by key, those of a receiver, or all."""

    keys: list[str] = []
    receiver: str = ""
    all: bool = False


class RetryDone(msgspec.Struct, frozen=True):
    """What is delivered again, by key."""

    keys: list[str]


class TryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/receivers/test`: send a test message and wait for what becomes of it."""

    receiver: str


class TryResult(msgspec.Struct, frozen=True):
    """What became of a test message; with an empty `error` it was taken."""

    receiver: str
    error: str = ""
    permanent: bool = False
