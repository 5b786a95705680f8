"""Screens to read and scroll: the base of Why, help and the message log."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult

from tui.keymap import READING, Key
from tui.screens.base import DeskScreen
from tui.view.line import Line
from tui.widgets.pager import Pager


class ReadingScreen(DeskScreen):
    """A pager between header and keys."""

    KEYS: tuple[Key, ...] = READING

    def __init__(self) -> None:
        super().__init__()
        self._pages = Pager(id="pages")

    def middle(self) -> ComposeResult:
        """The pages."""
        yield self._pages

    def lines(self) -> list[Line]:
        """What there is to read."""
        return []

    def show(self) -> None:
        """Draw."""
        desk = self.desk
        self._pages.show(self.lines(), dimmed=desk.picture.link.stale(desk.clock()))

    def to_top(self) -> None:
        """Start at the beginning."""
        self._pages.top = 0

    def do_back(self) -> None:
        """Back to where one came from; a second key that comes before this screen is gone must not take another."""
        if self.is_current:
            self.dismiss()

    def do_down(self) -> None:
        """A line on."""
        self._pages.scroll(1)

    def do_up(self) -> None:
        """A line back."""
        self._pages.scroll(-1)

    def do_first(self) -> None:
        """To the top."""
        self._pages.scroll(-len(self._pages.lines))

    def do_last(self) -> None:
        """To the end."""
        self._pages.scroll(len(self._pages.lines))

    def do_page_down(self) -> None:
        """A page on."""
        self._pages.scroll(self._pages.size.height)

    def do_page_up(self) -> None:
        """A page back."""
        self._pages.scroll(-self._pages.size.height)

    def do_half_down(self) -> None:
        """Half a page on."""
        self._pages.scroll(max(1, self._pages.size.height // 2))

    def do_half_up(self) -> None:
        """Half a page back."""
        self._pages.scroll(-max(1, self._pages.size.height // 2))


class TextScreen(ReadingScreen):
    """Shows what a function gives for the present width."""

    def __init__(self, source: Callable[[int], list[Line]]) -> None:
        super().__init__()
        self._source = source

    def lines(self) -> list[Line]:
        """The function's lines."""
        return self._source(self.size.width)
