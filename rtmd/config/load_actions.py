"""The tables `[actions.NAME]`: what rtmd may run, and how often."""

from __future__ import annotations

import re
from typing import Any

from rtmd.config.places import Places
from rtmd.config.values import ActionConfig, CommandAction, WebhookAction
from rtmd.model.action import UNITS, AtMost
from rtmd.rulefile.table import Table, nearest

_SHARED = frozenset({"kind", "timeout", "idempotent", "at_most", "undo"})
_KINDS = ("command", "webhook")
_AT_MOST = re.compile(r"([1-9][0-9]{0,5})/([smhd])")


def read_actions(root: Table, places: Places) -> dict[str, ActionConfig]:
    """All of them, by name."""
    found: dict[str, ActionConfig] = {}
    for name, table in root.tables("actions"):
        match table.text("kind", "command"):
            case "command":
                table.refuse_unknown(_SHARED | {"argv"})
                undo = places.argv(table, "undo") if "undo" in table else ()
                found[name] = CommandAction(name, places.argv(table, "argv"), undo, **_shared(table))
            case "webhook":
                table.refuse_unknown(_SHARED | {"url", "secret"})
                undo_url = places.url(table, "undo") if "undo" in table else ""
                secrets = places.secrets(table, "secret")
                found[name] = WebhookAction(name, places.url(table), undo_url, secrets, **_shared(table))
            case kind:
                problem = f'must be "command" or "webhook", not "{kind[:60]}"{nearest(kind, _KINDS)}'
                table.misplaced("kind", problem)
    return found


def _shared(table: Table) -> dict[str, Any]:
    return {
        "timeout": table.duration("timeout", 30_000, least=1),
        "idempotent": table.switch("idempotent", default=False),
        "at_most": _at_most(table),
    }


def _at_most(table: Table) -> AtMost | None:
    if "at_most" not in table:
        return None
    text = table.text("at_most")
    found = _AT_MOST.fullmatch(text)
    if found is None:
        table.wrong("at_most", f'must be a number of runs in a time, like "4/h" (s, m, h or d), not "{text[:60]}"')
        return None
    return AtMost(int(found[1]), UNITS[found[2]])
