"""The list behind the Audit screen: the latest lines of the audit trail, the newest first."""

from __future__ import annotations

from dataclasses import dataclass, field

from rtmd.wire.audit import AuditView
from tui.rowlist import RowList

LATEST = 500  # lines that are asked for


@dataclass(slots=True)
class AuditList(RowList[AuditView]):
    """Lines as of the last answer."""

    lines: list[AuditView] = field(default_factory=list)
    heard: bool = False  # there was an answer
    problem: str = ""  # why there was none, the last time
    asked: int | None = None  # mono of the latest question

    def take(self, lines: list[AuditView]) -> None:
        """What the daemon answered; it tells the oldest first."""
        self.lines, self.heard, self.problem = lines[::-1], True, ""

    def everything(self) -> list[AuditView]:
        """All lines, the newest first."""
        return self.lines

    def key_of(self, row: AuditView) -> str:
        """The number of the line."""
        return str(row.seq)
