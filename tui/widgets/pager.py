"""More lines than fit, scrolled by whole lines: Why, help, the message log."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from tui.view.line import Line
from tui.widgets.canvas import Canvas


class Pager(Canvas):
    """Shows a part of some lines."""

    lines: Sequence[Line] = ()
    top = 0

    def show(self, lines: Sequence[Line], *, dimmed: bool = False) -> None:
        """Show these lines, at the same place."""
        self.lines = lines
        self.top = min(self.top, self._last)
        self.paint(lines[self.top : self.top + self.size.height], dimmed=dimmed)

    def scroll(self, steps: int) -> None:
        """Move by lines; stops at the ends."""
        self.top = min(max(0, self.top + steps), self._last)
        self.show(self.lines, dimmed=self.dimmed)

    @property
    def _last(self) -> int:
        return max(0, len(self.lines) - self.size.height)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wheel."""
        event.stop()
        self.scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Wheel."""
        event.stop()
        self.scroll(-3)
