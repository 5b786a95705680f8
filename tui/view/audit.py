"""The audit trail as lines: who did what to what, when, and how they were known."""

from __future__ import annotations

from msgspec import Struct

from rtmd.wire.audit import AuditView
from tui.audit import LATEST, AuditList
from tui.view.glyphs import Glyphs
from tui.view.line import EMPTY, Line, Piece, figure, fit, lit, pad, spread, styled, width, wrap
from tui.view.moment import Moment

WIDE = 100
_LABEL = 9  # cells of the names at the left of a page


class _Columns(Struct, frozen=True):
    """Cells of each column; FROM is left out where there is little room, DETAIL takes what the others leave."""

    time: int
    by: int
    origin: int
    verb: int
    object: int

    @classmethod
    def at(cls, cells: int) -> _Columns:
        return cls(15, 12, 16, 16, 26) if cells >= WIDE else cls(15, 9, 0, 13, 20)


def heading(cells: int) -> Line:
    """The names over the columns."""
    names = _cells(_Columns.at(cells), "TIME", "BY", "FROM", "DID", "TO", "DETAIL")
    return fit((Piece(f" {names}", "head"),), cells, "")


def row(entry: AuditView, moment: Moment, cells: int, glyphs: Glyphs, *, selected: bool = False) -> Line:
    """One line of the trail as one line."""
    lead, columns = Piece(glyphs.cursor if selected else " ", "strong"), _Columns.at(cells)
    when, origin = moment.clock(entry.at), lit(entry.origin, 100)
    text = _cells(columns, when, lit(entry.by, 100), origin, lit(entry.verb, 60), lit(entry.object, 200), "")
    line = fit((lead, Piece(text, "text"), Piece(lit(entry.detail, 400), "quiet")), cells, glyphs.more)
    return styled((*line, Piece(" " * (cells - width(line)))), "sel") if selected else line


def words(entry: AuditView, moment: Moment) -> str:
    """What the filter looks into."""
    said = (moment.clock(entry.at), entry.by, entry.origin, entry.verb, entry.object, entry.detail)
    return " ".join(lit(each, 1000) for each in said)


def info(trail: AuditList, problem: str, cells: int, glyphs: Glyphs) -> Line:
    """The filter, or what is wrong, on the left; on the right what is shown."""
    left: list[Piece] = []
    if problem and trail.known:
        left.append(Piece(f" {glyphs.fails} as of the last answer: {lit(problem, 200)}  ", "error"))
    if trail.filter:
        left.append(Piece(f" filter: {lit(trail.filter, 100)}  ", "strong"))
    total = len(trail.lines)
    shown = f"{len(trail.rows)} of {figure(total)}" if trail.filter else figure(total)
    older = f"{glyphs.between}rtmd audit has the older ones" if total >= LATEST else ""
    return spread(tuple(left), (Piece(f"the latest {shown}, newest first{older} ", "quiet"),), cells)


def explain(entry: AuditView, moment: Moment, cells: int) -> list[Line]:
    """The whole line."""
    facts = (
        ("time", moment.clock(entry.at)),
        ("by", lit(entry.by, 1000)),
        ("from", lit(entry.origin, 1000)),
        ("did", lit(entry.verb, 1000)),
        ("to", lit(entry.object, 4000)),
        ("detail", lit(entry.detail, 8000)),
    )
    lines: list[Line] = [EMPTY, (Piece(f" line {entry.seq} of the audit trail", "strong"),), EMPTY]
    for name, text in facts:
        for number, part in enumerate(wrap(text or "-", max(10, cells - _LABEL - 2))):
            lines.append((Piece(f" {name if not number else '':<{_LABEL}}", "quiet"), Piece(part, "text")))
    return lines


def _cells(columns: _Columns, *texts: str) -> str:
    sizes = (columns.time, columns.by, columns.origin, columns.verb, columns.object)
    fixed = [pad(text, size) for text, size in zip(texts, sizes, strict=False) if size]
    return " ".join([*fixed, texts[-1]])
