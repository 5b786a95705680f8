"""Matchers as values: what a selector, a silence or a route says about one label.

Only the value and its equality live here; matching itself (RE2, fully anchored, cached) is `rtmd.matching`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MatchOp(StrEnum):
    """The four operators of Prometheus."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, slots=True, order=True)
class Matcher:
    """`name op value`; a missing label counts as the empty string."""

    name: str
    op: MatchOp
    value: str

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.op}"{escaped}"'
