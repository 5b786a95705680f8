"""The Why screen: everything recorded about one firing, over the whole screen."""

from __future__ import annotations

from textual.app import ComposeResult

from rtmd.wire import FiringDetail, FiringView
from rtmd.wire.curves import CurveView
from rtmd.wire.noise import RuleNoiseView
from tui.keymap import WHY
from tui.screens.firings import FiringScreen
from tui.screens.reading import ReadingScreen
from tui.target import RefusedError
from tui.view.background import relatives
from tui.view.line import EMPTY, Line, Piece, lit
from tui.view.why import Known, title, why
from tui.widgets.canvas import Canvas

DRAW_EVERY = 2_000  # ms between two curves, and longer where one takes long
_PATIENCE = 10  # times as long as the last one took
_DAYS = 7
_LEAST_POINTS, _MOST_POINTS = 40, 1_000


class WhyScreen(FiringScreen, ReadingScreen):
    """Shows the firing under the list's cursor; asks the daemon for the details, again after each version."""

    NAME = "Why"
    KEYS = WHY

    def __init__(self) -> None:
        super().__init__()
        self._title = Canvas(id="title")
        self._detail: FiringDetail | None = None
        self._curve: CurveView | None = None
        self._noise: dict[str, RuleNoiseView] = {}
        self._related: list[FiringView] = []
        self._asked: tuple[str, int] | None = None
        self._drawing = ""  # the firing whose curve is on its way
        self._due = 0  # mono of the next curve
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
        problem = [(Piece(f" {desk.glyphs.fails} {self._problem}", "error"),)] if self._problem else []
        return [EMPTY, *problem, *why(firing, self._known(firing), desk.now, self.size, desk.glyphs)]

    def do_next(self) -> None:
        """The next firing of the list."""
        self._go(1)

    def do_previous(self) -> None:
        """The previous firing of the list."""
        self._go(-1)

    def _known(self, firing: FiringView) -> Known:
        detail = self._detail if self._detail is not None and self._detail.firing.id == firing.id else None
        return Known(
            detail=detail,
            curve=self._curve if self._curve is not None and self._curve.firing == firing.id else None,
            noise=self._noise.get(firing.rule),
            days=_DAYS,
            related=self._related,
            marks=self.desk.picture.marks,
        )

    def _go(self, steps: int) -> None:
        self.desk.roster.move(steps, self.desk.clock())
        self.to_top()

    def _inquire(self, firing: FiringView) -> None:
        wanted, mono = (firing.id, firing.version), self.desk.clock()
        if wanted != self._asked:
            if self._asked is None or self._asked[0] != firing.id:
                self._due = mono
            self._asked = wanted
            self._problem = ""
            self.run(self._fetch(firing))
        if mono >= self._due and self._drawing != firing.id:
            self._drawing = firing.id
            self.run(self._draw(firing))

    async def _fetch(self, firing: FiringView) -> None:
        client = self.desk.client
        try:
            detail = await client.detail(firing.id)
            if self._asked is not None and self._asked[0] == firing.id:
                self._detail = detail
            if firing.rule not in self._noise:
                board = await client.noise(_DAYS)
                self._noise = {each.rule: each for each in board.rules}
        except RefusedError as problem:
            self._problem = lit(str(problem), 300)

    async def _draw(self, firing: FiringView) -> None:
        """The curve, and what else fires there; the daemon is asked the less often the longer that takes it."""
        desk, began = self.desk, self.desk.clock()
        try:
            self._related = relatives(firing, list(desk.picture.firings.values()))
            points = min(max(2 * self.size.width, _LEAST_POINTS), _MOST_POINTS)
            curve = await desk.client.curve(firing.id, points)
        except RefusedError as problem:
            curve = CurveView(firing.id, problem=str(problem))
        if self._drawing == firing.id:
            self._drawing = ""
            self._curve = curve
            self._due = desk.clock() + max(DRAW_EVERY, _PATIENCE * (desk.clock() - began))
