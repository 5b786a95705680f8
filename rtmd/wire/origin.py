"""Where a firing comes from that no rule of rtmd's own made."""

from __future__ import annotations

import msgspec


class OriginView(msgspec.Struct, frozen=True):
    """What the sender of an alert says of it; `starts_at` is wall time, by its clock."""

    sender: str
    starts_at: int
    annotations: dict[str, str] = {}
    url: str = ""
