"""A list whose cursor is on a row, not on a line: what the boards of the main screens are made of.

When the rows come in another order the cursor stays on its row, and its row on its line while there are rows enough; a
row that is gone leaves the cursor at its place. Plain state without Textual; it reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct, field

RowT = TypeVar("RowT")


class RowList(Struct, Generic[RowT]):
    """Rows with a filter and a cursor; subclasses say which rows there are and what each is called."""

    filter: str = ""
    cursor: str = ""
    top: int = 0
    height: int = 1
    rows: list[RowT] = field(default_factory=list)

    def everything(self) -> list[RowT]:
        """All rows in their order, before the filter."""
        raise NotImplementedError

    def key_of(self, row: RowT) -> str:
        """What the cursor remembers of a row."""
        raise NotImplementedError

    def title_of(self, row: RowT) -> str:
        """What people call a row."""
        return self.key_of(row)

    @property
    def chosen(self) -> RowT | None:
        """The row under the cursor."""
        return next((row for row in self.rows if self.key_of(row) == self.cursor), None)

    @property
    def index(self) -> int:
        """The place of the cursor's row."""
        return next((place for place, row in enumerate(self.rows) if self.key_of(row) == self.cursor), 0)

    def arrange(self, height: int, words: Callable[[RowT], str]) -> None:
        """Put the rows in order; `words` is what the filter looks into."""
        place = self.index
        line = place - self.top
        wanted = self.filter.casefold().split()
        rows = self.everything()
        self.rows = [row for row in rows if all(word in words(row).casefold() for word in wanted)]
        self.height = max(1, height)
        if self.chosen is None:
            self.cursor = self.key_of(self.rows[min(place, len(self.rows) - 1)]) if self.rows else ""
        self.top = max(0, min(self.index - line, len(self.rows) - self.height))
        self._uncover()

    def move(self, steps: int) -> None:
        """Move the cursor by rows; it stops at the ends."""
        if self.rows:
            self.cursor = self.key_of(self.rows[min(max(0, self.index + steps), len(self.rows) - 1)])
            self._uncover()

    def point(self, line: int) -> None:
        """The cursor goes to the row on this line of the screen, if there is one."""
        if self.top + line < len(self.rows):
            self.cursor = self.key_of(self.rows[self.top + line])

    def visible(self) -> list[RowT]:
        """The rows on the screen."""
        return self.rows[self.top : self.top + self.height]

    def _uncover(self) -> None:
        self.top = max(0, min(max(self.top, self.index - self.height + 1), self.index))
