"""Lines on the screen, repainted one by one.

A canvas is given the lines it should show and refreshes only those that differ from what is painted; Textual then
asks `render_line` for exactly these. Strips are cached by (line, width), so a line that was seen before (a cursor
going up and down) costs nothing, until the theme is another. There are no scrollbars and no virtual size: whoever
owns the canvas decides which lines are in view. Lines hold cleaned text only (`view.line.lit`), and become segments
as they are: no markup is ever parsed.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.theme import style
from tui.view.line import EMPTY, Line

_CACHE = 1024


class Canvas(Widget):
    """Shows lines; `painted` are those on the screen, top to bottom."""

    ALLOW_SELECT = False  # Textual would look for text of its own

    painted: tuple[Line, ...] = ()
    dimmed = False
    _high = 1  # the stylesheet's height, until `stretch` says another

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._strips: dict[tuple[Line, int, bool], Strip] = {}
        self._styles: dict[str, Style] = {}  # by the names in lines

    def paint(self, lines: Sequence[Line], *, dimmed: bool = False) -> None:
        """Show these lines; only those that differ are drawn."""
        before, self.painted = self.painted, tuple(lines)
        if dimmed != self.dimmed:
            self.dimmed = dimmed
            self.refresh()
            return
        rows = max(len(before), len(self.painted))
        changed = [y for y in range(rows) if _at(before, y) != _at(self.painted, y)]
        if changed:
            self.refresh(*(Region(0, y, self.size.width or 1, 1) for y in changed))

    def stretch(self, lines: Sequence[Line]) -> bool:
        """Show these lines, as high as they are many; whether that is another height than before."""
        before, self._high = self._high, len(lines)
        if self._high != before:
            self.styles.height = max(1, self._high)
            self.display = bool(lines)
        self.paint(lines)
        return self._high != before

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        key = (_at(self.painted, y), self.size.width, self.dimmed)
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) >= _CACHE:
                self._strips.clear()
            strip = self._strips[key] = self._drawn(*key)
        return strip

    def notify_style_update(self) -> None:
        """The theme may be another."""
        self._strips.clear()
        self._styles.clear()
        super().notify_style_update()

    def _drawn(self, line: Line, width: int, dimmed: bool) -> Strip:  # noqa: FBT001  # the cache's key, unpacked
        extra = " dim" if dimmed else ""
        segments = [Segment(piece.text, self._style(piece.style + extra)) for piece in line if piece.text]
        return Strip(segments).adjust_cell_length(width, self._style(extra.strip()))

    def _style(self, names: str) -> Style:
        """On the background of this widget: without one, text would stand on whatever the terminal has."""
        found = self._styles.get(names)
        if found is None:
            found = self._styles[names] = self.rich_style + style(names, self.app.theme)
        return found


def _at(lines: Sequence[Line], y: int) -> Line:
    return lines[y] if y < len(lines) else EMPTY
