"""The audit trail on the wire."""

from __future__ import annotations

import msgspec


class AuditView(msgspec.Struct, frozen=True):
    """Somebody changed something, at wall time `at`."""

    seq: int
    at: int
    by: str
    verb: str
    object: str
    detail: str = ""
    origin: str = ""  # where they were: how they were known


class VerifiedView(msgspec.Struct, frozen=True):
    """Whether the trail is as it was written: `problem` is empty then. `hash` is that of its last line."""

    lines: int
    hash: str
    problem: str = ""
