"""The list behind the Audit screen: the latest lines of the audit trail, the newest first."""

from __future__ import annotations

from msgspec import field

from rtmd.wire.audit import AuditView
from tui.rowlist import RowList

LATEST = 500  # lines that are asked for


class AuditList(RowList[AuditView]):
    """The lines, as of the last answer."""

    lines: list[AuditView] = field(default_factory=list)
    known: bool = False

    def take(self, lines: list[AuditView]) -> None:
        """What the daemon answered; it tells the oldest first."""
        self.lines, self.known = lines[::-1], True

    def everything(self) -> list[AuditView]:
        """All lines, the newest first."""
        return self.lines

    def key_of(self, row: AuditView) -> str:
        """The number of the line."""
        return str(row.seq)
