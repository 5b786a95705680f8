"""Main screens that are a table of their own: a line over it, headed columns, a cursor, a filter that is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual.app import ComposeResult

from tui.entry import Entry
from tui.rowlist import RowList
from tui.screens.base import DeskScreen
from tui.view.line import EMPTY, Line, Piece
from tui.widgets.canvas import Canvas
from tui.widgets.pager import Pager
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.app import RtmdApp


class BoardScreen(DeskScreen):
    """A table over a `RowList`; subclasses say how its lines look."""

    def __init__(self) -> None:
        super().__init__()
        self._info = Canvas(id="info")
        self._columns = Canvas(id="columns")
        self._rows = Rows(id="table")
        self._empty = Pager(id="empty")

    @property
    def board(self) -> RowList[Any]:
        """The rows."""
        raise NotImplementedError

    def info(self, cells: int) -> Line:
        """The line over the table."""
        raise NotImplementedError

    def heading(self, cells: int) -> Line:
        """The names over the columns."""
        raise NotImplementedError

    def row(self, row: Any, cells: int, *, selected: bool) -> Line:  # of the subclass
        """One row as one line."""
        raise NotImplementedError

    def words(self, row: Any) -> str:  # of the subclass
        """What the filter looks into."""
        raise NotImplementedError

    def why_empty(self) -> str:
        """What stands in place of rows when there are none."""
        raise NotImplementedError

    def middle(self) -> ComposeResult:
        """The line over the table, the table."""
        yield from (self._info, self._columns, self._rows, self._empty)

    def show(self) -> None:
        """Arrange and draw."""
        desk, cells, board = self.desk, self.size.width, self.board
        board.arrange(self._rows.size.height, self.words)
        self._info.paint([self.info(cells)])
        self._columns.paint([self.heading(cells)])
        self.display_if(self._rows, on=bool(board.rows))
        self.display_if(self._empty, on=not board.rows)
        lines = [self.row(row, cells, selected=board.key_of(row) == board.cursor) for row in board.visible()]
        self._rows.paint(lines, dimmed=desk.picture.link.stale(desk.clock()))
        if not board.rows:
            self._empty.show([EMPTY, (Piece(f"  {desk.glyphs.words(self.why_empty())}", "strong"),)])

    def do_filter(self) -> None:
        """Start typing."""
        self.strip = Entry("/ ", "keep", self.board.filter, heard=self._refilter)

    def do_back(self) -> None:
        """Clear the filter."""
        self.board.filter = ""

    def do_leave(self) -> None:
        """Back to Live."""
        cast("RtmdApp", self.app).go("live")

    def do_down(self) -> None:
        """Next row."""
        self.board.move(1)

    def do_up(self) -> None:
        """Previous row."""
        self.board.move(-1)

    def do_first(self) -> None:
        """First row."""
        self.board.move(-len(self.board.rows))

    def do_last(self) -> None:
        """Last row."""
        self.board.move(len(self.board.rows))

    def do_page_down(self) -> None:
        """A page on."""
        self.board.move(self.board.height)

    def do_page_up(self) -> None:
        """A page back."""
        self.board.move(-self.board.height)

    def do_half_down(self) -> None:
        """Half a page on."""
        self.board.move(max(1, self.board.height // 2))

    def do_half_up(self) -> None:
        """Half a page back."""
        self.board.move(-max(1, self.board.height // 2))

    def on_rows_resized(self) -> None:
        """Arrange them anew."""
        self.repaint()

    def on_rows_clicked(self, event: Rows.Clicked) -> None:
        """Point at a row: the cursor goes there."""
        if self.strip is None:
            self.board.point(event.line)
            self.repaint()

    def on_rows_wheeled(self, event: Rows.Wheeled) -> None:
        """The wheel moves the cursor."""
        if self.strip is None:
            self.board.move(event.rows)
            self.repaint()

    def _refilter(self, text: str) -> None:
        self.board.filter = text
