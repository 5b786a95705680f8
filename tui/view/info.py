"""The lines around the list: what is shown and hidden, what is wrong with the rules, what to try next."""

from __future__ import annotations

from rtmd.model.display import age
from rtmd.wire import StatusView
from tui.members import Sort
from tui.picture import Picture
from tui.roster import Grouping, Roster
from tui.view.glyphs import Glyphs
from tui.view.line import Line, Piece, figure, fit, lit, spread, styled, width
from tui.view.moment import Moment


def info(picture: Picture, roster: Roster, moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    """Marks, filter, order and hold on the left, what is shown and hidden on the right."""
    left: list[Piece] = []
    if roster.frozen:
        left += [Piece(" "), Piece(" FROZEN ", "new"), Piece(f" {figure(roster.queued)} new wait (Z)", "strong")]
    if roster.marks:
        left.append(Piece(f" {glyphs.mark} {figure(len(roster.marks))} marked ", "strong"))
    if roster.filter:
        left += [Piece(" filter: ", "quiet"), Piece(lit(roster.filter.text, 200), "strong"), Piece("  ")]
    if roster.sort is not Sort.URGENCY:
        left.append(Piece(f" by {roster.sort.value} (=) ", "strong"))
    held = roster.held_until - moment.mono
    if held > 0 and not roster.frozen:
        left.append(Piece(f" sort held {(held + 999) // 1000}s", "quiet"))
    total = picture.counts.open
    right = [Piece(_above(roster, glyphs), "strong"), Piece(_shown(roster, total), "quiet")]
    if roster.hidden:
        right += [Piece(f"   {glyphs.silenced} {roster.hidden} silenced hidden (x)", "text")]
    elif roster.show_silenced:
        right += [Piece("   silenced shown (x)", "quiet")]
    return spread(tuple(left), (*right, Piece(" ")), cells)


def storm(picture: Picture, roster: Roster, moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    """What is going on while there is too much to read: how much, what began it, what there is most of."""
    by_rule = roster.members.by_rule
    if not roster.grouped or roster.grouping is not Grouping.AUTO or len(by_rule) == len(roster.members.keys):
        return ()
    began = min(by_rule, key=lambda rule: roster.members.oldest(rule, picture))
    first = roster.members.oldest(began, picture)
    most = sorted(by_rule, key=lambda rule: (-len(by_rule[rule]), rule))[:3]
    line = [
        Piece(f" STORM {figure(picture.counts.open)} firings / {len(by_rule)} rules", "strong"),
        Piece(glyphs.words(" · first "), "quiet"),
        Piece(f"{lit(began, 40)} {moment.engine_clock(first)}", "text"),
    ]
    before = glyphs.words(" · most ")
    for rule in most:
        parts = (Piece(before, "quiet"), Piece(f"{lit(rule, 40)} {figure(len(by_rule[rule]))}", "text"))
        if width((*line, *parts)) > cells:
            break
        line += parts
        before = ", "
    hint = Piece(glyphs.words(" · l opens, h closes"), "quiet")
    return fit((*line, hint) if width((*line, hint)) <= cells else tuple(line), cells, glyphs.more)


def rule_error(status: StatusView | None, cells: int, glyphs: Glyphs) -> Line:
    """The first rule file that cannot be used, and how many more; empty when all is well."""
    if status is None or not status.rule_errors:
        return ()
    first, *more = status.rule_errors
    place = lit(first.file, 200) + (f":{first.line}" if first.line else "")
    tail = f"  (+{len(more)} more)" if more else ""
    line = (Piece(f" {glyphs.fails} {place}: ", "error"), Piece(lit(first.problem, 500), "text"))
    room = cells - len(tail)
    return (*fit(line, room, glyphs.more), Piece(tail, "quiet"))


def notice(picture: Picture, moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    """What is wrong with the link, or else the newest notice of the daemon (gaps, degraded parts)."""
    status = picture.status
    if status is not None and picture.link.problem and picture.link.stale(moment.mono):
        text = f" {glyphs.stale} {lit(picture.link.problem, 500)} {glyphs.words('· r tries now')}"
        return fit((Piece(text, "strong"),), cells, glyphs.more)
    if status is None or not status.notices:
        return ()
    return fit((Piece(f" {glyphs.no_data} {lit(status.notices[-1], 500)}", "warn"),), cells, glyphs.more)


def coach(status: StatusView | None, cells: int, glyphs: Glyphs) -> Line:
    """What to try next, in the demo."""
    if status is None or not status.coach:
        return ()
    line = fit((Piece(f" {lit(status.coach, 500)}"),), cells, glyphs.more)
    return styled((*line, Piece(" " * (cells - width(line)))), "coach")


def proof_of_life(status: StatusView, moment: Moment, glyphs: Glyphs, *, hint: str = " (x)") -> str:
    """Rules, freshness and feed in one sentence: quiet, and not dead; `hint` is the key that shows what is hidden."""
    ago = max(0, moment.at - status.evaluated_at)
    fresh = f"{ago / 1000:.1f}s" if ago < 10_000 else age(ago)
    rate = status.samples_per_second
    feed = f"{rate / 1000:.1f}k" if rate >= 1000 else f"{rate:.0f}"
    parts = [_count(status.rules, "rule"), f"last evaluation {fresh} ago", f"{feed} ev/s"]
    hide = (
        f" {'hides' if status.silences == 1 else 'hide'} {_count(status.silenced, 'firing')}{hint}"
        if status.silenced
        else ""
    )
    parts.append(_count(status.silences, "silence") + hide)
    return glyphs.between.join(parts)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _shown(roster: Roster, total: int) -> str:
    rows = len(roster.order)
    if rows <= roster.height and not roster.top:
        return f"{rows} of {total} shown" if roster.filter else f"{total} open"
    first = roster.top + 1
    return f"{first}-{min(rows, roster.top + roster.height)} of {rows}"


def _above(roster: Roster, glyphs: Glyphs) -> str:
    return f"{glyphs.above} {roster.top} above   " if roster.top else ""
