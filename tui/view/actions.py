"""Actions as lines: rows of the Actions screen, one of them in full, and the strip that guards an approval.

What an approval runs is shown whole before it can be given: the strip grows as far as the screen lets it, and says so
where even that is too little.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rtmd.model.display import age
from rtmd.wire.actions import ProposalView
from tui.actions import ActionList, Item
from tui.approval import Approval
from tui.picture import Picture
from tui.view.footer import bar
from tui.view.glyphs import Glyphs
from tui.view.line import EMPTY, Line, Piece, fit, lit, pad, section, spread, styled, width
from tui.view.moment import Moment
from tui.view.row import where

WIDE = 100


class _Columns(Struct, frozen=True):
    """Cells of each column; ABOUT and WHAT share what the others leave."""

    when: int
    state: int
    action: int
    about: int
    what: int

    @classmethod
    def at(cls, cells: int) -> _Columns:
        when, state, action = (9, 12, 20) if cells >= WIDE else (9, 11, 12)
        left = max(16, cells - (1 + when + 1 + state + 1 + action + 1 + 1))
        return cls(when, state, action, left // 2, left - left // 2)


def heading(cells: int) -> Line:
    """The names over the columns."""
    columns = _Columns.at(cells)
    names = (
        pad("", columns.when),
        pad("STATE", columns.state),
        pad("ACTION", columns.action),
        pad("ABOUT", columns.about),
        pad("WHAT", columns.what),
    )
    return fit((Piece(" " + " ".join(names), "head"),), cells, "")


def row(item: Item, picture: Picture, moment: Moment, cells: int, glyphs: Glyphs, *, selected: bool = False) -> Line:
    """One item as one line."""
    lead = Piece(glyphs.cursor if selected else " ", "strong")
    try:
        line: Line = (lead, *_row(item, picture, moment, cells, glyphs))
    except Exception:  # noqa: BLE001  # whatever it holds, the screen stays up and says which it is
        line = (lead, Piece(f"<unrenderable {lit(item.key, 40)}>", "quiet"))
    line = fit(line, cells, glyphs.more)
    return styled((*line, Piece(" " * (cells - width(line)))), "sel") if selected else line


def state(item: Item, picture: Picture) -> Piece:
    """How it stands, in a word; capitals where somebody has to do something."""
    if item.proposal is not None and item.waits:
        if item.proposal.state == "braked":
            return Piece("BRAKED", "nodata")
        held = picture.status is not None and picture.status.hold is not None
        return Piece("HELD", "nodata") if held else Piece("WAITS", "act")
    word = lit(item.run.state if item.run is not None else item.proposal.state if item.proposal else "", 20)
    return Piece(word.upper(), "error") if item.troubled else Piece(word, "text")


def words(item: Item, picture: Picture, glyphs: Glyphs) -> str:
    """What the filter looks into."""
    said = (state(item, picture).text, lit(item.action), _about(item, glyphs), lit(item.firing.rule), _what(item))
    return " ".join(said)


def info(actions: ActionList, picture: Picture, cells: int, glyphs: Glyphs) -> Line:
    """The filter on the left, on the right how much waits and how much went wrong."""
    left = (Piece(f" filter: {lit(actions.filter, 100)}  ", "strong"),) if actions.filter else ()
    every, rows = actions.everything(), actions.rows
    troubled, waits = sum(item.troubled for item in every), picture.counts.proposals
    right = [Piece(f"{waits} to decide", "strong" if waits else "quiet")]
    if troubled:
        right.append(Piece(f"{glyphs.between}{troubled} to look at", "error"))
    shown = f"{len(rows)} of {len(every)}" if actions.filter else f"{len(every)} in all"
    if len(rows) > actions.height:
        shown = f"{actions.top + 1}-{actions.top + len(actions.visible())} of {len(rows)}"
    return spread(left, (*right, Piece(f"{glyphs.between}{shown} ", "quiet")), cells)


def brief(item: Item, moment: Moment, cells: int, glyphs: Glyphs) -> list[Line]:
    """The item under the cursor, below the list: what would run first."""
    return _safely(item, moment, cells, glyphs)


def explain(item: Item, moment: Moment, cells: int, glyphs: Glyphs) -> list[Line]:
    """Everything about one item."""
    name = fit((Piece(f" {lit(item.action, 200)}", "strong"),), cells, glyphs.more)
    return [EMPTY, name, EMPTY, *_safely(item, moment, cells, glyphs)]


def approval_lines(strip: Approval, moment: Moment, cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """What ⏎ would run, over the last line: at most so many lines."""
    proposal = strip.proposal
    left = (
        Piece(" APPROVE ", "key"),
        Piece(lit(proposal.action, 80), "strong"),
        Piece(f"  version {proposal.version}", "quiet"),
    )
    right = (Piece(f"{_left(proposal, moment)} ", "text"),)
    news = [(Piece(" it changed just now: look again", "error"),)] if strip.changed else []
    said = _pairs(
        [
            ("would run", lit(proposal.would_run, 4000)),
            ("about", f"{lit(proposal.title or proposal.rule)}{glyphs.between}{where(proposal.labels, glyphs)}"),
            ("asked by", f"{lit(proposal.rule, 200)}, {lit(proposal.stage, 20)}"),
        ],
        cells,
    )
    lines: list[Line] = [spread(left, right, cells), *news, *said]
    if len(lines) > rows:
        lines = [*lines[: rows - 1], (Piece(" there is more: esc, then ⏎ on the Actions screen shows it", "error"),)]
    return [bar(line, cells, glyphs) for line in lines]


def approval_bar(strip: Approval, cells: int, glyphs: Glyphs) -> Line:
    """The keys of the strip."""
    more = len(strip.proposals) - 1
    others = (Piece("tab", "key"), Piece(f" the next ({more} more)  ")) if more else ()
    yes = (Piece(f" {glyphs.enter}", "key"), Piece(" run it  "))
    return bar((*yes, *others, Piece("esc", "key"), Piece(" leave")), cells, glyphs)


def proposed(proposal: ProposalView, moment: Moment) -> str:
    """A proposal in a line, for the pages of its firing."""
    name = lit(proposal.action, 40)
    if proposal.state == "pending":
        return f"{name}  waits, {_left(proposal, moment)}: {lit(proposal.would_run, 500)}  (A approves, D declines)"
    if proposal.state == "braked":
        return f"{name}  waits, braked by {lit(proposal.reason, 80)}: {lit(proposal.would_run, 500)}  (D declines)"
    return "  ".join(filter(None, (name, lit(proposal.state, 20), _decided(proposal))))


def _row(item: Item, picture: Picture, moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    columns, more = _Columns.at(cells), glyphs.more
    standing = state(item, picture)
    name, tone = ("strong", "text") if item.waits or item.troubled else ("text", "quiet")
    word = pad(standing.text, columns.state, more=more)
    return (
        Piece(pad(_when(item, moment), columns.when, right=True) + " ", tone),
        Piece(word.rstrip(), standing.style),
        Piece(" " * (columns.state - len(word.rstrip()) + 1)),
        Piece(pad(lit(item.action, 80), columns.action, more=more) + " ", name),
        Piece(pad(_about(item, glyphs), columns.about, more=more) + " ", tone),
        Piece(pad(_what(item), columns.what, more=more), tone),
    )


def _when(item: Item, moment: Moment) -> str:
    if item.proposal is not None and item.waits:
        return _left(item.proposal, moment)
    if item.run is not None:
        return f"{moment.since(item.run.at)} ago"
    ended = item.proposal.decided_at if item.proposal is not None else None
    return f"{age(moment.wall - ended)} ago" if ended is not None else ""


def _left(proposal: ProposalView, moment: Moment) -> str:
    return f"{moment.until(proposal.expires_at)} left"


def _about(item: Item, glyphs: Glyphs) -> str:
    title = lit(item.firing.title or item.firing.rule, 200)
    return f"{title}{glyphs.between}{where(item.firing.labels, glyphs)}"


def _what(item: Item) -> str:
    """What would run, or what came of it."""
    if item.proposal is not None and item.waits:
        return lit(item.proposal.would_run, 500)
    by = item.proposal.by if item.proposal is not None else item.run.by if item.run is not None else ""
    said = item.run.detail if item.run is not None else item.proposal.reason if item.proposal is not None else ""
    return ": ".join(filter(None, (lit(by, 40), lit(said, 500))))


def _decided(proposal: ProposalView) -> str:
    by = f"by {lit(proposal.by, 40)}" if proposal.by else ""
    return ": ".join(filter(None, (by, lit(proposal.reason, 500))))


def _safely(item: Item, moment: Moment, cells: int, glyphs: Glyphs) -> list[Line]:
    try:
        lines = _pairs(list(_facts(item, moment, glyphs)), cells)
    except Exception:  # noqa: BLE001  # as in `row`
        lines = [(Piece(f" <unrenderable {lit(item.key, 40)}>", "quiet"),)]
    return [fit(line, cells, glyphs.more) for line in lines]


def _facts(item: Item, moment: Moment, glyphs: Glyphs) -> Iterator[tuple[str, str]]:
    proposal, run, firing = item.proposal, item.run, item.firing
    if proposal is not None:
        yield "would run" if item.waits else "was to run", lit(proposal.would_run, 4000)
    yield "about", _about(item, glyphs)
    stage = proposal.stage if proposal is not None else run.stage if run is not None else ""
    yield "asked by", f"{lit(firing.rule, 200)}, {lit(stage, 20)}; now {lit(firing.state, 20)}"
    if proposal is not None:
        onset, ends = moment.clock(proposal.onset), moment.clock(proposal.expires_at)
        allowed = age(proposal.expires_at - proposal.onset)
        if item.waits:
            yield "until", f"{ends}: {allowed} from the onset at {onset}; version {proposal.version}"
        else:
            yield "decided", "  ".join(filter(None, (lit(proposal.state, 20), _decided(proposal))))
            if proposal.decided_at is not None:
                yield "at", f"{moment.clock(proposal.decided_at)}; proposed {moment.clock(proposal.made_at)}"
        if proposal.state == "braked":
            yield "braked by", f"{lit(proposal.reason, 200)}: its time stands still meanwhile"
    if run is not None:
        by = f", by {lit(run.by, 40)}" if run.by else ""
        yield "run", f"{lit(run.state, 20)} since {moment.engine_clock(run.at)}{by}  ({lit(run.id, 80)})"
        if run.detail:
            yield "said", lit(run.detail, 4000)
        if item.troubled:
            yield "", "E runs it again"
    yield "labels", "  ".join(f"{lit(name, 60)}={lit(value, 200)}" for name, value in sorted(firing.labels.items()))


def _pairs(pairs: list[tuple[str, str]], cells: int) -> list[Line]:
    return [line for name, text in pairs for line in section(name, [text], cells)]
