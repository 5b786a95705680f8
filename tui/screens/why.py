"""The Why screen: everything recorded about one firing, over the whole screen."""

from __future__ import annotations

from textual.app import ComposeResult

from rtmd.wire import FiringDetail, FiringView
from tui.keymap import WHY
from tui.screens.firings import FiringScreen
from tui.screens.reading import ReadingScreen
from tui.target import RefusedError
from tui.view.line import EMPTY, Line, Piece, lit
from tui.view.why import title, why
from tui.widgets.canvas import Canvas


class WhyScreen(FiringScreen, ReadingScreen):
    """Shows the firing under the list's cursor; asks the daemon for the details, again after each version."""

    NAME = "Why"
    KEYS = WHY

    def __init__(self) -> None:
        super().__init__()
        self._title = Canvas(id="title")
        self._detail: FiringDetail | None = None
        self._asked: tuple[str, int] | None = None
        self._problem = ""

    def middle(self) -> ComposeResult:
        """The firing's line over the pages."""
        yield self._title
        yield from super().middle()

    def target(self) -> FiringView | None:
        """The firing under the list's cursor."""
        return self.desk.picture.firings.get(self.desk.roster.cursor)

    def show(self) -> None:
        """Draw, and ask for what is not known yet."""
        desk = self.desk
        desk.roster.touch(desk.clock())
        desk.roster.arrange(desk.picture, desk.clock())
        firing = self.target()
        if firing is not None:
            self._title.paint([title(firing, desk.now, self.size.width, desk.glyphs)])
            self._inquire(firing)
        super().show()

    def lines(self) -> list[Line]:
        """The recorded evidence."""
        firing, desk = self.target(), self.desk
        if firing is None:
            return [EMPTY, (Piece(" this firing is gone", "quiet"),)]
        detail = self._detail if self._detail is not None and self._detail.firing.id == firing.id else None
        problem = [(Piece(f" {desk.glyphs.fails} {self._problem}", "error"),)] if self._problem else []
        return [EMPTY, *problem, *why(firing, detail, desk.now, self.size.width, desk.glyphs)]

    def do_next(self) -> None:
        """The next firing of the list."""
        self._go(1)

    def do_previous(self) -> None:
        """The previous firing of the list."""
        self._go(-1)

    def _go(self, steps: int) -> None:
        self.desk.roster.move(steps, self.desk.clock())
        self.to_top()

    def _inquire(self, firing: FiringView) -> None:
        wanted = (firing.id, firing.version)
        if wanted != self._asked:
            self._asked = wanted
            self._problem = ""
            self.run(self._fetch(firing.id))

    async def _fetch(self, firing_id: str) -> None:
        try:
            detail = await self.desk.client.detail(firing_id)
        except RefusedError as problem:
            self._problem = lit(str(problem), 300)
            return
        if self._asked is not None and self._asked[0] == firing_id:
            self._detail = detail
