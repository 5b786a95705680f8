"""Main screens that are a table of their own: a line over it, headed columns, a cursor, a filter that is typed."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

from textual.app import ComposeResult

from tui.approval import Approval
from tui.copying import Choice, Copying, shown
from tui.rowlist import RowList
from tui.screens.base import DeskScreen
from tui.target import RefusedError
from tui.view.footer import edge
from tui.view.line import EMPTY, Line, Piece, fit, lit, plain
from tui.widgets.canvas import Canvas
from tui.widgets.pager import Pager
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.app import RtmdApp


BRIEF = 6  # lines for what the cursor is on
UNCUT = 400  # cells of a row that is copied
BRIEF_HEIGHT = 20  # from this height of the screen on


class BoardScreen(DeskScreen):
    """A table over a `RowList`; subclasses say how its lines look."""

    def __init__(self) -> None:
        super().__init__()
        self._info = Canvas(id="info")
        self._columns = Canvas(id="columns")
        self._rows = Rows(id="table")
        self._empty = Pager(id="empty")
        self._brief = Canvas(id="brief")

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

    def brief(self, row: Any, cells: int) -> list[Line]:  # noqa: ARG002  # for subclasses
        """The row under the cursor in some lines, below the table; none: nothing stands there."""
        return []

    def why_empty(self) -> str:
        """What stands in place of rows when there are none."""
        raise NotImplementedError

    def middle(self) -> ComposeResult:
        """The line over the table, the table, what the cursor is on."""
        yield from (self._info, self._columns, self._rows, self._empty, self._brief)

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

        self._show_brief(cells)

    def line(self, row: Any) -> str:  # of the subclass
        """A row as text."""
        return " ".join(plain(self.row(row, UNCUT, selected=False)).split())

    def copies(self) -> Copying | None:
        """The row under the cursor."""
        row = self.board.chosen
        return None if row is None else Copying(lit(self.board.title_of(row), 60), self.taken(row))

    def taken(self, row: Any) -> tuple[Choice, ...]:  # of the subclass
        """What there is to copy of a row."""
        return shown("y", "line", self.line(row))

    def do_filter(self) -> None:
        """Start typing."""
        board = self.board
        self.type_filter(board.filter, self._refilter, lambda: (len(board.rows), len(board.everything())))

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

    def _show_brief(self, cells: int) -> None:
        chosen, desk = self.board.chosen, self.desk
        lines = self.brief(chosen, cells) if chosen is not None and self.size.height >= BRIEF_HEIGHT else []
        self.display_if(self._brief, on=bool(lines))
        name = lit(self.board.title_of(chosen), 60) if lines else ""
        top = edge(name, f"{desk.glyphs.enter} all of it", cells, desk.glyphs)
        shown = [top, *(fit(line, cells, desk.glyphs.more) for line in lines)][:BRIEF]
        if isinstance(self.strip, Approval):  # it says the same, and more
            shown = []
        self._brief.paint(shown, dimmed=desk.picture.link.stale(desk.clock()))

    def _refilter(self, text: str) -> None:
        self.board.filter = text


class AskingBoard(BoardScreen):
    """A board over answers of the daemon: asked for while it is in front, and after each change made from here."""

    ASK_EVERY = 10_000  # ms

    def __init__(self) -> None:
        super().__init__()
        self.problem = ""  # why there was no answer
        self._asked: int | None = None  # mono of the latest question
        self._asking = False

    async def inquire(self) -> None:
        """Ask the daemon, and keep what it says. Raises RefusedError."""
        raise NotImplementedError

    def look_again(self) -> None:
        """What is known is old."""
        self._asked = None

    def show(self) -> None:
        """Draw, and ask again where that is due."""
        mono, asked = self.desk.clock(), self._asked
        due = asked is None or mono - asked >= self.ASK_EVERY
        if due and not self._asking and self.desk.picture.status is not None:
            self._asking, self._asked = True, mono
            super().run(self._inquire())
        super().show()

    def run(self, act: Coroutine[Any, Any, None]) -> None:
        """Do something that takes a while, and ask the daemon what it changed."""
        super().run(self._then_look(act))

    async def _inquire(self) -> None:
        try:
            await self.inquire()
            self.problem = ""
        except RefusedError as problem:
            self.problem = str(problem)
        finally:
            self._asking = False

    async def _then_look(self, act: Coroutine[Any, Any, None]) -> None:
        await act
        self.look_again()
