"""The screens, by the names of their keys (`keymap.PLACES`: `go_live` opens `live`).

A main screen is a `DeskScreen` that is made when it is first opened, and kept from then on with whatever was opened
over it. To add one: its class, its table of keys and a line in PLACES of `keymap`, and a line here, in PLACES.

They stand here by name, so that a module is read when its screen is first opened: nobody waits for the others before
the first paint.
"""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name

from tui.screens.base import DeskScreen

HOME, WALL, WHY = "live", "wall", "why"
PLACES: Mapping[str, str] = {
    HOME: "tui.screens.live:LiveScreen",
    "rules": "tui.screens.rules:RulesScreen",
    "silences": "tui.screens.silences:SilencesScreen",
    "actions": "tui.screens.actions:ActionsScreen",
    "audit": "tui.screens.audit:AuditScreen",
}
_OTHERS: Mapping[str, str] = {
    WALL: "tui.screens.wall:WallScreen",  # a mode like the main ones, that no key opens
    WHY: "tui.screens.why:WhyScreen",  # stands over a main screen
}


def kind(name: str) -> type[DeskScreen]:
    """The class of a screen."""
    found: type[DeskScreen] = resolve_name({**PLACES, **_OTHERS}[name])
    return found


def opened(name: str) -> DeskScreen:
    """A screen, made."""
    return kind(name)()
