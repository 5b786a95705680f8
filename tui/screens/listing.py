"""The verbs of a list of firings: moving, folding, marking, ordering, freezing."""

from __future__ import annotations

from rtmd.wire import FiringView
from tui.members import Sort
from tui.roster import Grouping
from tui.screens.firings import FiringScreen
from tui.states import Condition, is_open

_GROUPINGS = {
    Grouping.AUTO: "grouped by rule in a storm only",
    Grouping.ON: "grouped by rule",
    Grouping.OFF: "one row a firing, however many",
}


class ListScreen(FiringScreen):
    """A screen whose keys work on the roster."""

    def target(self) -> FiringView | None:
        """The firing under the cursor, or the most urgent of its group."""
        return self.desk.picture.firings.get(self.desk.roster.target)

    def targets(self) -> list[FiringView]:
        """What a mutation acts on: the marked firings, else what the cursor is on."""
        roster, firings = self.desk.roster, self.desk.picture.firings
        ids = sorted(roster.marks) or roster.firings_of(roster.cursor)
        found = [firings[one] for one in ids if one in firings]
        return found if len(found) == 1 else [one for one in found if is_open(one)]

    def move(self, steps: int) -> None:
        """Move the cursor by rows."""
        self.desk.roster.move(steps, self.desk.clock())

    def do_down(self) -> None:
        """Next row."""
        self.move(1)

    def do_up(self) -> None:
        """Previous row."""
        self.move(-1)

    def do_first(self) -> None:
        """First row."""
        self.move(-len(self.desk.roster.order))

    def do_last(self) -> None:
        """Last row."""
        self.move(len(self.desk.roster.order))

    def do_page_down(self) -> None:
        """A page on."""
        self.move(self.desk.roster.height)

    def do_page_up(self) -> None:
        """A page back."""
        self.move(-self.desk.roster.height)

    def do_half_down(self) -> None:
        """Half a page on."""
        self.move(max(1, self.desk.roster.height // 2))

    def do_half_up(self) -> None:
        """Half a page back."""
        self.move(-max(1, self.desk.roster.height // 2))

    def do_jump(self) -> None:
        """To the firing that has waited longest for somebody, among the most severe that nobody has."""
        picture, roster = self.desk.picture, self.desk.roster
        new = [one for one in roster.members.keys if picture.conditions.get(one) is Condition.NEW]
        if not new:
            self.desk.tell("nothing listed here waits for somebody")
            return
        urgencies, firings = picture.urgencies, picture.firings
        roster.go_to(min(new, key=lambda one: (urgencies[one][2], firings[one].fired_at, one)), self.desk.clock())

    def do_fold(self) -> None:
        """Close the group."""
        self._touch()
        self.desk.roster.fold()

    def do_unfold(self) -> None:
        """Open the group."""
        self._touch()
        self.desk.roster.unfold()

    def do_group(self) -> None:
        """In groups always, never, or in a storm."""
        self.desk.say(_GROUPINGS[self.desk.roster.regroup()])

    def do_mark(self) -> None:
        """Mark the row, and go on to the next."""
        self.desk.roster.mark()
        self.move(1)

    def do_mark_range(self) -> None:
        """Mark from the last mark to here."""
        self._touch()
        self.desk.roster.mark_range()

    def do_mark_all(self) -> None:
        """Mark everything listed."""
        self._touch()
        self.desk.roster.mark_all()

    def do_freeze(self) -> None:
        """Let nothing move."""
        self.desk.roster.freeze()

    def do_sort(self) -> None:
        """Another order."""
        self.desk.roster.sort = self.desk.roster.sort.following

    def do_sort_back(self) -> None:
        """The order that it had at first."""
        self.desk.roster.sort = Sort.URGENCY

    def do_silenced(self) -> None:
        """Show or hide the silenced."""
        self._touch(hold=False)
        self.desk.roster.show_silenced = not self.desk.roster.show_silenced

    def _touch(self, *, hold: bool = True) -> None:
        self.desk.roster.touch(self.desk.clock(), hold=hold)
