"""The Rules screen: which rules call people for nothing, what is not as usual with them, and where they are written.

It asks the daemon every ten seconds while it is in front. `e` opens the rule's file in the operator's own editor, and
shows what the daemon made of it once that is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult

from rtmd.wire import FiringView, RuleErrorView
from rtmd.wire.rules import ReloadView
from tui import editor
from tui.copying import Choice, Copying, of_rule
from tui.entry import Entry
from tui.keymap import RULES
from tui.rules import DAYS, Row, RuleList
from tui.screens.board import AskingBoard
from tui.screens.firings import FiringScreen
from tui.screens.reading import TextScreen
from tui.target import RefusedError
from tui.view import rules as view
from tui.view.line import EMPTY, Line, Piece, lit
from tui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from tui.app import RtmdApp

# How soon a saved file is looked at, and how long to wait for what came of it (a bad file is given a second).
SETTLES = 0.3
GIVES_UP = 3.0
_LOOKS = 0.1


class RulesScreen(FiringScreen, AskingBoard):
    """The noise board over all rules."""

    NAME = "Rules"
    KEYS = RULES

    def __init__(self) -> None:
        super().__init__()
        self.rules = RuleList()
        self._errors = Canvas(id="errors")

    @property
    def board(self) -> RuleList:
        """The rules."""
        return self.rules

    def middle(self) -> ComposeResult:
        """Errors of files over the board."""
        yield self._errors
        yield from super().middle()

    def show(self) -> None:
        """Draw."""
        cells = self.size.width
        found = self._found_wrong()
        self.display_if(self._errors, on=bool(found))
        self._errors.styles.height = max(1, min(len(found), view.ERRORS))
        self._errors.paint(view.errors(found, cells, self.desk.glyphs))
        super().show()

    def info(self, cells: int) -> Line:
        """Whose noise it is, and what is shown."""
        return view.info(self.rules, self.problem, self.desk.now, cells, self.desk.glyphs)

    def heading(self, cells: int) -> Line:
        """The names over the columns."""
        return view.heading(cells)

    def row(self, row: Row, cells: int, *, selected: bool) -> Line:
        """One rule."""
        return view.row(row, self.desk.now, cells, self.desk.glyphs, selected=selected)

    def words(self, row: Row) -> str:
        """Its name, its file, its state."""
        return view.words(row, self.desk.now, self.desk.glyphs)

    def why_empty(self) -> str:
        """The filter, or that there is nothing."""
        if self.rules.filter:
            return f'0 of {len(self.rules.rules)} match "{lit(self.rules.filter, 100)}" · esc clears'
        return "asking the daemon …" if self.rules.noise is None else "No rules are loaded."

    def target(self) -> FiringView | None:
        """The latest firing of the rule under the cursor, of those that are open or resolved lately."""
        name = self.rules.cursor
        firings = [firing for firing in self.desk.picture.firings.values() if firing.rule == name]
        return max(firings, key=lambda firing: (firing.fired_at, firing.id), default=None)

    def copies(self) -> Copying | None:
        """The rule under the cursor."""
        return AskingBoard.copies(self)

    def taken(self, row: Row) -> tuple[Choice, ...]:
        """Line, name, and where it is written."""
        return of_rule(row.rule, self.line(row))

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
            name = self.rules.cursor
            self.strip = Entry(
                f"{lit(name, 60)} missed: ", "send", verb="report that", act=partial(self.desk.missed, name)
            )

    def do_days(self) -> None:
        """Noise of other days."""
        self.rules.days = DAYS[(DAYS.index(self.rules.days) + 1) % len(DAYS)]
        self.look_again()

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

    def _found_wrong(self) -> list[RuleErrorView]:
        status = self.desk.picture.status
        return status.rule_errors if status is not None else []

    def _explained(self, name: str, cells: int) -> list[Line]:
        found = next((row for row in self.rules.rows if row.rule.name == name), None)
        if found is None:
            return [EMPTY, (Piece(" this rule is gone", "quiet"),)]
        return view.explain(found, self.desk.now, cells, self.desk.glyphs)

    def _read(self, source: Callable[[int], list[Line]]) -> None:
        self.app.push_screen(TextScreen(source))

    async def inquire(self) -> None:
        """Rules, noise, and the latest reload."""
        client, rules = self.desk.client, self.rules
        rules.take(await client.rules(), await client.noise(rules.days), await client.reload())

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
