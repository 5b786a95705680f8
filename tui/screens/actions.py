"""The Actions screen: what waits for a decision, what would run, and what came of what ran."""

from __future__ import annotations

from functools import partial

from rtmd.wire import FiringView
from rtmd.wire.actions import ProposalView
from tui.actions import ActionList, Item
from tui.copying import Choice, Copying, of_item
from tui.decisions import rerun
from tui.keymap import ACTIONS
from tui.screens.board import BoardScreen
from tui.screens.firings import FiringScreen
from tui.screens.reading import TextScreen
from tui.view import actions as view
from tui.view.line import EMPTY, Line, Piece, lit


class ActionsScreen(FiringScreen, BoardScreen):
    """Proposals and runs of the firings in the picture."""

    NAME = "Actions"
    KEYS = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self.actions = ActionList()

    @property
    def board(self) -> ActionList:
        """The items."""
        return self.actions

    def show(self) -> None:
        """Draw."""
        self.actions.take(self.desk.picture, self.desk.clock())
        super().show()

    def info(self, cells: int) -> Line:
        """How much waits."""
        return view.info(self.actions, self.desk.picture, cells, self.desk.glyphs)

    def heading(self, cells: int) -> Line:
        """The names over the columns."""
        return view.heading(cells)

    def row(self, row: Item, cells: int, *, selected: bool) -> Line:
        """One item."""
        desk = self.desk
        return view.row(row, desk.picture, desk.now, cells, desk.glyphs, selected=selected)

    def brief(self, row: Item, cells: int) -> list[Line]:
        """What would run, and until when."""
        return view.brief(row, self.desk.now, cells, self.desk.glyphs)

    def words(self, row: Item) -> str:
        """State, action, firing, and what was said."""
        return view.words(row, self.desk.picture, self.desk.glyphs)

    def why_empty(self) -> str:
        """The filter, or that there is nothing."""
        if self.actions.filter:
            return f'0 of {len(self.actions.everything())} match "{lit(self.actions.filter, 100)}" · esc clears'
        return "Nothing to decide, and nothing was run lately."

    def target(self) -> FiringView | None:
        """The firing that the item is for."""
        item = self.actions.chosen
        return None if item is None else self.desk.picture.firings.get(item.firing.id)

    def proposals(self) -> list[ProposalView]:
        """The one under the cursor."""
        item = self.actions.chosen
        return [item.proposal] if item is not None and item.proposal is not None and item.waits else []

    def copies(self) -> Copying | None:
        """The item under the cursor."""
        return BoardScreen.copies(self)

    def taken(self, row: Item) -> tuple[Choice, ...]:
        """Line, link, and the command that decides."""
        return of_item(row, self.line(row))

    def do_explain(self) -> None:
        """All there is to know of the item."""
        item = self.actions.chosen
        if item is not None:
            self.app.push_screen(TextScreen(partial(self._explained, item.key)))

    def do_again(self) -> None:
        """Run it once more, at a second key."""
        item, desk = self.actions.chosen, self.desk
        if item is None or item.run is None or not item.troubled:
            desk.tell("only what failed, or of which nobody knows, is run again")
            return
        undo = "the undo of " if item.run.state.startswith("undo") else ""
        word = lit(item.run.state, 20)
        self.ask(f"{word}: run {undo}{lit(item.run.action, 60)} once more?", partial(rerun, desk, item.run))

    def _explained(self, key: str, cells: int) -> list[Line]:
        self.actions.take(self.desk.picture, self.desk.clock())
        item = next((each for each in self.actions.everything() if each.key == key), None)
        if item is None:
            return [EMPTY, (Piece(" this is gone", "quiet"),)]
        return view.explain(item, self.desk.now, cells, self.desk.glyphs)
