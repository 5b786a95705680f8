"""The wall: a screen that many look at and nobody works on. No cursor, nothing to press but leaving it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult

from tui.keymap import WALL
from tui.screens.base import DeskScreen
from tui.view import wall
from tui.view.empty import empty
from tui.view.info import proof_of_life
from tui.view.line import EMPTY, Line, Piece, fit
from tui.view.row import heading
from tui.widgets.canvas import Canvas
from tui.widgets.pager import Pager

if TYPE_CHECKING:
    from tui.app import RtmdApp

_MANY = 300  # firings from which on the rows are drawn once a second, whatever changes


class WallScreen(DeskScreen):
    """Figures, and what is open rule by rule."""

    NAME = "Wall"
    KEYS = WALL

    def __init__(self) -> None:
        super().__init__()
        self._stale = Canvas(id="stale")
        self._counts = Canvas(id="counts")
        self._columns = Canvas(id="columns")
        self._rows = Canvas(id="table")
        self._empty = Pager(id="empty")
        self._drawn: tuple[object, ...] = ()

    def middle(self) -> ComposeResult:
        """Whether this is the present, the figures, the rules."""
        yield from (self._stale, self._counts, self._columns, self._rows, self._empty)

    def show(self) -> None:
        """Draw."""
        desk, cells = self.desk, self.size.width
        picture, moment, glyphs = desk.picture, desk.now, desk.glyphs
        # Nobody has a cursor here that could be on something that is gone.
        picture.forget(())
        picture.changed.clear()
        late = wall.stale(picture, moment, cells, glyphs)
        self.display_if(self._stale, on=bool(late))
        self._stale.paint([late])
        self._counts.paint([EMPTY, *wall.counts(picture.counts, cells, glyphs)], dimmed=bool(late))
        loud = picture.counts.open > picture.counts.silenced
        for widget, on in ((self._columns, loud), (self._rows, loud), (self._empty, not loud)):
            self.display_if(widget, on=on)
        if loud:
            self._show_rows(late=bool(late))
        elif picture.status is not None and picture.status.rules:
            self._empty.show([EMPTY, (Piece("  Nothing firing.", "strong"),)], dimmed=bool(late))
        else:
            self._empty.show(empty(picture, desk.roster, moment, cells, glyphs))

    def bottom(self, cells: int) -> Line:
        """How fresh it is, in place of keys."""
        status, glyphs = self.desk.picture.status, self.desk.glyphs
        if status is None:
            return EMPTY
        text = proof_of_life(status, self.desk.now, glyphs, hint="")
        return fit((Piece(f" {text}", "quiet"),), cells, glyphs.more)

    def do_quit(self) -> None:
        """Leave."""
        cast("RtmdApp", self.app).leave()

    def _show_rows(self, *, late: bool) -> None:
        desk, size = self.desk, self._rows.size
        picture, moment, glyphs = desk.picture, desk.now, desk.glyphs
        shape = picture.shape if len(picture.firings) < _MANY else -1
        key = (moment.wall // 1000, shape, size, self.size, late)
        if key != self._drawn:
            self._drawn = key
            self._columns.paint([heading(self.size.width, glyphs)])
            lines = wall.rows(wall.by_rule(picture), moment, (self.size.width, size.height), glyphs)
            self._rows.paint(lines, dimmed=late)
