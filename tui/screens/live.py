"""The Live screen: what fires now."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult

from tui.filter import parse
from tui.keymap import LIVE
from tui.screens.listing import ListScreen
from tui.states import is_open
from tui.view import info
from tui.view.empty import empty
from tui.view.line import EMPTY, Line
from tui.view.moment import Moment
from tui.view.row import heading
from tui.view.why import preview
from tui.widgets.canvas import Canvas
from tui.widgets.pager import Pager
from tui.widgets.rows import Rows
from tui.widgets.table import FiringTable

if TYPE_CHECKING:
    from tui.app import RtmdApp

PREVIEW_WIDTH = 120
PREVIEW_HEIGHT = 24


class LiveScreen(ListScreen):
    """The list, with the firing under the cursor in short below it where there is room."""

    NAME = "Live"
    KEYS = LIVE

    def __init__(self) -> None:
        super().__init__()
        self._above = Canvas(id="above")
        self._table = FiringTable(id="table")
        self._empty = Pager(id="empty")
        self._preview = Pager(id="preview")
        self._storm: tuple[tuple[object, ...], Line] = ((), EMPTY)

    def middle(self) -> ComposeResult:
        """The lines above the list, the list, the preview."""
        yield self._above
        yield self._table
        yield self._empty
        yield self._preview

    def put_in_order(self) -> None:
        """The rows; nothing is done while nothing that matters changed."""
        self.desk.roster.resize(self._table.size.height)
        self.desk.roster.arrange(self.desk.picture, self.desk.clock())

    def show(self) -> None:
        """Draw."""
        desk, cells = self.desk, self.size.width
        picture, roster, moment, glyphs = desk.picture, desk.roster, desk.now, desk.glyphs
        status = picture.status
        self.put_in_order()
        rows = bool(roster.order)
        above = (
            info.coach(status, cells, glyphs),
            info.rule_error(status, cells, glyphs),
            info.notice(picture, moment, cells, glyphs),
            self._storm_line(moment, cells),
            info.info(picture, roster, moment, cells, glyphs),
            heading(cells, glyphs) if rows else EMPTY,
        )
        self.stretch(self._above, above)
        previews = rows and cells >= PREVIEW_WIDTH and self.size.height >= PREVIEW_HEIGHT
        for widget, on in (
            (self._table, rows),
            (self._empty, not rows),
            (self._preview, previews),
        ):
            self.display_if(widget, on=on)
        self._table.show(roster, picture, moment, glyphs)
        if not rows:
            self._empty.show(empty(picture, roster, moment, cells, glyphs))
        target = self.target()
        if previews and target is not None:
            lines = preview(target, moment, cells, max(self._preview.size.height, 1), glyphs)
            self._preview.show(lines, dimmed=picture.link.stale(moment.mono))

    def do_why(self) -> None:
        """Everything about the firing under the cursor."""
        if self.target() is not None:
            cast("RtmdApp", self.app).open_why()

    def do_filter(self) -> None:
        """Start typing."""
        self.type_filter(self.desk.roster.filter.text, self._refilter, self._passed)

    def do_back(self) -> None:
        """Take away the marks, else clear the filter."""
        if self.desk.roster.marks:
            self.desk.roster.marks.clear()
        else:
            self._refilter("")

    def do_quit(self) -> None:
        """Leave."""
        cast("RtmdApp", self.app).leave()

    def on_rows_clicked(self, event: Rows.Clicked) -> None:
        """Point at a row: the cursor goes there."""
        place = self.desk.roster.top + event.line
        if self.strip is None and place < len(self.desk.roster.order):
            self.move(place - self.desk.roster.index)
            self.repaint()

    def on_rows_wheeled(self, event: Rows.Wheeled) -> None:
        """The wheel moves the cursor."""
        if self.strip is None:
            self.move(event.rows)
            self.repaint()

    def _storm_line(self, moment: Moment, cells: int) -> Line:
        """Looking through ten thousand firings once a second is enough."""
        roster, glyphs = self.desk.roster, self.desk.glyphs
        key = (moment.at // 1000, cells, roster.grouped, roster.grouping, glyphs.ascii_only)
        if self._storm[0] != key:
            self._storm = key, info.storm(self.desk.picture, roster, moment, cells, glyphs)
        return self._storm[1]

    def _passed(self) -> tuple[int, int]:
        picture = self.desk.picture
        found = (picture.firings.get(firing_id) for firing_id in self.desk.roster.order)
        return sum(one is not None and is_open(one) for one in found), picture.counts.open

    def _refilter(self, text: str) -> None:
        self.desk.roster.refilter(parse(text), self.desk.picture, self.desk.clock())
