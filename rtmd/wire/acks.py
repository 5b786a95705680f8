"""Taking many firings at once, and giving one back."""

from __future__ import annotations

import msgspec


class AcksRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/ack/many`: firings with the versions that were seen (0: any), for `length` ms each."""

    firings: dict[str, int]
    length: int = 0
    note: str = ""


class AcksDone(msgspec.Struct, frozen=True):
    """Those that are taken, on disk; and why the others are not."""

    done: list[str]
    refused: dict[str, str] = {}


class UnackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/ack/end`: give back what one has, as of the version that was seen (0: any)."""

    firing: str
    version: int = 0
