"""What all screens share: the header, the line at the bottom, and the way of a key.

A key goes to the strip that is open, else through the screen's table of keys to the method `do_VERB` (or, for
`go_NAME`, to a main screen). Mutating verbs pass one gate (`Desk.refusal`) and capture their target at the keypress;
the palette goes the same way as the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from rtmd.wire import FiringView
from tui.desk import Desk
from tui.keymap import Key, footer, lookup, remapped
from tui.palette import Palette, open_palette, press_in
from tui.silencing import DEFAULT, MOST_MARKED, PRESETS, Cancel, Commit, SilenceStrip, open_strip, press
from tui.states import Condition, condition, is_open, stage_rank
from tui.view.empty import too_small
from tui.view.footer import keys, question_line, silence_line
from tui.view.header import counters, header
from tui.view.line import Line, lit
from tui.view.palette import palette_bar, palette_lines
from tui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from tui.app import RtmdApp

MIN_WIDTH = 60
MIN_HEIGHT = 12
# A target that changed this short before a key was perhaps not the one that was meant.
SURPRISE = 250
PALETTE_ROWS = 10
MANY = 50  # firings that are taken without being asked again

Act: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Question:
    """A second key is needed before `act`."""

    text: str
    act: Act


Strip: TypeAlias = SilenceStrip | Question | Palette


class DeskScreen(Screen[None]):
    """A screen over the desk; subclasses name themselves and their keys, and show their middle."""

    NAME = ""
    KEYS: tuple[Key, ...] = ()
    strip: Strip | None = None

    def __init__(self) -> None:
        super().__init__()
        # Kept, not queried: a late timer may want to draw while a screen is being put up or taken down.
        self._header = Canvas(id="header")
        self._footer = Canvas(id="footer")
        self._palette = Canvas(id="palette")
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
        yield from self.middle()
        yield self._palette
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
        self._header.paint([header(desk.picture, desk.now, cells, desk.glyphs)])
        self._footer.paint([self.bottom(cells)])
        self._show_palette(cells)
        self.show()

    def show(self) -> None:
        """Draw the middle."""

    def target(self) -> FiringView | None:
        """The firing that keys act on."""
        return None

    def bottom(self, cells: int) -> Line:
        """The last line."""
        desk = self.desk
        match self.strip:
            case SilenceStrip() as strip:
                return silence_line(strip, list(desk.picture.firings.values()), cells, desk.glyphs)
            case Question(text=text):
                return question_line(text, cells, desk.glyphs)
            case Palette() as palette:
                return palette_bar(palette, cells, desk.glyphs)
            case _:
                return keys(footer(self.table), cells, desk.glyphs)

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

    def targets(self) -> list[FiringView]:
        """What a mutation acts on: the target, or what is marked or grouped with it."""
        target = self.target()
        return [] if target is None else [target]

    def do_ack(self) -> None:
        """Take the firings; a second key when somebody else has the only one."""
        targets = self.targets()
        if not targets:
            return
        desk = self.desk
        desk.roster.touch(desk.clock())
        if len(targets) > 1:
            # Those that somebody has already are left to them.
            free = [one for one in targets if condition(one) is not Condition.ACKED]
            act = partial(desk.ack, free)
            if len(free) > MANY:
                self.ask(f"acknowledge {len(free)} firings?", act)
            else:
                self.run(act())
            return
        [target] = targets
        ack = target.ack
        if condition(target) is Condition.ACKED and ack is not None and ack.by != desk.picture.you:
            left = desk.now.until(ack.until)
            self.ask(f"{lit(ack.by, 40)} has it for {left} more: take over?", lambda: desk.ack(targets))
        elif self._surprised():
            self.ask(f"the row changed just now: acknowledge {lit(target.rule, 60)}?", lambda: desk.ack(targets))
        else:
            self.run(desk.ack(targets))

    def do_silence(self) -> None:
        """Open the strip."""
        targets = self.targets()
        if not targets:
            return
        desk = self.desk
        desk.roster.touch(desk.clock())
        if not any(map(is_open, targets)):
            desk.tell(f"{desk.glyphs.ok} already resolved: nothing to silence")
        elif len(targets) > 1 and not desk.roster.marks:
            top = max(targets, key=stage_rank)
            self.strip = open_strip(top, desk.picture.firings.values(), rule_wide=True)
        elif len(targets) > MOST_MARKED:
            desk.tell(f"{desk.glyphs.fails} {len(targets)} are marked: at most {MOST_MARKED} are silenced one by one")
        else:
            self.strip = open_strip(targets[0], desk.picture.firings.values(), others=targets[1:])

    def do_say_noise(self) -> None:
        """It was noise."""
        self._judge("noise")

    def do_say_real(self) -> None:
        """It was something real."""
        self._judge("real")

    def do_extend(self) -> None:
        """Longer, by what the stage takes for a silence."""
        self._extend(1)

    def do_shorten(self) -> None:
        """Shorter."""
        self._extend(-1)

    def _extend(self, sign: int) -> None:
        target = self.target()
        if target is not None:
            step = PRESETS.get(target.stage, PRESETS["minutes"])[DEFAULT]
            self.run(self.desk.extend(target, sign * step))

    def do_undo(self) -> None:
        """Take back what was done last."""
        self.run(self.desk.take_back())

    def do_zone(self) -> None:
        """UTC or local time."""
        self.desk.picture.utc = not self.desk.picture.utc

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

    def do_messages(self) -> None:
        """Show the log."""
        cast("RtmdApp", self.app).open_messages()

    def _judge(self, word: str) -> None:
        target = self.target()
        if target is None:
            self.desk.tell("there is no firing here to say that of; rtmd verdict ID does for older ones")
        else:
            self.desk.roster.touch(self.desk.clock())
            self.run(self.desk.judge(target, word))

    def _surprised(self) -> bool:
        return self.desk.clock() - self.desk.roster.forced_at < SURPRISE

    def _show_palette(self, cells: int) -> None:
        palette = self.strip
        if not isinstance(palette, Palette):
            self._palette.display = False
            return
        lines = palette_lines(palette, cells, min(PALETTE_ROWS, self.size.height - 3), self.desk.glyphs)
        self._palette.styles.height = len(lines)
        self._palette.display = True
        self._palette.paint(lines)

    def _answer(self, strip: Strip, name: str) -> None:
        match strip:
            case Palette():
                self._look_up(strip, name)
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

    def _choose(self, strip: SilenceStrip, name: str) -> None:
        verdict = press(strip, name, list(self.desk.picture.firings.values()))
        match verdict:
            case Cancel():
                self.strip = None
            case Commit() as commit:
                self._finish("silence", lambda: self.desk.silence(commit))
            case _:
                self.strip = verdict

    def _finish(self, verb: str, act: Act) -> None:
        """Close the strip and act, unless the link went away meanwhile."""
        self.strip = None
        if refusal := self.desk.refusal(verb):
            self.desk.tell(refusal)
        else:
            self.run(act())
