"""The header: is it live, what is new and nobody's, who has the rest, what is hidden.

Slots stand in a fixed order. Where they do not fit, all become short first; then the clock leaves, the rate of samples
and who looks (the rate last, where nobody else does), then the others from the right. Link, new and silenced never
leave.
"""

from __future__ import annotations

from msgspec import Struct

from rtmd.model.display import age
from tui.counts import Counts
from tui.picture import LinkState, Picture
from tui.view.glyphs import STYLES, Glyphs
from tui.view.line import Line, Piece, cut, figure, fit, lit, spread, styled, width
from tui.view.moment import Moment, countdown


class _Slot(Struct, frozen=True):
    """One part of the header in its long and its short form."""

    long: Line
    short: Line
    stays: bool = False


def header(picture: Picture, moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    """The first line of every screen."""
    counts = picture.counts
    left = [
        _name(picture, glyphs),
        _link(picture, moment, glyphs),
        *(
            []
            if picture.status is None
            else [
                _open(counts, glyphs),
                _acked(counts),
                _silenced(picture, counts, moment, glyphs),
                _unfed(counts, glyphs),
                _proposals(counts),
            ]
        ),
    ]
    rate, who, clock = _rate(picture), _who(picture), _clock(moment)
    right = [] if picture.status is None else [rate, who, clock]
    for is_long in (True, False):
        line = _join(left, right, cells, is_long=is_long)
        if line is not None:
            return line
    for kept in ([rate, who], [who if picture.others else rate], []) if right else ():
        line = _join(left, kept, cells, is_long=False)
        if line is not None:
            return line
    return _squeeze(left, cells)


def hold(picture: Picture, moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    """The line under the header while all actions are held; empty otherwise."""
    held = picture.status.hold if picture.status is not None else None
    if held is None:
        return ()
    since = f" HELD by {lit(held.by, 40)} since {moment.clock(held.at)}: "
    tail = glyphs.words(" · nothing runs · H lifts ")
    room = max(10, cells - width((Piece(since), Piece(tail))))
    line = fit((Piece(f"{since}{cut(lit(held.reason, 300), room, glyphs.more)}{tail}"),), cells, glyphs.more)
    return styled((*line, Piece(" " * (cells - width(line)))), "stale")


def counters(picture: Picture, glyphs: Glyphs) -> str:
    """The counters alone, for screens that are too small for anything else."""
    counts = picture.counts
    severities = " ".join(f"{glyphs.of(name)}{counts.severity[name]}" for name in STYLES)
    return f"{severities} new {counts.new} ack {counts.acked} {glyphs.silenced} {counts.silenced}"


def _squeeze(left: list[_Slot], cells: int) -> Line:
    kept = list(left)
    for slot in reversed(left):
        if width(_row(kept, is_long=False)) <= cells:
            break
        if not slot.stays:
            kept.remove(slot)
    return fit(_row(kept, is_long=False), cells)


def _join(left: list[_Slot], right: list[_Slot], cells: int, *, is_long: bool) -> Line | None:
    head = _row(left, is_long=is_long)
    tail = _row(right, is_long=is_long, between="  ")
    if width(head) + (width(tail) + 2 if tail else 0) > cells:
        return None
    return spread(head, tail, cells) if tail else head


def _row(slots: list[_Slot], *, is_long: bool, between: str = "") -> Line:
    gap = between or ("   " if is_long else "  ")
    pieces: list[Piece] = []
    for slot in slots:
        part = slot.long if is_long else slot.short
        if part:
            pieces += [*([Piece(gap)] if pieces else []), *part]
    return tuple(pieces)


def _name(picture: Picture, glyphs: Glyphs) -> _Slot:
    name = lit(picture.status.name, 24) if picture.status else ""
    dry = picture.status is not None and not picture.status.react
    mode = (Piece(" "), Piece("DRY RUN", "new")) if dry else ()
    label = (Piece(" rtmd", "strong"), Piece(f" {name}" if name else "", "text"))
    return _Slot((*label, *mode), (*label, *mode) if not glyphs.ascii_only or dry else label)


def _link(picture: Picture, moment: Moment, glyphs: Glyphs) -> _Slot:
    link = picture.link
    if link.state is LinkState.LIVE and not link.stale(moment.mono):
        ago = (moment.mono - link.heard) / 1000
        line: Line = (Piece(f"{glyphs.live} LIVE", "strong"), Piece(f" {ago:.1f}s", "quiet"))
        return _Slot(line, line, stays=True)
    if link.heard == 0:
        line = (Piece(f" {glyphs.stale} NO LINK ", "stale"),) if link.problem else (Piece("connecting", "quiet"),)
        return _Slot(line, line, stays=True)
    dead = f" {glyphs.stale} STALE {countdown(moment.mono - link.heard)} "
    if link.state is not LinkState.LOST:
        line = (Piece(dead, "stale"),)
        return _Slot(line, line, stays=True)
    wait = max(0, link.retry_at - moment.mono + 999) // 1000
    return _Slot((Piece(f"{dead}retry in {wait}s ", "stale"),), (Piece(f"{dead}retry {wait}s ", "stale"),), stays=True)


def _open(counts: Counts, glyphs: Glyphs) -> _Slot:
    pieces: list[Piece] = []
    short: list[Piece] = []
    for severity, style in STYLES.items():
        count = counts.severity[severity]
        tone = style if count else "quiet"
        text = f"{glyphs.of(severity).strip()}{' ' if glyphs.ascii_only else ''}{count}"
        pieces += [Piece("  " if pieces else ""), Piece(text, tone)]
        short += [Piece(" " if short else ""), Piece(text, tone)]
        if severity == "critical":
            fresh = Piece(f"new {counts.new}", "strong" if counts.new else "quiet")
            pieces += [Piece(" "), fresh]
            short += [Piece(" "), fresh]
    return _Slot(tuple(pieces), tuple(short), stays=True)


def _acked(counts: Counts) -> _Slot:
    line = (Piece(f"ack {counts.acked}", "text" if counts.acked else "quiet"),)
    return _Slot(line, line)


def _silenced(picture: Picture, counts: Counts, moment: Moment, glyphs: Glyphs) -> _Slot:
    silences = picture.status.silences if picture.status else 0
    tone = "text" if silences else "quiet"
    short = Piece(f"{glyphs.silenced} {silences}", tone)
    if counts.next_end is None:
        return _Slot((short,), (short,), stays=True)
    ends = age(counts.next_end - moment.wall)
    return _Slot((short, Piece(f" (next in {ends})", "quiet")), (short, Piece(f" ({ends})", "quiet")), stays=True)


def _unfed(counts: Counts, glyphs: Glyphs) -> _Slot:
    """Open firings that nothing feeds any more; nothing where all are fed."""
    unfed = sum(counts.unfed.values())
    line = (Piece(f"{glyphs.no_data} {unfed}", "nodata"),) if unfed else ()
    return _Slot(line, line)


def _proposals(counts: Counts) -> _Slot:
    """What waits for a decision; nothing where nothing does."""
    line = (Piece(f"? {counts.proposals}", "act"),) if counts.proposals else ()
    return _Slot(line, line)


def _rate(picture: Picture) -> _Slot:
    rate = picture.status.samples_per_second if picture.status else 0.0
    text = f"{rate / 1000:.1f}k" if rate >= 1000 else figure(round(rate))
    line = (Piece(f"{text} ev/s", "quiet"),)
    return _Slot(line, line)


def _who(picture: Picture) -> _Slot:
    if not picture.you:
        return _Slot((), ())
    you, role, others = lit(picture.you, 16), lit(picture.role, 10), len(picture.others)
    if not others:
        return _Slot((Piece(f"{you}@{role}", "quiet"),), (Piece(you, "quiet"),))
    more = f"+{others} op{'' if others == 1 else 's'}"
    return _Slot(
        (Piece(f"{you}@{role} ", "quiet"), Piece(more, "text")), (Piece(f"{you} ", "quiet"), Piece(more, "text"))
    )


def _clock(moment: Moment) -> _Slot:
    return _Slot(
        (Piece(moment.clock(moment.wall) + " ", "text"),),
        (Piece(moment.clock(moment.wall, seconds=False) + " ", "text"),),
    )
