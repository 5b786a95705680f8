"""The screens, by the names of their keys (`keymap.PLACES`: `go_live` opens `live`).

A main screen is a `DeskScreen` that is made when it is first opened, and kept from then on with whatever was opened
over it. To add one: its class, its table of keys and a line in PLACES of `keymap`, and a function here, in PLACES.

Each stands in a function of its own, so that its module is read when it is first opened: nobody waits for the others
before the first paint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tui.screens.base import DeskScreen
from tui.screens.live import LiveScreen


def _live() -> type[DeskScreen]:
    return LiveScreen


def _rules() -> type[DeskScreen]:
    from tui.screens.rules import RulesScreen

    return RulesScreen


def _silences() -> type[DeskScreen]:
    from tui.screens.silences import SilencesScreen

    return SilencesScreen


def _actions() -> type[DeskScreen]:
    from tui.screens.actions import ActionsScreen

    return ActionsScreen


def _audit() -> type[DeskScreen]:
    from tui.screens.audit import AuditScreen

    return AuditScreen


def wall() -> type[DeskScreen]:
    """What nobody works on (`--wall`): a mode like the main screens, and no key opens it."""
    from tui.screens.wall import WallScreen

    return WallScreen


def why() -> type[DeskScreen]:
    """All about a firing; it stands over a main screen."""
    from tui.screens.why import WhyScreen

    return WhyScreen


HOME = "live"
WALL = "wall"
PLACES: Mapping[str, Callable[[], type[DeskScreen]]] = {
    HOME: _live,
    "rules": _rules,
    "silences": _silences,
    "actions": _actions,
    "audit": _audit,
}


def opened(place: Callable[[], type[DeskScreen]]) -> DeskScreen:
    """A screen, made."""
    return place()()
