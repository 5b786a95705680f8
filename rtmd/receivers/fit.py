"""Making things fit: into so many characters or bytes, with a sign where something was cut off; and colours.

What is cut is escaped text already, so a cut may tear an escape in two. The rest of a torn one is removed: half an
entity, and backslashes at the end.
"""

from __future__ import annotations

import re

from rtmd.model.reaction import Notification
from rtmd.model.rule import Severity

CUT = "…"

_TORN = re.compile(r"(?:&[a-z]{0,4}|\\+)$")

_COLOURS = {Severity.INFO: 0x2F7ED8, Severity.WARNING: 0xE8A33D, Severity.CRITICAL: 0xD63333}
_RESOLVED = 0x3BA55D


def clip(text: str, limit: int) -> str:
    """At most `limit` characters; a cut text ends in an ellipsis."""
    return text if len(text) <= limit else _TORN.sub("", text[: limit - 1]) + CUT


def clip_units(text: str, limit: int) -> str:
    """At most `limit` UTF-16 code units, which is how some count characters."""
    if len(text) * 2 <= limit or len(text.encode("utf-16-le")) // 2 <= limit:
        return text
    return _TORN.sub("", text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")) + CUT


def clip_bytes(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8."""
    content = text.encode()
    if len(content) <= limit:
        return text
    return _TORN.sub("", content[: limit - len(CUT.encode())].decode("utf-8", "ignore")) + CUT


def colour(message: Notification) -> int:
    """The colour of a message: by severity, green once it is over."""
    return _RESOLVED if message.resolved else _COLOURS[message.severity]
