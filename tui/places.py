"""The main screens, by the names of their keys (`keymap.PLACES`: `go_live` opens `live`).

A main screen is a `DeskScreen` that is made when it is first opened, and kept from then on with whatever was opened
over it. To add one: its class, its table of keys and a line in PLACES of `keymap`, and a line here.
"""

from __future__ import annotations

from tui.screens.actions import ActionsScreen
from tui.screens.audit import AuditScreen
from tui.screens.base import DeskScreen
from tui.screens.live import LiveScreen
from tui.screens.rules import RulesScreen
from tui.screens.silences import SilencesScreen

HOME = "live"
PLACES: dict[str, type[DeskScreen]] = {
    HOME: LiveScreen,
    "rules": RulesScreen,
    "silences": SilencesScreen,
    "actions": ActionsScreen,
    "audit": AuditScreen,
}
