"""The Audit screen: who changed what, when, and from where. It asks the daemon every few seconds while in front."""

from __future__ import annotations

from functools import partial

from rtmd.wire.audit import AuditView
from tui.audit import LATEST, AuditList
from tui.keymap import AUDIT
from tui.screens.board import AskingBoard
from tui.screens.reading import TextScreen
from tui.view import audit as view
from tui.view.line import Line, lit


class AuditScreen(AskingBoard):
    """The audit trail."""

    NAME = "Audit"
    KEYS = AUDIT
    ASK_EVERY = 3_000

    def __init__(self) -> None:
        super().__init__()
        self.trail = AuditList()

    @property
    def board(self) -> AuditList:
        """The lines."""
        return self.trail

    async def inquire(self) -> None:
        """The latest lines."""
        self.trail.take(await self.desk.client.audit(LATEST))

    def info(self, cells: int) -> Line:
        """What is shown of it."""
        return view.info(self.trail, self.problem, cells, self.desk.glyphs)

    def heading(self, cells: int) -> Line:
        """The names over the columns."""
        return view.heading(cells)

    def row(self, row: AuditView, cells: int, *, selected: bool) -> Line:
        """One line."""
        return view.row(row, self.desk.now, cells, self.desk.glyphs, selected=selected)

    def words(self, row: AuditView) -> str:
        """All of it."""
        return view.words(row, self.desk.now)

    def why_empty(self) -> str:
        """The filter, a refusal, or that there is nothing."""
        trail = self.trail
        if trail.lines:
            return f'0 of {len(trail.lines)} match "{lit(trail.filter, 100)}" · esc clears'
        if self.problem:
            return f"The audit trail is not shown: {lit(self.problem, 200)}"
        return "Nobody has changed anything yet." if trail.known else "asking the daemon …"

    def line(self, row: AuditView) -> str:
        """All of it, on one line."""
        return self.words(row)

    def do_explain(self) -> None:
        """The whole line under the cursor."""
        chosen = self.trail.chosen
        if chosen is not None:
            self.app.push_screen(TextScreen(partial(view.explain, chosen, self.desk.now)))
