"""What all screens share: the header, the line at the bottom, and the way of a key.

A key goes to the strip that is open (`strips`), else through the table of keys to the method `do_VERB` (or, for
`go_NAME` and `theme_NAME`, to the app). Mutating verbs pass one gate (`Desk.refusal`) and capture their target at the
keypress; the palette goes the same way as the keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.widget import Widget

from tui.approval import Approval
from tui.copying import Copying
from tui.decisions import hold as hold_all
from tui.decisions import release
from tui.entry import Entry, pasted
from tui.keymap import Key, footer, lookup, remapped
from tui.palette import Palette, open_palette
from tui.screens.strips import Question, StripScreen
from tui.silencing import SilenceStrip
from tui.view.actions import approval_bar, approval_lines
from tui.view.empty import too_small
from tui.view.footer import copy_line, entry_line, filter_line, keys, question_line, silence_line
from tui.view.header import counters, header, hold
from tui.view.line import EMPTY, Line, lit
from tui.view.palette import palette_bar, palette_lines
from tui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from tui.app import RtmdApp

MIN_WIDTH = 60
MIN_HEIGHT = 12
PALETTE_ROWS = 10


class DeskScreen(StripScreen):
    """A screen over the desk; subclasses name themselves and their keys, and show their middle."""

    KEYS: tuple[Key, ...] = ()
    _up = False  # there are widgets to draw on

    def __init__(self) -> None:
        super().__init__()
        # Kept, not queried: a late timer may want to draw while a screen is being put up or taken down.
        self._header = Canvas(id="header")
        self._footer = Canvas(id="footer")
        self._over = Canvas(id="over")
        self._over.stretch([])

    @cached_property
    def table(self) -> tuple[Key, ...]:
        """The keys as this operator wants them."""
        return remapped(self.KEYS, self.desk.keys)

    @cached_property
    def verbs(self) -> dict[str, Key]:
        """What each key does."""
        return lookup(self.table)

    def compose(self) -> ComposeResult:
        """Header, middle, bottom."""
        yield self._header
        yield from self.middle()
        yield self._over
        yield self._footer

    def middle(self) -> ComposeResult:
        """The widgets between header and bottom."""
        yield from ()

    def on_mount(self) -> None:
        """Draw at once: the first frame says something."""
        self._up = True
        self.repaint()

    def on_resize(self) -> None:
        """Draw for the new size, after the layout."""
        self.call_after_refresh(self.repaint)

    def repaint(self) -> None:
        """Bring everything on the screen up to date."""
        if not self._up:
            return
        width, height = self.size
        small = width < MIN_WIDTH or height < MIN_HEIGHT
        self.set_class(small, "small")
        desk, cells = self.desk, max(1, width)
        if small:
            lines = too_small(cells, height, counters(desk.picture, desk.glyphs))
            self._over.stretch([*lines, *[EMPTY] * (height - len(lines))])
            return
        self.weigh()
        top = (each(desk.picture, desk.now, cells, desk.glyphs) for each in (header, hold))
        self.stretch(self._header, top)
        self._over.stretch(self.over(cells))
        self.show()
        self._footer.paint([self.bottom(cells)])  # it counts what is shown

    def put_in_order(self) -> None:
        """Arrange what `show` draws; with many rows it takes as long, so keys are served between the two."""

    def show(self) -> None:
        """Draw the middle."""

    def bottom(self, cells: int) -> Line:  # noqa: PLR0911  # one a strip
        """The last line."""
        desk = self.desk
        match self.strip:
            case SilenceStrip() as strip:
                return silence_line(strip, list(desk.picture.firings.values()), cells, desk.glyphs)
            case Question(text=text):
                return question_line(text, cells, desk.glyphs)
            case Palette() as palette:
                return palette_bar(palette, cells, desk.glyphs)
            case Entry(text=text, passed=passed) if passed is not None:
                return filter_line(text, *passed(), cells, desk.glyphs)
            case Entry(prompt=prompt, text=text, done=done):
                return entry_line(prompt, text, done, cells, desk.glyphs)
            case Approval() as approval:
                return approval_bar(approval, cells, desk.glyphs)
            case Copying() as copying:
                return copy_line(copying, cells, desk.glyphs)
            case _:
                return keys(footer(self.table), cells, desk.glyphs)

    def over(self, cells: int) -> list[Line]:
        """What stands right over the last line, on top of the middle."""
        desk = self.desk
        match self.strip:
            case Palette() as palette:
                return palette_lines(palette, cells, min(PALETTE_ROWS, self.size.height - 3), desk.glyphs)
            case Approval() as approval:
                return approval_lines(approval, desk.now, cells, self.size.height - 3, desk.glyphs)
            case _:
                return []

    def on_paste(self, event: object) -> None:
        """Pasted text goes into the line that is typed, never to the keys."""
        if isinstance(self.strip, Entry):
            self.retype(self.strip, pasted(self.strip.text, getattr(event, "text", "")))
            self.repaint()

    def stretch(self, canvas: Canvas, lines: Iterable[Line]) -> None:
        """Show those lines that say something; what stands below gets its new place, and is drawn again then."""
        if canvas.stretch([line for line in lines if line]):
            self.call_after_refresh(self.repaint)

    def display_if(self, widget: Widget, *, on: bool) -> None:
        """Show or hide; what stands below gets its new place, and is drawn again then."""
        if widget.display != on:
            widget.display = on
            self.call_after_refresh(self.repaint)

    async def on_key(self, event: events.Key) -> None:
        """Send the key on its way; one that nobody wants goes on to Textual."""
        name = event.character if event.is_printable and event.character else event.key
        if self.pressed(name):
            event.stop()
            event.prevent_default()
            self.repaint()

    def pressed(self, name: str) -> bool:
        """Whether the key meant something here."""
        if self.strip is not None:
            self.answer(self.strip, name)
            return name not in ("ctrl+c", "ctrl+q")
        key = self.verbs.get("space" if name == " " else name)
        if key is None:
            return False
        self.perform(key)
        return True

    def do_undo(self) -> None:
        """Take back what was done last."""
        self.run(self.desk.take_back())

    def perform(self, key: Key) -> None:
        """Do what a key stands for, unless it may not be done."""
        if key.mutates and (refusal := self.desk.refusal(key.verb.replace("_", " "))):
            self.desk.tell(refusal)
        elif key.verb.startswith("go_"):
            cast("RtmdApp", self.app).go(key.verb.removeprefix("go_"))
        elif key.verb.startswith("theme_"):
            cast("RtmdApp", self.app).wear(key.verb.removeprefix("theme_"))
        else:
            getattr(self, f"do_{key.verb}")()

    def copies(self) -> Copying | None:
        """What there is to copy here."""
        return None

    def do_copy(self) -> None:
        """Choose what to copy."""
        self.strip = self.copies()
        if self.strip is None:
            self.desk.tell("there is nothing here to copy")

    def do_zone(self) -> None:
        """UTC or local time."""
        self.desk.picture.utc = not self.desk.picture.utc

    def do_hold(self) -> None:
        """Hold all actions, or lift the hold."""
        desk, status = self.desk, self.desk.picture.status
        if status is not None and status.hold is not None:
            held = f"{lit(status.hold.by, 40)} ({lit(status.hold.reason, 100)})"
            self.ask(f"lift the hold by {held}?", partial(release, desk))
        else:
            self.strip = Entry("hold all actions, because: ", "hold", verb="hold", act=partial(hold_all, desk))

    def do_help(self) -> None:
        """Show the keys."""
        cast("RtmdApp", self.app).open_help(self.NAME, self.table)

    def do_palette(self) -> None:
        """Find something to do by name."""
        self.strip = open_palette(self.table)

    def do_lock(self) -> None:
        """Nothing can be changed from here, or again."""
        self.desk.lock()

    def do_redraw(self) -> None:
        """Draw everything anew, whatever the terminal made of it."""
        self.refresh(layout=True)
        for canvas in self.query(Canvas):
            canvas.refresh()

    def do_retry(self) -> None:
        """Try the link again now."""
        self.desk.client.retry_now()

    def do_status(self) -> None:
        """How the daemon and the link are."""
        cast("RtmdApp", self.app).open_status()

    def do_who(self) -> None:
        """Who looks."""
        cast("RtmdApp", self.app).open_who()

    def do_messages(self) -> None:
        """Show the log."""
        cast("RtmdApp", self.app).open_messages()
