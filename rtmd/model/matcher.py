"""Matchers as values: what a selector, a silence or a route says about one label.

Only the value and its equality live here; matching itself (RE2, fully anchored, cached) is `rtmd.matching`.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

_PLAIN = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]*")  # names that need no quotes


class MatchOp(StrEnum):
    """The four operators of Prometheus."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


class Matcher(Struct, frozen=True, order=True):
    """`name op value`; a missing label counts as the empty string."""

    name: str
    op: MatchOp
    value: str

    def __str__(self) -> str:
        name = self.name if _PLAIN.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.op}{_quoted(self.value)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
