"""A list whose rows somebody else arranges: it shows lines, and says where it was pointed at."""

from __future__ import annotations

from textual import events
from textual.message import Message

from tui.widgets.canvas import Canvas


class Rows(Canvas):
    """Shows the lines it is given; clicks and the wheel become messages."""

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

    class Resized(Message):
        """There is room for another number of rows."""

    def on_resize(self) -> None:
        """Whoever arranges the rows has to do it again."""
        self.post_message(self.Resized())

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
