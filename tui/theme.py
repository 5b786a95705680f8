"""Colours of the screen: style names of the views turned into terminal styles, theme by theme.

Colour is decoration: every state has a word or a mark as well, no pair of states differs in hue alone, and
nothing blinks. Names combine: "crit sel" is a critical piece in the selected row; "dim" takes all colours to the
quiet one, so that what is out of date can still be read.

Text stands at least 4.5 to 1 against whatever it may stand on (WCAG 2), 7 to 1 in `rtmd-hc`. The theme `ansi` uses
the sixteen colours of the terminal's own palette, and says what matters in bold, reverse and underline; it is what
NO_COLOR gets, without the colours.
"""

from __future__ import annotations

import difflib
from functools import lru_cache

from msgspec import Struct
from rich.style import Style


class Theme(Struct, frozen=True):
    """One set of colours, as Rich and Textual's stylesheets both read them."""

    name: str
    background: str
    panel: str  # header, footer, what stands over the list
    raised: str  # strips, toasts, the cursor's row
    text: str
    bright: str
    quiet: str
    crit: str
    warn: str
    info: str
    action: str
    dark: bool = True

    @property
    def ansi(self) -> bool:
        """The terminal's own palette."""
        return self.background == "default"


DARK = Theme(
    "rtmd-dark", background="#121212", panel="#1a1c20", raised="#282c34", text="#c8ccd4", bright="#f0f2f5",
    quiet="#9399a3", crit="#ff6b5e", warn="#f0b429", info="#56b4e9", action="#d585b1",
)  # fmt: skip
LIGHT = Theme(
    "rtmd-light", background="#fafafa", panel="#eceef2", raised="#dbe2ee", text="#2b2f36", bright="#0b0d10",
    quiet="#565c66", crit="#b3261e", warn="#7a4d00", info="#0b5590", action="#8e2f6f", dark=False,
)  # fmt: skip
CONTRAST = Theme(
    "rtmd-hc", background="#000000", panel="#0d0f12", raised="#1b2640", text="#f2f2f2", bright="#ffffff",
    quiet="#cfd3da", crit="#ff9a90", warn="#ffd54f", info="#82cfff", action="#ffa8e0",
)  # fmt: skip
ANSI = Theme(
    "ansi", background="default", panel="default", raised="default", text="default", bright="default",
    quiet="default", crit="red", warn="yellow", info="cyan", action="magenta",
)  # fmt: skip
THEMES = {theme.name: theme for theme in (DARK, LIGHT, CONTRAST, ANSI)}


def named(name: str) -> Theme:
    """The theme of this name, with or without `rtmd-`. ValueError: there is none."""
    found = THEMES.get(name) or THEMES.get(f"rtmd-{name}")
    if found is None:
        near = difflib.get_close_matches(name, THEMES, n=1)
        raise ValueError(f'there is no theme "{name}"' + (f': did you mean "{near[0]}"?' if near else ""))
    return found


@lru_cache(maxsize=1024)
def style(names: str, theme: str = DARK.name) -> Style:
    """The combined style of these names; unknown ones are plain text."""
    table = styles(theme)
    return Style.combine([table["text"], *(table[name] for name in names.split() if name in table)])


@lru_cache(maxsize=len(THEMES))
def styles(name: str) -> dict[str, Style]:
    """What each style name means in a theme."""
    theme = THEMES.get(name, DARK)
    faint = Style(color=theme.quiet, dim=theme.ansi)
    raised = Style(reverse=True) if theme.ansi else Style(bgcolor=theme.raised)
    alarm = Style(color=theme.bright, bold=True, reverse=True)
    return {
        "text": Style(color=theme.text),
        "strong": Style(color=theme.bright, bold=True),
        "quiet": faint,
        "crit": Style(color=theme.crit, bold=True),
        "warn": Style(color=theme.warn),
        "info": Style(color=theme.info),
        "ok": faint,
        "sil": faint + Style(italic=True),
        "new": alarm,
        "act": Style(color=theme.action, underline=True),
        "ack": Style(color=theme.text),
        "nodata": Style(color=theme.quiet, reverse=True),
        "stale": alarm,
        "key": Style(color=theme.bright, bold=True),
        "head": faint + Style(bold=True),
        "coach": Style(color=theme.warn, bold=True, reverse=True),
        "error": Style(color=theme.crit),
        "strip": raised + Style(color=theme.bright, dim=False),
        "bar": Style() if theme.ansi else Style(bgcolor=theme.panel),
        "link": Style(color=theme.info, underline=True),
        "sel": raised,
        "dim": Style(color=theme.quiet, bold=False, dim=theme.ansi),
    }
