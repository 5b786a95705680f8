"""What all screens share: the header, the line at the bottom, and the way of a key.

A key goes to the strip that is open, else through the screen's table of keys to the method `do_VERB` (or, for
`go_NAME` and `theme_NAME`, to the app). Mutating verbs pass one gate (`Desk.refusal`) and capture their target at the
keypress; the palette goes the same way as the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from tui.approval import Approval, Approved, Dropped, press_approval
from tui.copying import Copying
from tui.decisions import approve, release
from tui.decisions import hold as hold_all
from tui.desk import Desk
from tui.entry import Entry, edited, pasted
from tui.keymap import Key, footer, lookup, remapped
from tui.palette import Palette, open_palette, press_in
from tui.silencing import Cancel, Commit, SilenceStrip, answered, press, reopened, weighing
from tui.target import RefusedError
from tui.view.actions import approval_bar, approval_lines
from tui.view.empty import too_small
from tui.view.footer import copy_line, entry_line, keys, question_line, silence_line
from tui.view.header import counters, header, hold
from tui.view.line import Line, lit
from tui.view.palette import palette_bar, palette_lines
from tui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from tui.app import RtmdApp

MIN_WIDTH = 60
MIN_HEIGHT = 12
PALETTE_ROWS = 10

Act: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Question:
    """A second key is needed before `act`."""

    text: str
    act: Act


Strip: TypeAlias = SilenceStrip | Question | Palette | Entry | Approval | Copying


class DeskScreen(Screen[None]):
    """A screen over the desk; subclasses name themselves and their keys, and show their middle."""

    NAME = ""
    KEYS: tuple[Key, ...] = ()
    strip: Strip | None = None
    _weighing = False  # the daemon is asked what the open strip would hide

    def __init__(self) -> None:
        super().__init__()
        # Kept, not queried: a late timer may want to draw while a screen is being put up or taken down.
        self._header = Canvas(id="header")
        self._footer = Canvas(id="footer")
        self._hold = Canvas(id="hold")
        self._over = Canvas(id="over")
        self._small = Canvas(id="small")

    @cached_property
    def table(self) -> tuple[Key, ...]:
        """The keys as this operator wants them."""
        return remapped(self.KEYS, self.desk.keys)

    @cached_property
    def verbs(self) -> dict[str, Key]:
        """What each key does."""
        return lookup(self.table)

    @property
    def desk(self) -> Desk:
        """What the screens share."""
        return cast("RtmdApp", self.app).desk

    def compose(self) -> ComposeResult:
        """Header, middle, bottom."""
        yield self._header
        yield self._hold
        yield from self.middle()
        yield self._over
        yield self._footer
        yield self._small

    def middle(self) -> ComposeResult:
        """The widgets between header and bottom."""
        yield from ()

    def on_mount(self) -> None:
        """Draw at once."""
        self.repaint()

    def on_resize(self) -> None:
        """Draw for the new size, after the layout."""
        self.call_after_refresh(self.repaint)

    def repaint(self) -> None:
        """Bring everything on the screen up to date."""
        if not self.is_mounted:
            return
        width, height = self.size
        small = width < MIN_WIDTH or height < MIN_HEIGHT
        self.set_class(small, "small")
        desk, cells = self.desk, max(1, width)
        if small:
            lines = too_small(cells, height, counters(desk.picture, desk.glyphs))
            self._small.paint(lines)
            return
        self._weigh()
        self._header.paint([header(desk.picture, desk.now, cells, desk.glyphs)])
        held = hold(desk.picture, desk.now, cells, desk.glyphs)
        self.display_if(self._hold, on=bool(held))
        self._hold.paint([held])
        self._footer.paint([self.bottom(cells)])
        self._show_over(self.over(cells))
        self.show()

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
            self._retype(self.strip, pasted(self.strip.text, getattr(event, "text", "")))
            self.repaint()

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
            self._answer(self.strip, name)
            return name not in ("ctrl+c", "ctrl+q")
        key = self.verbs.get("space" if name == " " else name)
        if key is None:
            return False
        self.perform(key)
        return True

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

    def ask(self, text: str, act: Act) -> None:
        """Open a question in the bottom line."""
        self.strip = Question(text, act)

    def run(self, act: Coroutine[Any, Any, None]) -> None:
        """Do something that takes a while, and show what it changed."""

        async def then_show() -> None:
            await act
            cast("RtmdApp", self.app).repaint()

        self.app.run_worker(then_show(), exit_on_error=True)

    def do_undo(self) -> None:
        """Take back what was done last."""
        self.run(self.desk.take_back())

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

    def _show_over(self, lines: list[Line]) -> None:
        if lines:
            self._over.styles.height = len(lines)
            self._over.paint(lines)
        self._over.display = bool(lines)

    def _answer(self, strip: Strip, name: str) -> None:
        match strip:
            case Palette():
                self._look_up(strip, name)
            case Entry():
                self._write(strip, name)
            case Approval():
                self._decide(strip, name)
            case Copying():
                self._take(strip, name)
            case Question():
                if name == "y":
                    self._finish("do that", strip.act)
                elif name in ("escape", "n", "q"):
                    self.strip = None
            case _:
                self._choose(strip, name)

    def _look_up(self, palette: Palette, name: str) -> None:
        verdict = press_in(palette, name)
        if isinstance(verdict, Palette):
            self.strip = verdict
            return
        self.strip = None
        if verdict.key is not None:
            self.perform(verdict.key)

    def _take(self, copying: Copying, name: str) -> None:
        chosen = copying.chosen(name)
        if chosen is not None:
            cast("RtmdApp", self.app).hand_out(chosen)
        if chosen is not None or name in ("escape", "q"):
            self.strip = None

    def _write(self, entry: Entry, name: str) -> None:
        if name == "escape":
            self._retype(entry, "")
            self.strip = None
        elif name != "enter":
            self._retype(entry, edited(entry.text, name))
        elif entry.act is None:
            self.strip = None
        elif entry.text.strip():
            self._finish(entry.verb, partial(entry.act, entry.text.strip()))

    def _retype(self, entry: Entry, text: str) -> None:
        self.strip = replace(entry, text=text)
        if entry.heard is not None:
            entry.heard(text)

    def _decide(self, strip: Approval, name: str) -> None:
        desk = self.desk
        verdict = press_approval(strip, name, desk.picture.firings.get(strip.proposal.firing), desk.clock())
        match verdict:
            case Approved(proposal=proposal):
                self._finish("approve", partial(approve, desk, proposal))
            case Dropped(why=why):
                self.strip = None
                if why:
                    desk.tell(f"{desk.glyphs.fails} not approved: {lit(why, 200)}")
            case _:
                self.strip = verdict

    def _choose(self, strip: SilenceStrip, name: str) -> None:
        verdict = press(strip, name, list(self.desk.picture.firings.values()))
        match verdict:
            case Cancel():
                self.strip = None
            case Commit() as commit:
                self._finish("silence", partial(self._silence, strip, commit))
            case _:
                self.strip = verdict

    async def _silence(self, strip: SilenceStrip, commit: Commit) -> None:
        desk = self.desk
        unsure = await desk.silence(commit)
        if unsure is None:
            return
        if self.strip is None:
            self.strip = reopened(strip, commit, unsure)
        else:  # somebody went on typing something else
            desk.tell(f"{desk.glyphs.fails} not silenced, it needs a second key: {unsure.asks}")

    def _weigh(self) -> None:
        """Have the daemon say what the open strip would hide: at once, and again each second."""
        desk = self.desk
        if self._weighing or not isinstance(self.strip, SilenceStrip) or desk.refusal("silence"):
            return
        asking = weighing(self.strip, desk.clock())
        if asking is not None:
            self._weighing, self.strip = True, asking
            self.run(self._weighed(asking))

    async def _weighed(self, asked: SilenceStrip) -> None:
        try:
            preview = await self.desk.client.preview(asked.wanted)
        except RefusedError:  # the picture's own count stands; whoever commits is told why not
            return
        finally:
            self._weighing = False
        if isinstance(self.strip, SilenceStrip):
            self.strip = answered(self.strip, asked, preview)

    def _finish(self, verb: str, act: Act) -> None:
        """Close the strip and act, unless the link went away meanwhile."""
        self.strip = None
        if refusal := self.desk.refusal(verb):
            self.desk.tell(refusal)
        else:
            self.run(act())
