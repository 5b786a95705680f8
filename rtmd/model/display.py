"""`safe(text)`: the one gate between strings from outside and anything a person looks at.

Labels, titles, post texts and error messages of others may hold terminal control sequences, bidirectional
overrides or line breaks. Raw strings are identity and travel on the wire; every sink (TUI cell, CLI line, log
record, journald, chat text) passes them through here. Nothing is dropped silently: control characters become
their pictures (␛ for ESC), everything else that must not act becomes U+FFFD.
"""

from __future__ import annotations

import re

_REPLACEMENT = "\ufffd"

# C0, DEL, C1, soft hyphen, Arabic letter mark, zero-width and directional marks, line and paragraph separators,
# bidirectional embeddings, overrides and isolates, invisible operators, byte order mark, interlinear
# annotation, lone surrogates, tag characters.
_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else _REPLACEMENT


def safe(text: str, limit: int = 1024) -> str:
    """The text with nothing in it that acts on a terminal, a log line or the reading direction.

    At most `limit` characters; a cut text ends in an ellipsis. Idempotent.
    """
    cleaned = _ACTING.sub(_picture, text[: limit + 1])
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def age(milliseconds: int) -> str:
    """A duration people can read at a glance: `47s`, `12m`, `3h05`, `2d`."""
    seconds = max(0, milliseconds) // 1000
    if seconds < 100:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 100:
        return f"{minutes}m"
    hours, rest = divmod(minutes, 60)
    return f"{hours}h{rest:02}" if hours < 48 else f"{hours // 24}d"


def size(count: int) -> str:
    """So many bytes: `850 B`, `12 kB`, `1.2 MB`."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1000:.3g} kB" if count < 1_000_000 else f"{count / 1e6:.3g} MB"


def number(value: float | None) -> str:
    """A value in at most eight characters, without false precision: `9 312`, `0.052`, `1.2M`, `–` for none."""
    if value is None:
        return "–"
    if value != value:  # noqa: PLR0124  # NaN is the only value that differs from itself
        return "NaN"
    magnitude = abs(value)
    if magnitude == float("inf"):
        return "+Inf" if value > 0 else "-Inf"
    for factor, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if magnitude >= factor:
            return f"{value:.3g}" if magnitude >= 1e15 else f"{value / factor:.3g}{suffix}"
    if magnitude >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.3g}"
