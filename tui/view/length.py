"""Lengths that people chose: `5m`, `1h30m`, never rounded."""

from __future__ import annotations

from tui.scale import HOUR, MINUTE, SECOND

_UNITS = ((24 * HOUR, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))


def length(milliseconds: int) -> str:
    """A chosen length exactly, in the units it was chosen in."""
    text = ""
    for size, unit in _UNITS:
        count, milliseconds = divmod(milliseconds, size)
        if count:
            text += f"{count}{unit}"
    return text or "0s"
