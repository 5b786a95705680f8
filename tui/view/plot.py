"""A curve drawn with text: in Braille, four by two dots a cell, or with ASCII marks, one a cell.

Pure, and knows nothing of firings: numbers in, lines out. Every value counts: a column shows all from the lowest to
the highest that falls into it, joined to its neighbours; where a value is missing, nothing is drawn.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import TypeAlias

from msgspec import Struct

from tui.view.glyphs import Glyphs
from tui.view.line import Line, Piece, figure, pad

Span: TypeAlias = tuple[float, float]  # the lowest and the highest value of a column

_BLANK = 0x2800
# Dots of a Braille cell from its lowest to its highest row, left and right.
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
_MOST = sys.float_info.max
_SCALE = 9  # cells for figures, at most
_NAMES = 6  # and for the names of levels, with a blank


class Level(Struct, frozen=True):
    """A line across: where something begins or ends."""

    value: float
    name: str
    style: str
    dash: str


def spans(values: Sequence[float | None], columns: int) -> list[Span | None]:
    """What each of so many columns shows of values that lie evenly between the first and the last of them."""
    found: list[Span | None] = [None] * columns
    step = (columns - 1) / max(1, len(values) - 1)
    before: float | None = None
    for index, value in enumerate(values):
        if value is not None:
            place = index * step
            _widen(found, round(place), value)
            if before is not None:
                _join(found, (place - step, before), (place, value))
        before = value
    return found


def plot(
    values: Sequence[float | None], levels: Sequence[Level], *, cells: int, rows: int, glyphs: Glyphs
) -> list[Line]:
    """The curve in `rows` lines, its scale to the left (`margin` cells), the names of the levels to the right."""
    low, high = _range(values, levels)
    edge = margin(values, levels)
    wide = max(2, cells - edge - _NAMES)
    dots = 1 if glyphs.ascii_only else 4
    height = rows * dots

    def dot(value: float) -> int:
        return round((value / 2 - low / 2) / (high / 2 - low / 2) * (height - 1))

    columns = spans(values, wide if glyphs.ascii_only else 2 * wide)
    heights = [None if each is None else (dot(each[0]), dot(each[1])) for each in columns]
    at = {dot(level.value) // dots: level for level in reversed(levels)}
    scale = {0: low, rows - 1: high} | {row: level.value for row, level in at.items()}
    lines: list[Line] = []
    for row in reversed(range(rows)):
        text = _ascii_row(heights, row) if glyphs.ascii_only else _braille_row(heights, row)
        shown = pad(figure(scale[row]), edge - 2, right=True, more=glyphs.more) if row in scale else " " * (edge - 2)
        tick = glyphs.tick if row in scale else glyphs.side
        level = at.get(row)
        name = (Piece(f" {level.name}", level.style),) if level else ()
        lines.append((Piece(f" {shown}{tick}", "quiet"), *_crossed(text, level), *name))
    return lines


def margin(values: Sequence[float | None], levels: Sequence[Level]) -> int:
    """Cells to the left of the curve."""
    low, high = _range(values, levels)
    return min(_SCALE, max(len(figure(each)) for each in (low, high, *(level.value for level in levels)))) + 2


def column(place: float, cells: int) -> int:
    """The cell at a part of the way (0 to 1) across the curve."""
    return min(cells - 1, max(0, round(place * (cells - 1))))


def _range(values: Sequence[float | None], levels: Sequence[Level]) -> Span:
    known = [value for value in values if value is not None] + [level.value for level in levels]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if low / 2 < high / 2:
        return low, high
    apart = max(abs(low) * 0.1, 1e-9)
    return max(low - apart, -_MOST), min(high + apart, _MOST)


def _widen(found: list[Span | None], place: int, value: float) -> None:
    before = found[place]
    found[place] = (value, value) if before is None else (min(before[0], value), max(before[1], value))


def _join(found: list[Span | None], left: tuple[float, float], right: tuple[float, float]) -> None:
    """Draw from one point to the next: what lies between two columns belongs to both."""
    (x0, y0), (x1, y1) = left, right
    if x1 <= x0:
        return
    for place in range(math.ceil(x0), math.floor(x1) + 1):
        _widen(found, place, _between(y0, y1, (place - x0) / (x1 - x0)))
    for place in range(math.ceil(x0 - 0.5), math.floor(x1 - 0.5) + 1):
        between = _between(y0, y1, (place + 0.5 - x0) / (x1 - x0))
        for each in (place, place + 1):
            if 0 <= each < len(found):
                _widen(found, each, between)


def _between(start: float, end: float, part: float) -> float:
    """A part of the way from one value to another: never beyond, also where their difference is no number any more."""
    return min(max(start * (1 - part) + end * part, min(start, end)), max(start, end))


def _braille_row(heights: Sequence[tuple[int, int] | None], row: int) -> str:
    cells = []
    for left in range(0, len(heights), 2):
        mask = 0
        for side, span in enumerate(heights[left : left + 2]):
            if span is not None:
                low, high = max(span[0], 4 * row), min(span[1], 4 * row + 3)
                mask |= sum(_DOTS[side][dot - 4 * row] for dot in range(low, high + 1))
        cells.append(chr(_BLANK + mask) if mask else " ")
    return "".join(cells)


def _ascii_row(heights: Sequence[tuple[int, int] | None], row: int) -> str:
    return "".join("*" if span is not None and span[0] <= row <= span[1] else " " for span in heights)


def _crossed(text: str, level: Level | None) -> list[Piece]:
    """The row of a curve, with the level where the curve is not."""
    if level is None:
        return [Piece(text, "info")]
    parts = groupby(text, key=lambda mark: mark == " ")
    return [
        Piece(level.dash * len(list(marks)), level.style) if free else Piece("".join(marks), "info")
        for free, marks in parts
    ]
