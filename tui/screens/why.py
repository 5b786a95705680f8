"""The Why screen: everything recorded about one firing, over the whole screen."""

from __future__ import annotations

from collections.abc import Hashable

from textual.app import ComposeResult

from rtmd.wire import FiringView
from rtmd.wire.curves import CurveView
from rtmd.wire.explain import ExplainView
from rtmd.wire.noise import RuleNoiseView
from tui.keymap import WHY
from tui.screens.firings import FiringScreen
from tui.screens.reading import ReadingScreen
from tui.story import AFTER_FAILURE, due, facts
from tui.target import RefusedError
from tui.view.background import relatives
from tui.view.line import EMPTY, Line, Piece, lit
from tui.view.story import StoryPage
from tui.view.why import Known, title, why
from tui.widgets.canvas import Canvas

DRAW_EVERY = 2_000  # ms between two curves, and longer where one takes long
_PATIENCE = 10  # times as long as the last one took
_DAYS = 7
_LEAST_POINTS, _MOST_POINTS = 40, 1_000


class WhyScreen(FiringScreen, ReadingScreen):
    """Shows the firing under the list's cursor; asks the daemon for its curve and its story, again when they change."""

    NAME = "Why"
    KEYS = WHY

    def __init__(self) -> None:
        super().__init__()
        self._title = Canvas(id="title")
        self._shown = ""  # the firing that this is about
        self._story: ExplainView | None = None
        self._page = StoryPage()
        self._part = ""  # whose part of the story that is; empty: all of it
        self._receiver = ""  # whose part is wanted
        self._receivers: list[str] = []  # in turn, once they are asked for
        self._told: Hashable = None  # what the story was asked for
        self._again: int | None = None  # mono of the next time
        self._curve: CurveView | None = None
        self._stage = ""  # of the curve; empty: the one that the firing has
        self._drawing = ("", "")  # the firing and the stage whose curve is on its way
        self._due = 0  # mono of the next curve
        self._noise: dict[str, RuleNoiseView] = {}
        self._related: list[FiringView] = []
        self._problem = ""

    def middle(self) -> ComposeResult:
        """The firing's line over the pages."""
        yield self._title
        yield from super().middle()

    def target(self) -> FiringView | None:
        """The firing under the list's cursor, or the most urgent of the group there."""
        return self.desk.picture.firings.get(self.desk.roster.target)

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
        told = self._story if self._story is not None and self._story.firing.id == firing.id else None
        known = self._known(firing, told)
        lines = [EMPTY, *problem, *why(firing, known, desk.now, self.size, desk.glyphs)]
        if told is not None:
            lines += self._page.lines(told, self._part, desk.now, self.size.width, desk.glyphs)
        return lines

    def do_next(self) -> None:
        """The next firing of the list."""
        self._go(1)

    def do_previous(self) -> None:
        """The previous firing of the list."""
        self._go(-1)

    def do_stage(self) -> None:
        """The curve of the next stage."""
        firing = self.target()
        names = [stage.name for stage in firing.stages] if firing is not None else []
        if firing is None or len(names) < 2:
            self.desk.tell("there is no other stage here")
            return
        now = self._stage or firing.stage
        self._stage = names[(names.index(now) + 1) % len(names) if now in names else 0]
        self._due = self.desk.clock()

    def do_receiver(self) -> None:
        """The story of the next receiver, after the last one that of everybody."""
        if self._story is not None:
            self.run(self._turn_to_next(self._story))

    def _known(self, firing: FiringView, told: ExplainView | None) -> Known:
        return Known(
            recorded=None if told is None else told.firing,
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
        mono = self.desk.clock()
        if firing.id != self._shown:
            self._shown, self._receiver, self._receivers = firing.id, "", []
            self._stage, self._due = "", mono
        wanted = (facts(firing), self._receiver)
        if wanted != self._told or (self._again is not None and mono >= self._again):
            self._told, self._again = wanted, None
            self.run(self._hear(firing, wanted))
        drawn = (firing.id, self._stage)
        if mono >= self._due and self._drawing != drawn:
            self._drawing = drawn
            self.run(self._draw(firing, drawn))

    async def _hear(self, firing: FiringView, wanted: Hashable) -> None:
        """The story, and how its rule usually is."""
        desk, began, problem, again = self.desk, self.desk.clock(), "", None
        try:
            part = self._receiver
            story = await desk.client.explain(firing.id, part)
            if self._told == wanted:
                self._story, self._part, again = story, part, due(story, desk.clock() - began)
            if firing.rule not in self._noise:
                board = await desk.client.noise(_DAYS)
                self._noise = {each.rule: each for each in board.rules}
        except RefusedError as error:
            problem, again = lit(str(error), 300), AFTER_FAILURE
        if self._told == wanted:
            self._problem = problem
            self._again = None if again is None else desk.clock() + again

    async def _turn_to_next(self, story: ExplainView) -> None:
        """First those whom the story is about, then everybody else who may be told, then all together."""
        try:
            if not self._receivers:
                others = sorted(each.name for each in await self.desk.client.receivers())
                self._receivers = ["", *dict.fromkeys([*(each.receiver for each in story.now), *others])]
        except RefusedError as error:
            self.desk.tell(f"{self.desk.glyphs.fails} {lit(str(error), 300)}")
            return
        self._receiver = self._receivers[(self._receivers.index(self._receiver) + 1) % len(self._receivers)]

    async def _draw(self, firing: FiringView, wanted: tuple[str, str]) -> None:
        """The curve, and what else fires there; the daemon is asked the less often the longer that takes it."""
        desk, began = self.desk, self.desk.clock()
        try:
            self._related = relatives(firing, list(desk.picture.firings.values()))
            points = min(max(2 * self.size.width, _LEAST_POINTS), _MOST_POINTS)
            curve = await desk.client.curve(firing.id, points, self._stage)
        except RefusedError as problem:
            curve = CurveView(firing.id, problem=str(problem))
        if self._drawing == wanted:
            self._drawing = ("", "")
            self._curve = curve
            self._due = desk.clock() + max(DRAW_EVERY, _PATIENCE * (desk.clock() - began))
