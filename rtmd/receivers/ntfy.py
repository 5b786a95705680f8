"""ntfy: the message as plain text, everything about it in headers.

Limit: 4,096 bytes of text (more would arrive as a file). Priorities are those of ntfy, 1 to 5. Headers are ASCII, so
the title is encoded by RFC 2047, which ntfy decodes; a break in it would be part of the encoding, not of the header.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

from rtmd.config import NtfyReceiver
from rtmd.model.reaction import Notification
from rtmd.model.rule import Severity
from rtmd.receivers.fit import clip_bytes
from rtmd.receivers.said import Said

_BYTES = 4_096
_TITLE = 250
_WORD = 45  # bytes of an encoded word: 75 characters with its frame

_PRIORITIES = {Severity.INFO: "3", Severity.WARNING: "4", Severity.CRITICAL: "5"}
_TAGS = {Severity.INFO: "information_source", Severity.WARNING: "warning", Severity.CRITICAL: "rotating_light"}


def ntfy(message: Notification, said: Said, config: NtfyReceiver) -> tuple[bytes, dict[str, str]]:
    """Body and headers; `said` as it is."""
    tag = "white_check_mark" if message.resolved else _TAGS[message.severity]
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Title": encoded(clip_bytes(said.title, _TITLE)),
        "Priority": "2" if message.resolved else _PRIORITIES[message.severity],
        "Tags": ",".join((tag, *config.tags)),
    }
    link = next((url for part in said.parts for _, url in part.links), "")
    if link:
        headers["Click"] = link
    if config.token:
        headers["Authorization"] = f"Bearer {config.token}"
    return clip_bytes(said.plain(), _BYTES).encode(), headers


def encoded(text: str) -> str:
    """A header's value in ASCII: as it is, or as encoded words (RFC 2047)."""
    if text.isascii() and text.isprintable() and "=?" not in text:
        return text.strip()
    return " ".join(f"=?utf-8?b?{b64encode(piece.encode()).decode()}?=" for piece in _pieces(text))


def _pieces(text: str) -> Iterator[str]:
    piece = ""
    for character in text:
        if len((piece + character).encode()) > _WORD:
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece
