"""The Live list: the visible rows of a roster on a canvas.

Rows are formatted only when their firing, the second, or the selection changed, and drawn only when their text
did: an off-screen change costs nothing, a visible one costs one line.
"""

from __future__ import annotations

from tui.arrange import rule_of
from tui.picture import Picture
from tui.roster import Roster
from tui.view.glyphs import Glyphs
from tui.view.group_row import Group, group_of, group_row
from tui.view.line import Line
from tui.view.moment import Moment
from tui.view.row import Look, row
from tui.widgets.rows import Rows

_CACHE = 2048
_LARGE = 300  # firings of a group that is not drawn anew for each of its changes


class FiringTable(Rows):
    """Shows the rows of a roster that are in view."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._rows: dict[tuple[object, ...], Line] = {}
        self._cells = 0
        self._groups: dict[str, tuple[int, int, Group]] = {}  # rule → serial, second

    def show(self, roster: Roster, picture: Picture, moment: Moment, glyphs: Glyphs) -> None:
        """Bring the screen up to date."""
        self._cells = self.size.width  # which Textual works out anew each time
        lines = [self._row(row_id, roster, picture, moment, glyphs) for row_id in roster.visible()]
        self.paint(lines, dimmed=picture.link.stale(moment.mono))

    def _row(self, row_id: str, roster: Roster, picture: Picture, moment: Moment, glyphs: Glyphs) -> Line:
        rule = rule_of(row_id)
        if rule is None:
            serial = picture.serials[row_id]
            look = Look(row_id == roster.cursor, row_id in roster.marks, roster.is_inner(picture.firings[row_id].rule))
        else:
            ids = roster.members.by_rule[rule]
            serial = roster.members.serials[rule] if len(ids) <= _LARGE else 0  # the seconds below will do
            marked = bool(roster.marks) and ids <= roster.marks
            look = Look(row_id == roster.cursor, marked, rule in roster.unfolded)
        # Engine and wall time may part, so both seconds are in the key.
        seconds = (moment.at // 1000, moment.wall // 1000)
        key = (row_id, serial, self._cells, look, seconds, glyphs.ascii_only)
        line = self._rows.get(key)
        if line is None:
            if len(self._rows) >= _CACHE:
                self._rows.clear()
            line = self._rows[key] = self._formatted(row_id, roster, picture, moment, glyphs, look)
        return line

    def _formatted(  # everything that a row is made of
        self, row_id: str, roster: Roster, picture: Picture, moment: Moment, glyphs: Glyphs, look: Look
    ) -> Line:
        rule, width = rule_of(row_id), self._cells
        if rule is None:
            return row(picture.firings[row_id], moment, width, glyphs, look)
        group = self._group(rule, roster, picture, moment)
        return group_row(group, picture.firings[roster.members.first(rule)[-1]], moment, width, glyphs, look)

    def _group(self, rule: str, roster: Roster, picture: Picture, moment: Moment) -> Group:
        """As long as its firings are the same; a large one for a second, whatever becomes of them."""
        ids, serial, second = roster.members.by_rule[rule], roster.members.serials[rule], moment.mono // 1000
        known = self._groups.get(rule)
        if known is not None and (known[0] == serial or (len(ids) > _LARGE and known[1] == second)):
            return known[2]
        group = group_of(rule, [picture.firings[one] for one in ids])
        self._groups[rule] = serial, second, group
        return group
