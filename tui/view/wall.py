"""The wall: figures that can be read across a room, and below them what is open, rule by rule.

What is new and nobody's stands first, then the severities; where not all figures fit, those to the right leave. A
picture that is out of date says so over the whole width.
"""

from __future__ import annotations

from collections.abc import Sequence

from rtmd.wire import FiringView
from tui.counts import Counts
from tui.picture import Picture
from tui.states import Condition
from tui.view.glyphs import STYLES, WORDS, Glyphs
from tui.view.group_row import group_of, group_row
from tui.view.line import EMPTY, Line, Piece, figure, fit, width
from tui.view.moment import Moment, countdown
from tui.view.row import row

TALL = 3  # lines of a figure
_GAP = 5

# Three lines a digit, three cells wide.
_BLOCKS = (
    ("█▀█", "▀█ ", "▀▀█", "▀▀█", "█ █", "█▀▀", "█▀▀", "▀▀█", "█▀█", "█▀█"),
    ("█ █", " █ ", "█▀▀", " ▀█", "▀▀█", "▀▀█", "█▀█", "  █", "█▀█", "▀▀█"),
    ("▀▀▀", "▀▀▀", "▀▀▀", "▀▀▀", "  ▀", "▀▀▀", "▀▀▀", "  ▀", "▀▀▀", "▀▀▀"),
)
_STROKES = (
    (" _ ", "   ", " _ ", " _ ", "   ", " _ ", " _ ", " _ ", " _ ", " _ "),
    ("| |", "  |", " _|", " _|", "|_|", "|_ ", "|_ ", "  |", "|_|", "|_|"),
    ("|_|", "  |", "|_ ", " _|", "  |", " _|", "|_|", "  |", "|_|", " _|"),
)


def big(number: int, glyphs: Glyphs) -> list[str]:
    """A number in three lines."""
    shapes = _STROKES if glyphs.ascii_only else _BLOCKS
    return [" ".join(shape[int(digit)] for digit in str(number)) for shape in shapes]


def counts(found: Counts, cells: int, glyphs: Glyphs) -> list[Line]:
    """The figures with their words below them, as many as fit."""
    severities = [(found.severity[name], f"{glyphs.of(name)} {WORDS[name]}", style) for name, style in STYLES.items()]
    slots = [
        (found.new, "NEW", "strong"),
        *severities,
        (found.acked, "ACK", "text"),
        (found.silenced, f"{glyphs.silenced} SIL", "text"),
    ]
    lines: list[list[Piece]] = [[Piece("  ")] for _ in range(TALL + 1)]
    for number, word, style in slots:
        texts = [*big(number, glyphs), word]
        room = max(map(len, texts))
        if width(lines[0]) + room > cells:
            break
        for line, text in zip(lines, texts, strict=True):
            line += [Piece(text.ljust(room), style if number else "quiet"), Piece(" " * _GAP)]
    return [fit(line, cells) for line in lines]


def stale(picture: Picture, moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    """That this is not the present; empty when it is."""
    if not picture.link.stale(moment.mono):
        return EMPTY
    text = f"{glyphs.stale} STALE {countdown(moment.mono - picture.link.heard)} {glyphs.stale} this is the last picture"
    return (Piece(text.center(cells)[:cells], "stale"),)


def by_rule(picture: Picture) -> list[list[FiringView]]:
    """What is open and not silenced, by rule; rules and the firings of each most urgent first."""
    found: dict[str, list[str]] = {}
    for firing_id, state in picture.conditions.items():
        if state not in (Condition.SILENCED, Condition.OK):
            found.setdefault(picture.firings[firing_id].rule, []).append(firing_id)
    ranked = [sorted(ids, key=picture.urgencies.__getitem__) for ids in found.values()]
    ranked.sort(key=lambda ids: picture.urgencies[ids[0]])
    return [[picture.firings[one] for one in ids] for ids in ranked]


def rows(groups: Sequence[list[FiringView]], moment: Moment, size: tuple[int, int], glyphs: Glyphs) -> list[Line]:
    """A line a rule; the last one counts those for which there is no line."""
    cells, height = size
    shown = groups if len(groups) <= height else groups[: max(0, height - 1)]
    lines = [_line(firings, moment, cells, glyphs) for firings in shown]
    left = groups[len(shown) :]
    if left:
        count = sum(map(len, left))
        text = f" and {figure(len(left))} more rules with {figure(count)} firings"
        lines.append((Piece(text, "strong"),))
    return lines


def _line(firings: list[FiringView], moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    if len(firings) == 1:
        return row(firings[0], moment, cells, glyphs)
    return group_row(group_of(firings[0].rule, firings), firings[0], moment, cells, glyphs)
