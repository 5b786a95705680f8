"""Marks on the wire."""

from __future__ import annotations

import msgspec


class MarkView(msgspec.Struct, frozen=True):
    """Something that people or systems reported; `time` is wall time."""

    id: str
    time: int
    kind: str  # post | deploy | event
    text: str
    labels: dict[str, str] = {}
    by: str = ""


class MarkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/mark`: `time` is when it happened, in wall time (0: now)."""

    text: str
    kind: str = "event"
    labels: dict[str, str] = {}
    time: int = 0
