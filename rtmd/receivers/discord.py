"""Discord's webhooks: one embed, and nobody is ever mentioned.

Limits, in UTF-16 code units: 2,000 of content, 256 of a title, 4,096 of a description, 25 fields of 256 and 1,024,
and 6,000 in all of an embed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from rtmd.model.reaction import Notification
from rtmd.receivers.fit import clip_units, colour
from rtmd.receivers.markdown import description
from rtmd.receivers.said import Said

_CONTENT = 2_000
_TITLE = 256
_DESCRIPTION = 4_096
_FIELDS = 25
_NAME = 256
_VALUE = 1_024
_ALL = 6_000


def discord(message: Notification, said: Said) -> bytes:
    """The body to post; `said` in markdown."""
    title = clip_units(said.title, _TITLE)
    fields = list(_fields(said)) if said.text is None else []
    left = _ALL - _units(title)
    kept: list[dict[str, Any]] = []
    for field in fields[:_FIELDS]:
        size = _units(field["name"]) + _units(field["value"])
        if size > left // 2:
            break
        left -= size
        kept.append(field)
    embed: dict[str, Any] = {
        "title": title,
        "description": clip_units(description(said), min(_DESCRIPTION, left)),
        "color": colour(message),
        "timestamp": datetime.fromtimestamp(message.at / 1000, UTC).isoformat(timespec="milliseconds"),
        "fields": kept,
    }
    # The content is what a phone shows; an embed alone would be an empty notification.
    content = clip_units(said.title, _CONTENT)
    return msgspec.json.encode({"content": content, "embeds": [embed], "allowed_mentions": {"parse": []}})


def _fields(said: Said) -> Iterator[dict[str, Any]]:
    for part in said.parts:
        for name, value in part.facts:
            yield {"name": clip_units(name, _NAME), "value": clip_units(value, _VALUE), "inline": len(value) <= 40}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
