"""What a rule and a correlation say of themselves alike: name, owner, labels, links, kind, reopen, shadow, enabled.

What the table does not say it has from the file's `[defaults]`; labels and links are added to those.
"""

from __future__ import annotations

import re

from msgspec import Struct

from rtmd.model.labels import METRIC_NAME, Labels, labels_of
from rtmd.model.rule import MINUTE, Kind
from rtmd.rulefile.table import Table

BUILT_IN = "built in"  # stands for the file of the rules that begin with rtmd.
HEAD = frozenset({"title", "kind", "links", "labels", "reopen", "owner", "enabled", "shadow"})
RESERVED_LABELS = frozenset({METRIC_NAME, "rule", "alertname", "kind", "stage", "severity"})
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")
_REOPEN = 10 * MINUTE


class Head(Struct, frozen=True):
    """The values of these keys, with all defaults filled in."""

    owner: str
    labels: Labels
    links: tuple[tuple[str, str], ...]
    kind: Kind
    reopen: int
    enabled: bool
    shadow: bool


def read_head(name: str, table: Table, defaults: Table, what: str) -> Head:
    """The head of a rule or correlation (`what` it is called) of that name."""
    if not _NAME.fullmatch(name):
        table.broken(f'a {what} is named with letters, digits, "-", "_", "." and ":", not "{name[:60]}"')
    elif name.startswith("rtmd.") and table.document.file != BUILT_IN:
        table.broken("names that begin with rtmd. are reserved")
    inherited = (table, defaults)
    return Head(
        owner=_nearest(inherited, "owner").text("owner"),
        labels=labels_of({**read_labels(defaults), **read_labels(table)}),
        links=tuple(sorted({**defaults.pairs("links"), **table.pairs("links")}.items())),
        kind=_nearest(inherited, "kind").choice("kind", Kind.HEALTH, reserved=Kind.NO_DATA),
        reopen=_nearest(inherited, "reopen").duration("reopen", _REOPEN),
        enabled=_nearest(inherited, "enabled").flag("enabled", default=True),
        shadow=_nearest(inherited, "shadow").flag("shadow", default=False),
    )


def read_labels(table: Table) -> dict[str, str]:
    """The labels that a table adds to firings."""
    labels = table.pairs("labels")
    for name, value in labels.items():
        if not LABEL.fullmatch(name):
            table.wrong("labels", f'has "{name[:60]}": a label is named with letters, digits and "_"')
        elif name in RESERVED_LABELS:
            table.wrong("labels", f"cannot set {name}: rtmd sets it")
        elif not value:
            table.wrong("labels", f"has an empty value for {name}")
    return labels


def _nearest(tables: tuple[Table, ...], key: str) -> Table:
    return next((table for table in tables if key in table), tables[0])
