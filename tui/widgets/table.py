"""The Live list: the visible rows of a roster on a canvas.

Rows are formatted only when their firing, the second, or the selection changed, and drawn only when their text
did: an off-screen change costs nothing, a visible one costs one line.
"""

from __future__ import annotations

from textual import events
from textual.message import Message

from tui.picture import Picture
from tui.roster import Roster
from tui.view.glyphs import Glyphs
from tui.view.line import Line
from tui.view.moment import Moment
from tui.view.row import row
from tui.widgets.canvas import Canvas

_CACHE = 2048


class FiringTable(Canvas):
    """Shows the rows of a roster that are in view."""

    class Clicked(Message):
        """A row was pointed at with the mouse."""

        def __init__(self, line: int) -> None:
            super().__init__()
            self.line = line

    class Wheeled(Message):
        """The wheel was turned by some rows."""

        def __init__(self, rows: int) -> None:
            super().__init__()
            self.rows = rows

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._rows: dict[tuple[object, ...], Line] = {}

    def show(self, roster: Roster, picture: Picture, moment: Moment, glyphs: Glyphs) -> None:
        """Bring the screen up to date."""
        lines = [
            self._row(firing_id, picture, moment, glyphs, selected=firing_id == roster.cursor)
            for firing_id in roster.visible()
        ]
        self.paint(lines, dimmed=picture.link.stale(moment.mono))

    def _row(self, firing_id: str, picture: Picture, moment: Moment, glyphs: Glyphs, *, selected: bool) -> Line:
        width = self.size.width
        # Engine and wall time may part, so both seconds are in the key.
        seconds = (moment.at // 1000, moment.wall // 1000)
        key = (firing_id, picture.serials.get(firing_id), width, selected, seconds, glyphs.ascii_only)
        line = self._rows.get(key)
        if line is None:
            if len(self._rows) >= _CACHE:
                self._rows.clear()
            line = self._rows[key] = row(picture.firings[firing_id], moment, width, glyphs, selected=selected)
        return line

    def on_click(self, event: events.Click) -> None:
        """Point at a row."""
        self.post_message(self.Clicked(event.y))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wheel."""
        event.stop()
        self.post_message(self.Wheeled(3))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Wheel."""
        event.stop()
        self.post_message(self.Wheeled(-3))
