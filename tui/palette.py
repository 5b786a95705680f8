"""The palette: everything there is to do here, found by typing; pure, keys in, a palette or a choice out.

An entry is found when every word typed begins a word of its name or text; those whose name begins with what was
typed stand first, else the order is that of the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from rtmd.model.replace import replace
from tui.entry import edited
from tui.keymap import Key

_MOST = 60  # characters typed


class Palette(Struct, frozen=True):
    """An open palette."""

    entries: tuple[Key, ...]
    typed: str = ""
    index: int = 0

    @property
    def found(self) -> list[Key]:
        """The entries that match, best first."""
        words = self.typed.casefold().split()
        found = [key for key in self.entries if _matches(key, words)]
        return sorted(found, key=lambda key: not (words and key.verb.startswith(words[0])))

    @property
    def chosen(self) -> Key | None:
        """The entry that ⏎ takes."""
        found = self.found
        return found[min(self.index, len(found) - 1)] if found else None


class Chosen(Struct, frozen=True):
    """The palette is done; do this, or nothing."""

    key: Key | None


PaletteVerdict: TypeAlias = Palette | Chosen


def open_palette(table: Iterable[Key]) -> Palette:
    """Everything of a table that is not about moving in the palette itself."""
    return Palette(tuple(key for key in table if key.verb and key.verb != "palette"))


def press_in(palette: Palette, key: str) -> PaletteVerdict:
    """What a key makes of the palette."""
    if key in ("escape", "enter"):
        return Chosen(palette.chosen if key == "enter" else None)
    if key in ("up", "down", "tab"):
        last = max(0, len(palette.found) - 1)
        return replace(palette, index=min(max(0, palette.index + (-1 if key == "up" else 1)), last))
    return replace(palette, typed=edited(palette.typed, key, _MOST), index=0)


def _matches(key: Key, words: list[str]) -> bool:
    known = f"{key.verb.replace('_', ' ')} {key.help}".casefold().split()
    return all(any(part.startswith(word) for part in known) for word in words)
