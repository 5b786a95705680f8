"""Colours of the screen: style names of the views turned into terminal styles.

Colour is decoration: every state has a word or a mark as well, no pair of states differs in hue alone, and
nothing blinks. Names combine: "crit sel" is a critical piece in the selected row.
"""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style

BACKGROUND = "#121212"
PANEL = "#1a1c20"
TEXT = "#c8ccd4"
QUIET = "#8a8f98"
CRIT = "#ff6b5e"
WARN = "#f0b429"
INFO = "#56b4e9"
ACTION = "#cc79a7"

_STYLES = {
    "text": Style(color=TEXT),
    "strong": Style(color="#f0f2f5", bold=True),
    "quiet": Style(color=QUIET),
    "crit": Style(color=CRIT, bold=True),
    "warn": Style(color=WARN),
    "info": Style(color=INFO),
    "ok": Style(color=QUIET),
    "sil": Style(color=QUIET, italic=True),
    "new": Style(color="#f0f2f5", bold=True, reverse=True),
    "act": Style(color=ACTION, underline=True),
    "ack": Style(color=TEXT),
    "nodata": Style(color=QUIET, reverse=True),
    "stale": Style(color="#f0f2f5", bold=True, reverse=True),
    "key": Style(color="#f0f2f5", bold=True),
    "head": Style(color=QUIET, bold=True),
    "coach": Style(color=BACKGROUND, bgcolor=WARN, bold=True),
    "error": Style(color=CRIT),
    "strip": Style(color="#f0f2f5", bgcolor="#2c313a"),
    "bar": Style(bgcolor=PANEL),
    "link": Style(color=INFO, underline=True),
    "sel": Style(bgcolor="#2c313a"),
    "dim": Style(dim=True),
}


@lru_cache(maxsize=256)
def style(names: str) -> Style:
    """The combined style of these names; unknown ones are plain text."""
    return Style.combine([_STYLES["text"], *(_STYLES[name] for name in names.split() if name in _STYLES)])
