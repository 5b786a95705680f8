"""Lines of styled text, measured in terminal cells.

A `Line` is a tuple of pieces; a piece is text and the names of its styles ("crit", "sel dim", …), which
`tui.theme` turns into colours. Widths are cells, not characters: a CJK character takes two, a combining one
none. `lit` is the only door for strings from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from rich.cells import cell_len, chop_cells, set_cell_size

from rtmd.model.display import number, safe

# The thousands separator of `number` is a narrow space, which many terminal fonts lack; so do some the dash.
_PLAIN = str.maketrans({"\u202f": " ", "–": "-"})


class Piece(NamedTuple):
    """Text, and the names of its styles separated by spaces."""

    text: str
    style: str = ""


Line: TypeAlias = tuple[Piece, ...]

EMPTY: Line = ()


def lit(text: str, limit: int = 1024) -> str:
    """A string from outside, literally: nothing in it acts on the terminal."""
    return safe(text, limit)


def figure(value: float | None) -> str:
    """A value as it stands in a cell."""
    return number(value).translate(_PLAIN)


def width(line: Iterable[Piece]) -> int:
    """Cells that a line takes."""
    return sum(cell_len(piece.text) for piece in line)


def plain(line: Iterable[Piece]) -> str:
    """The text of a line without its styles."""
    return "".join(piece.text for piece in line)


def cut(text: str, cells: int, more: str = "…") -> str:
    """The text in at most `cells` cells; a cut text ends in `more`."""
    if cell_len(text) <= cells:
        return text
    room = cells - cell_len(more)
    if room <= 0:
        return set_cell_size(more, max(0, cells))
    return set_cell_size(text, room).rstrip() + more


def pad(text: str, cells: int, *, right: bool = False, more: str = "…") -> str:
    """The text in exactly `cells` cells, to the left or to the right of them."""
    short = cut(text, cells, more)
    blank = " " * (cells - cell_len(short))
    return blank + short if right else short + blank


def fit(line: Iterable[Piece], cells: int, more: str = "…") -> Line:
    """The line cut to at most `cells` cells."""
    pieces: list[Piece] = []
    left = cells
    for piece in line:
        size = cell_len(piece.text)
        if size > left:
            pieces.append(Piece(cut(piece.text, left, more), piece.style))
            break
        pieces.append(piece)
        left -= size
    return tuple(pieces)


def spread(left: Line, right: Line, cells: int) -> Line:
    """Two lines on one, at the left and the right edge; where both do not fit, the left one gives way."""
    right = fit(right, cells)
    left = fit(left, max(0, cells - width(right) - 1))
    gap = cells - width(left) - width(right)
    return (*left, Piece(" " * gap), *right)


def styled(line: Iterable[Piece], style: str) -> Line:
    """The line with one more style on every piece."""
    return tuple(Piece(piece.text, f"{piece.style} {style}".strip()) for piece in line)


def wrap(text: str, cells: int) -> list[str]:
    """The text broken into parts of at most `cells` cells, at blanks where there are any."""
    if cell_len(text) <= cells:
        return [text.lstrip(" ")]
    parts: list[str] = []
    current = ""
    for word in text.split(" "):
        joined = f"{current} {word}" if current else word
        if cell_len(joined) <= cells:
            current = joined
            continue
        if current:
            parts.append(current)
        *full, current = chop_cells(word, max(2, cells)) or [""]
        parts.extend(full)
    return [*parts, current] if current or not parts else parts


_LABEL = 13  # cells of the names at the left of a page


def section(name: str, texts: Iterable[str], cells: int) -> Iterator[Line]:
    """A name at the left and its texts, wrapped, to the right of it; nothing where there is no text."""
    label = name
    for text in filter(None, texts):
        for part in wrap(text, max(20, cells - _LABEL - 3)):
            yield (Piece(" " + pad(label, _LABEL) + " ", "head"), Piece(part, "text"))
            label = ""
