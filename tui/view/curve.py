"""The signal of a firing over time: its curve, the levels it is held against, and what happened when.

Values come from the daemon (`CurveView`), never from what the stream happened to show. What happened is numbered
under the curve, transitions and what people or systems reported, and told below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rtmd.model.display import age
from rtmd.model.mark import agree
from rtmd.wire import FiringView
from rtmd.wire.curves import CurveView
from rtmd.wire.marks import MarkView
from tui.view.glyphs import Glyphs
from tui.view.line import Line, Piece, cut, fit, lit, width
from tui.view.moment import Moment
from tui.view.plot import Level, column, margin, plot

_SIGNS = "123456789abcdefghijklmnopqrstuvwxyz"
MOST_SIGNS = 12
_BRIEF = 900_000  # ms: less than that is told with seconds


class Sign(NamedTuple):
    """Something that happened at an engine time."""

    at: int
    caption: str  # fit for the screen
    style: str = "text"


def signs(firing: FiringView, marks: Iterable[MarkView], moment: Moment) -> list[Sign]:
    """Its transitions, and the marks that are about it, oldest first."""
    found: list[Sign] = []
    for stage in firing.stages:
        name = lit(stage.name, 10)
        if stage.fired_at is not None:
            found.append(Sign(stage.fired_at, f"{name} fired", "strong"))
        if stage.ended_at is not None:
            found.append(Sign(stage.ended_at, f"{name} ended"))
    if firing.resolved_at is not None:
        found.append(Sign(firing.resolved_at, "resolved"))
    about = {mark.id: mark for mark in (*firing.marks, *marks) if agree(tuple(mark.labels.items()), firing.labels)}
    for mark in about.values():
        text = f"{lit(mark.kind, 10)}: {lit(mark.text, 80)}" + (f" ({lit(mark.by, 40)})" if mark.by else "")
        found.append(Sign(mark.time + moment.at - moment.wall, text, "info"))
    return sorted(found)


def curve(
    view: CurveView, happened: Sequence[Sign], moment: Moment, *, cells: int, rows: int, glyphs: Glyphs
) -> list[Line]:
    """The plot with its axis of time, the signs under it, and what they mean."""
    if view.problem or not any(value is not None for value in view.values):
        why = lit(view.problem, 300) or "no values in that time"
        return [(Piece(f" {why}", "quiet"),)]
    levels = _levels(view, glyphs)
    edge = margin(view.values, levels)
    wide = max(2, cells - edge - 6)
    within = [sign for sign in happened if view.start <= sign.at <= view.end][-MOST_SIGNS:]
    lead = " " * (edge - 1)
    lines = plot(view.values, levels, cells=cells, rows=rows, glyphs=glyphs)
    lines.append((Piece(lead + glyphs.corner + _axis(view, moment, wide, glyphs), "quiet"),))
    if within:
        lines.append((Piece(f"{lead} {_row_of_signs(view, within, wide)}", "strong"),))
        lines += _legend(within, moment, cells, edge)
    return lines


def heading(view: CurveView, cells: int, glyphs: Glyphs) -> Line:
    """What the curve is of."""
    if not view.stage:
        return (Piece(" signal", "head"),)
    spans = f" {lit(view.stage, 10)}, last {age(view.end - view.start)}, each {age(view.step)}  "
    return fit((Piece(" signal", "head"), Piece(spans + lit(view.query, 500), "quiet")), cells, glyphs.more)


def _levels(view: CurveView, glyphs: Glyphs) -> list[Level]:
    return [
        *(Level(value, "thr", "warn", glyphs.threshold) for value in view.thresholds),
        *(Level(value, "clear", "quiet", glyphs.clear) for value in view.clears if value not in view.thresholds),
    ]


def _axis(view: CurveView, moment: Moment, wide: int, glyphs: Glyphs) -> str:
    """The times of both ends and of the middle, as far as they fit."""
    seconds = view.end - view.start < _BRIEF
    drift = moment.wall - moment.at
    first, middle, last = (
        f" {moment.clock(at + drift, seconds=seconds)} " for at in (view.start, (view.start + view.end) // 2, view.end)
    )
    gap = wide - len(first) - len(middle) - len(last)
    if gap < 2:
        return cut(first + glyphs.rule * max(0, wide - len(first) - len(last)) + last, wide)
    return first + glyphs.rule * (gap // 2) + middle + glyphs.rule * (gap - gap // 2) + last


def _row_of_signs(view: CurveView, within: Sequence[Sign], wide: int) -> str:
    """Each sign under its time, or as near to it as there is room."""
    row = [" "] * wide
    for mark, sign in zip(_SIGNS, within, strict=False):
        wanted = column((sign.at - view.start) / max(1, view.end - view.start), wide)
        free = [place for place in range(wide) if row[place] == " "]
        if free:
            row[min(free, key=lambda place: (abs(place - wanted), place))] = mark
    return "".join(row).rstrip()


def _legend(within: Sequence[Sign], moment: Moment, cells: int, edge: int) -> Iterator[Line]:
    """What the signs mean, several in a line."""
    line: list[Piece] = []
    for mark, sign in zip(_SIGNS, within, strict=False):
        said = (Piece(f"{mark} ", "strong"), Piece(f"{moment.engine_clock(sign.at)} {sign.caption}   ", sign.style))
        if line and edge + width(line) + width(said) > cells:
            yield (Piece(" " * edge), *line)
            line = []
        line += said
    yield (Piece(" " * edge), *line)
