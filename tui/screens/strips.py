"""What the strips in the bottom line make of keys and of pasted text, and what becomes of their answers.

A screen has one strip at most. Each is a value of its own (`silencing`, `approval`, `palette`, `entry`, `copying`) that
a key turns into another one or into a verdict; here verdicts are carried out, unless the link went away meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from msgspec import Struct
from textual.screen import Screen

from rtmd.model.replace import replace
from tui.approval import Approval, Approved, Dropped, press_approval
from tui.copying import Copying
from tui.decisions import approve
from tui.desk import Desk
from tui.entry import Entry, edited
from tui.keymap import Key
from tui.palette import Palette, press_in
from tui.silencing import Cancel, Commit, SilenceStrip, answered, press, reopened, weighing
from tui.target import RefusedError
from tui.view.line import lit

if TYPE_CHECKING:
    from tui.app import RtmdApp

Act: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Question(Struct, frozen=True):
    """A second key is needed before `act`."""

    text: str
    act: Act


Strip: TypeAlias = SilenceStrip | Question | Palette | Entry | Approval | Copying


class StripScreen(Screen[None]):
    """A screen whose bottom line may be a strip."""

    NAME = ""
    strip: Strip | None = None
    _weighing = False  # the daemon is asked what the open strip would hide

    @property
    def desk(self) -> Desk:
        """What the screens share."""
        return cast("RtmdApp", self.app).desk

    def perform(self, key: Key) -> None:
        """Do what a key stands for, unless it may not be done."""
        raise NotImplementedError

    def ask(self, text: str, act: Act) -> None:
        """Open a question in the bottom line."""
        self.strip = Question(text, act)

    def type_filter(self, text: str, heard: Callable[[str], None], passed: Callable[[], tuple[int, int]]) -> None:
        """Open a filter in the bottom line, with those that were typed on this screen before."""
        filters = self.desk.filters
        kept, recalled = partial(filters.keep, self.NAME), filters.of(self.NAME).go
        self.strip = Entry("/ ", "keep", text, heard=heard, kept=kept, recalled=recalled, passed=passed)

    def run(self, act: Coroutine[Any, Any, None]) -> None:
        """Do something that takes a while, and show what it changed."""

        async def then_show() -> None:
            await act
            cast("RtmdApp", self.app).repaint()

        self.app.run_worker(then_show(), exit_on_error=True)

    def answer(self, strip: Strip, name: str) -> None:
        """Give a key to the strip that is open."""
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
            self.retype(entry, "")
            self.strip = None
        elif name in ("up", "down") and entry.recalled is not None:
            self.retype(entry, entry.recalled(name, entry.text))
        elif name != "enter":
            self.retype(entry, edited(entry.text, name))
        elif entry.act is None:
            self.strip = None
            if entry.kept is not None:
                entry.kept(entry.text)
        elif entry.text.strip():
            self._finish(entry.verb, partial(entry.act, entry.text.strip()))

    def retype(self, entry: Entry, text: str) -> None:
        """Another text stands in the line."""
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

    def weigh(self) -> None:
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
