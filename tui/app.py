"""The application: one stream in, one picture, one flush out.

Main screens are Textual's modes: each keeps what was opened over it. The reader takes messages in as they come and
marks the picture as changed; `flush` draws, at once when nothing was drawn for 30 ms, else when those are over: the
daemon sends ten messages a second at most. A tick each second keeps ages and the clock; only lines whose text changed
are drawn. Toasts are plain text: `notify`
refuses markup.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.theme import BUILTIN_THEMES
from textual.theme import Theme as Colours

from rtmd.model.replace import replace
from rtmd.wire import Snapshot
from tui import crash, editor
from tui.alarm import Alarm
from tui.client import Client, Down
from tui.copying import Choice, keep
from tui.desk import Desk
from tui.keymap import Key
from tui.missed import Known, missed
from tui.options import DEFAULTS, Options
from tui.picture import LinkState, Message
from tui.places import HOME, PLACES, WALL, WHY, opened
from tui.recall import Filters
from tui.screens.base import DeskScreen
from tui.screens.reading import TextScreen
from tui.settings import folder, settings
from tui.terminal import hung_up, resume_once, speaks_unicode, unusable
from tui.theme import ANSI, THEMES, Theme, named
from tui.view.glyphs import ASCII, UNICODE
from tui.view.help import help_page
from tui.view.line import EMPTY, Line, Piece, fit, lit
from tui.view.status import status_page
from tui.view.who import who_page

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

FLUSH = 0.03
TICK = 1.0
HANGUP_CHECK = 2.0
EX_TEMPFAIL = 75
FAREWELL = "rtmd: screen closed; the daemon keeps running"
STAYS, ENDS = "q leaves the screen; the daemon stays", "q leaves the screen, and the demo ends"


class RtmdApp(App[None]):
    """The operators' screen on one daemon."""

    TITLE = "rtmd"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []
    DEFAULT_MODE = HOME
    CSS = """
    Screen { background: $background; color: $foreground; overflow: hidden hidden; }
    Canvas { height: 1; width: 100%; background: $background; }
    #header, #footer { background: $panel; }
    #footer { dock: bottom; }
    #table, #empty, #pages { height: 1fr; }
    #preview { height: 8; }
    #counts { height: 6; }
    #stale { display: none; }
    #brief { height: 6; }
    DeskScreen { layers: base over; }
    #over { layer: over; dock: bottom; margin-bottom: 1; background: $panel; }
    DeskScreen.small #over { margin-bottom: 0; background: $background; }
    Toast { background: $raised; color: $bright; padding: 0 1; margin: 0; width: auto; max-width: 90%; border: none; }
    ToastRack { margin-bottom: 1; }
    """

    def __init__(self, target: str, options: Options = DEFAULTS) -> None:
        wanted = settings(folder())
        # NO_COLOR: the terminal's own two colours, and what bold, reverse and underline can say.
        self._colourless = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if self._colourless else None)
        for theme in THEMES.values():
            self.register_theme(colours(theme))
        chosen = named(options.theme) if options.theme else named(wanted.theme)
        self.theme = ANSI.name if self._colourless else chosen.name
        looks = options.read_only or options.wall
        self._open_at = options.open_at.removeprefix("rtmd://")
        self.farewell = FAREWELL if options.daemon_stays else ""
        self.leaving = STAYS if options.daemon_stays else ENDS
        self.animation_level = "none"
        self.desk = Desk(
            client=Client(target, read_only=looks),
            glyphs=ASCII if options.ascii_only else UNICODE,
            clock=lambda: time.monotonic_ns() // 1_000_000,
            say=self.notify,
            filters=Filters(crash.folder() / "filters"),
            read_only=looks,
            keys=wanted.keys,
        )
        self.desk.picture.started_wall = time.time_ns() // 1_000_000 - self.desk.clock()
        self._complaints = wanted.complaints
        self.crashed = ""
        self._alarm = Alarm() if options.bell or wanted.bell else None
        self._flushed = 0.0
        self._flushing = False

    def on_mount(self) -> None:
        """Open the link."""
        # Ten thousand firings are a hundred thousand objects without a cycle: looking through all of them for some
        # takes longer than a key may, and half of that the young ones of a storm if they are let grow many.
        gc.set_threshold(10_000, 5, 200)
        for name in PLACES:
            self.add_mode(name, partial(opened, name))
        for complaint in self._complaints:
            self.desk.tell(complaint)
        self.run_worker(self._follow(), name="stream")
        self.set_interval(TICK, self.repaint, name="clock")
        if not self.is_headless:
            self.set_interval(HANGUP_CHECK, self._check_terminal, name="hangup")
            self._leave_on_signals()
            resume_once(partial(self.refresh, layout=True))

    def get_default_screen(self) -> DeskScreen:
        """The first screen: Textual's own way to it reads no stylesheet twice."""
        return opened(self.DEFAULT_MODE)

    def notify(  # Textual's signature
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002  # never
    ) -> None:
        """Show a toast; whatever the text holds is shown as it is."""
        super().notify(lit(message, 400), title=lit(title, 80), severity=severity, timeout=timeout or 10, markup=False)

    def action_help_quit(self) -> None:
        """ctrl+c: say how one leaves; Textual's own answer is markup."""
        self.desk.tell(self.leaving)

    def repaint(self) -> None:
        """Bring the screen in front up to date."""
        self._flushed = time.monotonic()
        front = self._front
        if front is not None:
            front.repaint()

    def wear(self, name: str) -> None:
        """Show everything in the colours of a theme from now on."""
        if self._colourless:
            self.desk.tell("NO_COLOR is set: there are no colours")
            return
        self.theme = named(name).name
        self.desk.tell(f'colours: {self.theme}; theme = "{self.theme}" in screen.toml keeps them')

    def hand_out(self, choice: Choice) -> None:
        """Give a text to the terminal's clipboard, which may ignore it, and put it into a file."""
        self.copy_to_clipboard(choice.text)
        place = keep(choice.text)
        also = f"; also in {lit(place, 200)}" if place else ""
        self.desk.tell(f"{choice.word}: sent to the terminal{also}")

    def leave(self) -> None:
        """Close the screen."""
        self.exit(message=self.farewell or None)

    def open_why(self) -> None:
        """Show why the firing under the cursor fires."""
        self.push_screen(opened(WHY))

    def go(self, place: str) -> None:
        """Open a main screen; from what was opened over it, back to it."""
        if self.current_mode != place:
            self.switch_mode(place)
            self.call_after_refresh(self.repaint)
            return
        while len(self.screen_stack) > 1:
            self.pop_screen()

    async def lend_terminal(self, argv: Sequence[str]) -> None:
        """Let a program have the terminal until it ends; the stream is followed meanwhile, and nothing is drawn."""
        with self.batch_update(), self.suspend():
            await editor.run(argv)

    def open_at(self, link: str) -> None:
        """Open what a link names: `firing/ID`, or a main screen by its name."""
        kind, _, firing_id = link.partition("/")
        if link in PLACES:
            self.go(link)
        elif kind != "firing" or firing_id not in self.desk.picture.firings:
            self.desk.tell(f"{self.desk.glyphs.fails} there is no {lit(link, 100)} here any more")
        else:
            self.desk.roster.go_to(firing_id, self.desk.clock())
            self.repaint()
            self.open_why()

    def open_help(self, name: str, table: tuple[Key, ...]) -> None:
        """Show the keys, those of the present screen first."""
        self.push_screen(TextScreen(lambda cells: help_page(name, table, cells, self.desk.glyphs, self.leaving)))

    def open_status(self) -> None:
        """Show how daemon and link are."""
        self.push_screen(
            TextScreen(lambda cells: status_page(self.desk.picture, self.desk.now, cells, self.desk.glyphs))
        )

    def open_who(self) -> None:
        """Show who looks."""
        self.push_screen(TextScreen(lambda cells: who_page(self.desk.picture, self.desk.now, cells, self.desk.glyphs)))

    def open_messages(self) -> None:
        """Show the message log, newest first."""
        self.push_screen(TextScreen(self._log_lines))

    async def heard(self, message: Message | Down) -> None:
        """Take in one message of the stream; a long one in pieces, between which keys are served."""
        picture, mono = self.desk.picture, self.desk.clock()
        before, again = picture.link.state, picture.status is not None
        if isinstance(message, Down):
            picture.lost(message.problem, mono + message.retry_in)
            if before is not LinkState.LOST:
                self.desk.note(lit(message.problem))
        else:
            if self._alarm is not None and self._alarm.hear(message, mono):
                self.bell()
            silent, known = mono - picture.link.heard, Known.of(picture) if isinstance(message, Snapshot) else None
            for _ in picture.hearing(message, mono):
                await asyncio.sleep(0)
            if self._open_at and picture.status is not None:
                self._open_at, place = "", self._open_at
                self.open_at(place)
            if again and (known is not None or before is LinkState.LOST):
                self._tell_missed(known, silent, was_lost=before is LinkState.LOST)
        self.flush()

    def flush(self) -> None:
        """Draw soon: at once after a quiet spell, else when it has lasted."""
        if self._flushing:
            return
        self._flushing = True
        wait = self._flushed + FLUSH - time.monotonic()
        if wait <= 0:
            self.call_later(self._draw)
        else:
            self.set_timer(wait, self._draw)

    def _tell_missed(self, known: Known | None, silent: int, *, was_lost: bool) -> None:
        """Say what a new picture, or a link that goes on where it was, makes of the time in between."""
        desk = self.desk
        told = missed(known, desk.picture, desk.glyphs) if known is not None else "missed nothing"
        desk.tell(f"link is back after {silent // 1000}s: {told}" if was_lost else told)

    async def _follow(self) -> None:
        async for message in self.desk.client.follow():
            await self.heard(message)

    @property
    def _front(self) -> DeskScreen | None:
        """The screen that is seen; a late timer may find none, when all is over."""
        front = self.screen_stack[-1] if self.screen_stack else None
        return front if isinstance(front, DeskScreen) else None

    async def _draw(self) -> None:
        """Put ten thousand rows in order, serve a key, then draw those in view."""
        self._flushing = False
        front = self._front
        if front is not None:
            front.put_in_order()
            await asyncio.sleep(0)
        self.repaint()

    def _log_lines(self, cells: int) -> list[Line]:
        moment, more = self.desk.now, self.desk.glyphs.more
        lines: list[Line] = [
            (Piece(f" {moment.clock(wall)}  ", "quiet"), Piece(text, "text")) for wall, text in reversed(self.desk.log)
        ]
        return [EMPTY, *(fit(line, cells, more) for line in lines or [(Piece(" no messages yet", "quiet"),)])]

    def _leave_on_signals(self) -> None:
        """End as with `q`, and give the terminal back, unless whoever started us wants a signal ignored (nohup)."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                leave = partial(self.exit, return_code=128 + number)
                asyncio.get_running_loop().add_signal_handler(number, leave)

    def _check_terminal(self) -> None:
        if hung_up(sys.__stdin__.fileno() if sys.__stdin__ else 0):
            self.exit(return_code=EX_TEMPFAIL)

    def _fatal_error(self) -> None:
        """Leave with one line and a report without locals, instead of Textual's traceback with them."""
        error = self._exception or RuntimeError("unknown")
        if not self.crashed:
            self.crashed = crash.report(error)
        self._close_messages_no_wait()


class WallApp(RtmdApp):
    """The same for a wall that many look at."""

    DEFAULT_MODE = WALL


def colours(theme: Theme) -> Colours:
    """A theme as Textual's stylesheets want it."""
    prefix = "ansi_" if theme.ansi else ""
    values = {name: f"{prefix}{getattr(theme, name)}" for name in ("background", "panel", "raised", "text", "bright")}
    own = BUILTIN_THEMES["ansi-dark"].variables if theme.ansi else {}  # its stylesheets want more of those
    return Colours(
        name=theme.name,
        primary=prefix + theme.info,
        foreground=values["text"],
        background=values["background"],
        surface=values["background"],
        panel=values["panel"],
        dark=theme.dark,
        ansi=theme.ansi,
        variables={**own, "raised": values["raised"], "bright": values["bright"]},
    )


def screen_on(target: str, options: Options = DEFAULTS) -> RtmdApp:
    """The screen on a daemon. ValueError: that is no target, or there is no such theme."""
    return (WallApp if options.wall else RtmdApp)(target, options)


def main(target: str, options: Options = DEFAULTS) -> int:
    """Run the screen on a daemon (a socket's path or http://HOST:PORT) until it is left; the exit code."""
    if problem := unusable():
        sys.stderr.write(problem + "\n")
        return 2
    try:
        app = screen_on(target, replace(options, ascii_only=options.ascii_only or not speaks_unicode()))
    except ValueError as error:
        sys.stderr.write(f"rtmd tui: {error}\n")
        return 2
    app.run()
    if app.crashed:
        sys.stderr.write(app.crashed + "\n")
        return app.return_code or 1
    return app.return_code or 0
