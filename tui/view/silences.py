"""Silences as lines: rows of the Silences screen, and one of them in full with what it hides now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from rtmd.model.display import age
from rtmd.wire import FiringView
from rtmd.wire.silences import SilenceView
from tui.silences import SilenceList, until_resolved
from tui.view.glyphs import Glyphs
from tui.view.line import EMPTY, Line, Piece, figure, fit, lit, pad, plain, section, spread, styled, width
from tui.view.moment import Moment
from tui.view.row import severity, where

WIDE = 100
MOST_HIDDEN = 50  # firings that are named


class _Columns(Struct, frozen=True):
    """Cells of each column; SCOPE and WHY share what the others leave."""

    state: int
    ends: int
    by: int
    now: int
    held: int
    scope: int
    why: int

    @classmethod
    def at(cls, cells: int) -> _Columns:
        state, ends, by, now, held = (9, 12, 10, 5, 10) if cells >= WIDE else (9, 11, 6, 4, 5)
        left = max(16, cells - (1 + state + ends + by + now + held + 6))
        return cls(state, ends, by, now, held, left - left // 2, left // 2)


def heading(cells: int) -> Line:
    """The names over the columns."""
    columns, wide = _Columns.at(cells), cells >= WIDE
    names = (
        pad("STATE", columns.state),
        pad("ENDS", columns.ends),
        pad("SCOPE", columns.scope),
        pad("BY", columns.by),
        pad("NOW", columns.now, right=True),
        pad("SUPPRESSED" if wide else "SUPPR", columns.held, right=True),
        "WHY",
    )
    return fit((Piece(" " + " ".join(names), "head"),), cells, "")


def row(silence: SilenceView, moment: Moment, cells: int, glyphs: Glyphs, *, selected: bool = False) -> Line:
    """One silence as one line."""
    lead = Piece(glyphs.cursor if selected else " ", "strong")
    try:
        line: Line = (lead, *_row(silence, moment, cells, glyphs))
    except Exception:  # noqa: BLE001  # whatever it holds, the screen stays up and says which it is
        line = (lead, Piece(f"<unrenderable {lit(silence.id, 40)}>", "quiet"))
    line = fit(line, cells, glyphs.more)
    return styled((*line, Piece(" " * (cells - width(line)))), "sel") if selected else line


def state(silence: SilenceView) -> Piece:
    """What it does; capitals where somebody should look at it."""
    if silence.forgotten:
        return Piece("FORGOTTEN", "warn")
    match silence.state:
        case "active":
            return Piece("active", "text")
        case "pending":
            return Piece("to come", "quiet")
        case _:
            return Piece("over", "quiet")


def words(silence: SilenceView, moment: Moment) -> str:
    """What the filter looks into."""
    soon = "ending" if silence.ending else ""
    texts = (*silence.matchers, silence.created_by, silence.comment, *silence.forgotten, silence.id, soon)
    return " ".join((state(silence).text, lit(silence.state, 10), plain(_ends(silence, moment)), *map(lit, texts)))


def info(silences: SilenceList, problem: str, cells: int, glyphs: Glyphs) -> Line:
    """The filter, or why there was no answer; how many are active, end soon, are forgotten."""
    left = (Piece(f" filter: {lit(silences.filter, 100)}  ", "strong"),) if silences.filter else ()
    if problem:
        left = (Piece(f" {glyphs.fails} {lit(problem, 300)}", "error"),)
    every, rows = silences.silences, silences.rows
    active = sum(each.state == "active" for each in every)
    ending, forgotten = sum(each.ending for each in every), sum(bool(each.forgotten) for each in every)
    right = [Piece(f"{active} active", "text")]
    for count, word in ((ending, "about to end"), (forgotten, "forgotten")):
        if count:
            right.append(Piece(f"{glyphs.between}{count} {word}", "warn"))
    shown = f"{len(rows)} of {len(every)}" if silences.filter else f"{len(every)} in all"
    if len(rows) > silences.height:
        shown = f"{silences.top + 1}-{silences.top + len(silences.visible())} of {len(rows)}"
    return spread(left, (*right, Piece(f"{glyphs.between}{shown} ", "quiet")), cells)


def explain(
    silence: SilenceView, firings: Iterable[FiringView], moment: Moment, cells: int, glyphs: Glyphs
) -> list[Line]:
    """Everything about one silence, and the firings that it hides now."""
    try:
        lines = [*_facts(silence, moment, cells), EMPTY, *_hidden(silence, firings, moment, cells, glyphs)]
    except Exception:  # noqa: BLE001  # as in `row`
        lines = [(Piece(f" <unrenderable {lit(silence.id, 40)}>", "quiet"),)]
    return [fit(line, cells, glyphs.more) for line in (EMPTY, *lines)]


def brief(silence: SilenceView, moment: Moment, cells: int) -> list[Line]:
    """The same in short, below the list."""
    try:
        return list(_facts(silence, moment, cells))
    except Exception:  # noqa: BLE001  # as in `row`
        return [(Piece(f" <unrenderable {lit(silence.id, 40)}>", "quiet"),)]


def _row(silence: SilenceView, moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    columns, more, standing = _Columns.at(cells), glyphs.more, state(silence)
    over = silence.state == "expired"
    tone = "quiet" if over else "text"
    ends, word = fit(_ends(silence, moment), columns.ends, more), pad(standing.text, columns.state)
    matches = "-" if silence.state != "active" else figure(silence.matches_now)
    return (
        Piece(word + " ", standing.style),
        *ends,
        Piece(" " * (columns.ends - width(ends) + 1)),
        Piece(pad(scope(silence), columns.scope, more=more) + " ", "quiet" if over else "strong"),
        Piece(pad(lit(silence.created_by, 40), columns.by, more=more) + " ", tone),
        Piece(pad(matches, columns.now, right=True, more=more) + " ", tone),
        Piece(pad(figure(silence.suppressed), columns.held, right=True, more=more) + " ", tone),
        Piece(pad(lit(silence.comment, 300), columns.why, more=more), tone),
    )


def scope(silence: SilenceView) -> str:
    """Its matchers on one line."""
    return lit(" ".join(silence.matchers), 400)


def _ends(silence: SilenceView, moment: Moment) -> Line:
    if silence.state == "expired":
        return (Piece(f"{age(moment.wall - silence.ends_at)} ago", "quiet"),)
    if silence.state == "pending":
        return (Piece(f"from {moment.until(silence.starts_at)}", "quiet"),)
    left = moment.until(silence.ends_at)
    text = f"{left} or ok" if until_resolved(silence) else left
    return (Piece(f"! {text}", "warn"),) if silence.ending else (Piece(text, "text"),)


def _facts(silence: SilenceView, moment: Moment, cells: int) -> Iterator[Line]:
    yield from section("forgotten", [", ".join(lit(each, 200) for each in silence.forgotten)], cells)
    yield from section("scope", ["  ".join(lit(each, 400) for each in silence.matchers)], cells)
    until = f"{moment.clock(silence.starts_at)} to {moment.clock(silence.ends_at)}"
    if until_resolved(silence):
        until += ", or until all that it matched has resolved"
    if silence.ending:
        until += "; what it hides still fires"
    yield from section("lasts", [until], cells)
    yield from section("why", [lit(silence.comment, 2000)], cells)
    changed = f", last changed by {lit(silence.updated_by, 40)}" if silence.updated_by else ""
    by = f"{lit(silence.created_by, 40)}{changed} at {moment.clock(silence.updated_at)}"
    yield from section("by", [f"{by}  ({lit(silence.id, 80)}, version {silence.version})"], cells)
    did = f"{_count(silence.matches_now, 'firing')} now, {_count(silence.suppressed, 'message')} so far"
    yield from section("hides", [did], cells)


def _hidden(
    silence: SilenceView, firings: Iterable[FiringView], moment: Moment, cells: int, glyphs: Glyphs
) -> Iterator[Line]:
    found = sorted((one for one in firings if silence.id in one.silenced_by), key=lambda one: (one.rule, one.id))
    texts = [
        "  ".join(
            (
                severity(one.severity, glyphs, wide=True),
                lit(one.rule, 60),
                where(one.labels, glyphs),
                moment.since(one.fired_at),
            )
        )
        for one in found[:MOST_HIDDEN]
    ]
    if len(found) > MOST_HIDDEN:
        texts.append(f"and {len(found) - MOST_HIDDEN} more")
    yield from section("now", texts, cells)


def _count(number: int, name: str) -> str:
    return f"{figure(number)} {name}{'' if number == 1 else 's'}"
