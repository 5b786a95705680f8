"""The Rules screen: which rules call people for nothing, what is not as usual with them, and where they are written.

It asks the daemon every ten seconds while it is in front. `e` opens the rule's file in the operator's own editor, and
shows what the daemon made of it once that is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from textual.app import ComposeResult

from rtmd.wire import FiringView, RuleErrorView
from rtmd.wire.rules import ReloadView
from tui import editor
from tui.client import RefusedError
from tui.keymap import RULES
from tui.rules import DAYS, RuleList
from tui.screens.base import DeskScreen
from tui.screens.reading import TextScreen
from tui.view import rules as view
from tui.view.footer import entry_line
from tui.view.line import EMPTY, Line, Piece, lit
from tui.widgets.canvas import Canvas
from tui.widgets.pager import Pager
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.app import RtmdApp

ASK_EVERY = 10_000  # ms
ENTRY_LIMIT = 1_000
# How soon a saved file is looked at, and how long to wait for what came of it (a bad file is given a second).
SETTLES = 0.3
GIVES_UP = 3.0
_LOOKS = 0.1


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that is typed: the filter, or what the rule of that name missed."""

    text: str
    missed: str = ""  # the rule; empty: it is the filter


class RulesScreen(DeskScreen):
    """The noise board over all rules."""

    NAME = "Rules"
    KEYS = RULES
    entry: Entry | None = None

    def __init__(self) -> None:
        super().__init__()
        self.rules = RuleList()
        self._errors = Canvas(id="errors")
        self._info = Canvas(id="info")
        self._columns = Canvas(id="columns")
        self._rows = Rows(id="table")
        self._empty = Pager(id="empty")
        self._asking = False

    def middle(self) -> ComposeResult:
        """Errors of files, the line over the board, the board."""
        yield from (self._errors, self._info, self._columns, self._rows, self._empty)

    def show(self) -> None:
        """Arrange and draw, and ask again where that is due."""
        desk, cells, rules = self.desk, self.size.width, self.rules
        moment, glyphs = desk.now, desk.glyphs
        self._ask()
        rules.arrange(self._rows.size.height, lambda row: view.words(row, moment, glyphs))
        found = self._found_wrong()
        self._display(self._errors, on=bool(found))
        self._errors.styles.height = max(1, min(len(found), view.ERRORS))
        self._errors.paint(view.errors(found, cells, glyphs))
        self._info.paint([view.info(rules, moment, cells, glyphs)])
        self._columns.paint([view.heading(cells)])
        self._display(self._rows, on=bool(rules.rows))
        self._display(self._empty, on=not rules.rows)
        lines = [
            view.row(row, moment, cells, glyphs, selected=row.rule.name == rules.cursor) for row in rules.visible()
        ]
        self._rows.paint(lines, dimmed=desk.picture.link.stale(moment.mono))
        if not rules.rows:
            self._empty.show([EMPTY, (Piece(f"  {glyphs.words(self._why_empty())}", "strong"),)])

    def target(self) -> FiringView | None:
        """The latest firing of the rule under the cursor, of those that are open or resolved lately."""
        name = self.rules.cursor
        firings = [firing for firing in self.desk.picture.firings.values() if firing.rule == name]
        return max(firings, key=lambda firing: (firing.fired_at, firing.id), default=None)

    def bottom(self, cells: int) -> Line:
        """What is typed."""
        if self.entry is None:
            return super().bottom(cells)
        missed = self.entry.missed
        prompt = f"{lit(missed, 60)} missed: " if missed else "/ "
        return entry_line(prompt, self.entry.text, "send" if missed else "keep", cells, self.desk.glyphs)

    def pressed(self, name: str) -> bool:
        """Typing goes into the line."""
        entry = self.entry
        if entry is None:
            return super().pressed(name)
        match name:
            case "enter":
                self.entry = None
                if entry.missed and entry.text.strip():
                    self._finish("report that", lambda: self.desk.missed(entry.missed, entry.text.strip()))
            case "escape":
                self._type("")
                self.entry = None
            case "backspace":
                self._type(entry.text[:-1])
            case "ctrl+u":
                self._type("")
            case _ if len(name) == 1:
                self._type(entry.text + name)
            case _:
                return name not in ("ctrl+c", "ctrl+q")
        return True

    def on_paste(self, event: object) -> None:
        """Pasted text goes into the line, never to the keys."""
        if self.entry is not None:
            self._type(self.entry.text + " ".join(getattr(event, "text", "").split()))
            self.repaint()

    def run(self, act: Coroutine[Any, Any, None]) -> None:
        """Do something that takes a while, and ask the daemon what it changed."""
        super().run(self._then_look(act))

    def do_explain(self) -> None:
        """How the score of the rule comes about."""
        name = self.rules.cursor
        if self.rules.chosen is not None:
            self._read(lambda cells: self._explained(name, cells))

    def do_changes(self) -> None:
        """What the latest reload did."""
        self._read(
            lambda cells: view.changes(self.rules.reload, self._found_wrong(), self.desk.now, cells, self.desk.glyphs)
        )

    def do_report_miss(self) -> None:
        """Type what the rule did not see."""
        if self.rules.chosen is not None:
            self.entry = Entry("", self.rules.cursor)

    def do_days(self) -> None:
        """Noise of other days."""
        self.rules.days = DAYS[(DAYS.index(self.rules.days) + 1) % len(DAYS)]
        self.rules.asked = None

    def do_edit(self) -> None:
        """Edit the rule's file."""
        if self.rules.chosen is not None:
            rule = self.rules.chosen.rule
            self._open(rule.file, rule.line)

    def do_edit_error(self) -> None:
        """Edit the first file that cannot be used."""
        found = self._found_wrong()
        if found:
            self._open(found[0].file, found[0].line)
        else:
            self.desk.tell(f"{self.desk.glyphs.ok} every rule file is in use")

    def do_filter(self) -> None:
        """Start typing."""
        self.entry = Entry(self.rules.filter)

    def do_back(self) -> None:
        """Clear the filter."""
        self.rules.filter = ""

    def do_leave(self) -> None:
        """Back to Live."""
        cast("RtmdApp", self.app).go("live")

    def do_down(self) -> None:
        """Next row."""
        self.rules.move(1)

    def do_up(self) -> None:
        """Previous row."""
        self.rules.move(-1)

    def do_first(self) -> None:
        """First row."""
        self.rules.move(-len(self.rules.rows))

    def do_last(self) -> None:
        """Last row."""
        self.rules.move(len(self.rules.rows))

    def do_page_down(self) -> None:
        """A page on."""
        self.rules.move(self.rules.height)

    def do_page_up(self) -> None:
        """A page back."""
        self.rules.move(-self.rules.height)

    def do_half_down(self) -> None:
        """Half a page on."""
        self.rules.move(max(1, self.rules.height // 2))

    def do_half_up(self) -> None:
        """Half a page back."""
        self.rules.move(-max(1, self.rules.height // 2))

    def on_rows_resized(self) -> None:
        """Arrange them anew."""
        self.repaint()

    def on_rows_clicked(self, event: Rows.Clicked) -> None:
        """Point at a rule: the cursor goes there."""
        if self.strip is None and self.entry is None:
            self.rules.point(event.line)
            self.repaint()

    def on_rows_wheeled(self, event: Rows.Wheeled) -> None:
        """The wheel moves the cursor."""
        if self.strip is None and self.entry is None:
            self.rules.move(event.rows)
            self.repaint()

    def _found_wrong(self) -> list[RuleErrorView]:
        status = self.desk.picture.status
        return status.rule_errors if status is not None else []

    def _explained(self, name: str, cells: int) -> list[Line]:
        found = next((row for row in self.rules.rows if row.rule.name == name), None)
        if found is None:
            return [EMPTY, (Piece(" this rule is gone", "quiet"),)]
        return view.explain(found, self.desk.now, cells, self.desk.glyphs)

    def _why_empty(self) -> str:
        if self.rules.filter:
            return f'0 of {len(self.rules.rules)} match "{lit(self.rules.filter, 100)}" · esc clears'
        return "asking the daemon …" if self.rules.noise is None else "No rules are loaded."

    def _type(self, text: str) -> None:
        entry = self.entry
        if entry is None:
            return
        self.entry = Entry(text[:ENTRY_LIMIT], entry.missed)
        if not entry.missed:
            self.rules.filter = self.entry.text

    def _read(self, source: Callable[[int], list[Line]]) -> None:
        self.app.push_screen(TextScreen(source))

    def _ask(self) -> None:
        mono, asked = self.desk.clock(), self.rules.asked
        due = asked is None or mono - asked >= ASK_EVERY
        if due and not self._asking and self.desk.picture.status is not None:
            self._asking, self.rules.asked = True, mono
            super().run(self._fetch())

    async def _fetch(self) -> None:
        client, rules = self.desk.client, self.rules
        try:
            rules.take(await client.rules(), await client.noise(rules.days), await client.reload())
        except RefusedError as problem:
            rules.problem = str(problem)
        finally:
            self._asking = False

    async def _then_look(self, act: Coroutine[Any, Any, None]) -> None:
        await act
        self.rules.asked = None

    def _open(self, file: str, line: int) -> None:
        desk = self.desk
        if desk.locked or desk.read_only:
            desk.tell(f"{desk.glyphs.fails} cannot edit: nothing is changed from this screen")
        else:
            self.run(self._edit(file, line))

    async def _edit(self, file: str, line: int) -> None:
        desk, fails = self.desk, self.desk.glyphs.fails
        try:
            place, before = await desk.client.rule_file(file), await desk.client.reload()
            problem = editor.elsewhere(place)
        except RefusedError as refusal:
            desk.tell(f"{fails} {lit(file, 200)} cannot be edited: {lit(str(refusal), 300)}")
            return
        if problem:
            desk.tell(f"{fails} {lit(file, 200)} cannot be edited here: {problem}")
            return
        old, wrong = editor.content(place.path), self._wrong_with(file)
        try:
            await cast("RtmdApp", self.app).lend_terminal(editor.command(os.environ, place.path, line))
        except (OSError, ValueError) as error:
            desk.tell(f"{fails} the editor cannot be started: {lit(str(error), 300)}")
            return
        if editor.content(place.path) == old:
            desk.tell(f"{lit(file, 200)} was not changed")
        elif await self._taken_up(file, before, wrong):
            self.do_changes()
        else:
            desk.tell(f"{fails} the daemon has not taken up {lit(file, 200)} yet; c shows when it has")

    async def _taken_up(self, file: str, before: ReloadView, wrong: list[RuleErrorView]) -> bool:
        """Wait for what the daemon makes of a file that was saved."""
        await asyncio.sleep(SETTLES)
        with contextlib.suppress(TimeoutError, RefusedError):
            async with asyncio.timeout(GIVES_UP):
                while True:
                    self.rules.reload = found = await self.desk.client.reload()
                    if found.wall != before.wall or found.held_back or self._wrong_with(file) != wrong:
                        return True
                    await asyncio.sleep(_LOOKS)
        return bool(self._wrong_with(file))

    def _wrong_with(self, file: str) -> list[RuleErrorView]:
        return [error for error in self._found_wrong() if error.file == file]

    def _display(self, widget: Canvas, *, on: bool) -> None:
        if widget.display != on:
            widget.display = on
            self.call_after_refresh(self.repaint)
