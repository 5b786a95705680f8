"""The palette as lines: what was found with its keys, and below it what is typed."""

from __future__ import annotations

from tui.palette import Palette
from tui.view.footer import bar
from tui.view.glyphs import Glyphs
from tui.view.line import Line, Piece, fit, lit, pad, styled, width


def palette_lines(palette: Palette, cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """At most so many entries, the chosen one among them."""
    found = palette.found
    index = min(palette.index, max(0, len(found) - 1))
    top = max(0, index - rows + 1)
    lines = []
    for place, key in list(enumerate(found))[top : top + rows]:
        mark = glyphs.cursor if place == index else " "
        name = pad(key.verb.replace("_", " "), 14)
        line = (
            Piece(f"{mark}{name}", "key"),
            Piece(pad(glyphs.words(key.label), 8), "strong"),
            Piece(glyphs.words(key.help), "text"),
        )
        short = fit(line, cells, glyphs.more)
        lines.append(styled((*short, Piece(" " * (cells - width(short)))), "strip sel" if place == index else "bar"))
    return lines or [styled(fit((Piece(" nothing is called that".ljust(cells), "quiet"),), cells), "bar")]


def palette_bar(palette: Palette, cells: int, glyphs: Glyphs) -> Line:
    """The line that is typed in."""
    tail = (Piece(f"   {glyphs.enter}", "key"), Piece(" do it  "), Piece("esc", "key"), Piece(" leave"))
    return bar((Piece(" : ", "key"), Piece(lit(palette.typed), "strong"), Piece(" ", "new"), *tail), cells, glyphs)
