"""Titles: plain substitution of `{name}`, no code, no format specifications.

A name is a label of the firing or one of `value`, `threshold`, `stage`, `unit`, which win over labels of the same
name. `{{` and `}}` stand for the braces themselves. An unknown label is the empty string: a title must never keep
an alert from going out. The result is raw text; sinks pass it through `display.safe`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rtmd.model.labels import Labels

LIMIT = 8 * 1024
PLACEHOLDERS = frozenset({"value", "threshold", "stage", "unit"})

_PIECE = re.compile(r"\{\{|\}\}|\{([a-zA-Z_][a-zA-Z0-9_]*)\}|[{}]")


def render_title(template: str, labels: Labels, values: Mapping[str, str]) -> str:
    """The template filled in; `values` has the texts for PLACEHOLDERS. At most 8 KiB characters."""
    texts = {**dict(labels), **values}

    def fill(found: re.Match[str]) -> str:
        if found[1]:
            return texts.get(found[1], "")
        return found[0][0]

    filled = _PIECE.sub(fill, template)
    return filled if len(filled) <= LIMIT else filled[: LIMIT - 1] + "…"


def title_problem(template: str) -> str | None:
    """What is wrong with a template, or None."""
    if len(template) > 1024:
        return "is longer than 1,024 characters"
    if not template.isprintable():
        return "contains control characters"
    for found in _PIECE.finditer(template):
        if found[0] in "{}":
            rest = template[found.start() : found.start() + 20]
            return f'has a single brace at "{rest}": write {{label}}, or {{{{ and }}}} for braces themselves'
    return None
