"""What stands in place of the list when it has no rows: quiet, unreachable and filtered are different things."""

from __future__ import annotations

from tui.picture import Picture
from tui.roster import Roster
from tui.view.glyphs import Glyphs
from tui.view.info import proof_of_life
from tui.view.line import Line, Piece, fit, lit, wrap
from tui.view.moment import Moment
from tui.view.row import where

_FIRST_RULES = (
    "No rules are loaded.",
    "",
    "1  put rule files (*.toml) into the daemon's rules folder: they are used as soon as they are saved",
    "2  import what you have:  rtmd import prometheus FILE.yml",
    "3  see how it works first:  rtmd demo",
)


def empty(picture: Picture, roster: Roster, moment: Moment, cells: int, glyphs: Glyphs) -> list[Line]:
    """The lines of an empty list."""
    status = picture.status
    if status is None:
        lines = _unreached(picture, moment, cells)
    elif roster.filter:
        total = picture.counts.open
        lines = [_say(f'0 of {total} match "{lit(roster.filter.text, 100)}" · esc clears', "strong")]
    elif status.rules == 0:
        lines = [_say(text, "text" if index else "strong") for index, text in enumerate(_FIRST_RULES)]
    else:
        lines = [_say("Nothing firing.", "strong"), _say(proof_of_life(status, moment, glyphs), "quiet")]
        lines += _resolved(picture, moment, glyphs)
    words = [tuple(Piece(glyphs.words(piece.text), piece.style) for piece in line) for line in lines]
    return [(), *(fit(line, cells, glyphs.more) for line in words)]


def too_small(cells: int, rows: int, counters: str) -> list[Line]:
    """The message below 60×12, with the counters still there."""
    lines = [(Piece("terminal too small", "strong"),), (Piece("(need 60x12)", "quiet"),), (Piece(counters, "text"),)]
    return [fit(line, cells) for line in lines][:rows]


def _say(text: str, style: str) -> Line:
    return (Piece(f"  {text}", style),)


def _unreached(picture: Picture, moment: Moment, cells: int) -> list[Line]:
    if not picture.link.problem:
        return [_say("connecting …", "quiet")]
    lines = [_say(part, "strong") for part in wrap(lit(picture.link.problem), cells - 4)]
    wait = max(0, picture.link.retry_at - moment.mono + 999) // 1000
    return [*lines, _say(f"next try in {wait}s · r tries now · q quits", "quiet")]


def _resolved(picture: Picture, moment: Moment, glyphs: Glyphs) -> list[Line]:
    """The last five that ended."""
    ended = [firing for firing in picture.firings.values() if firing.resolved_at is not None]
    ended.sort(key=lambda firing: -(firing.resolved_at or 0))
    lines: list[Line] = [(), _say("Resolved lately", "head")] if ended else []
    for firing in ended[:5]:
        ago = moment.since(firing.resolved_at or 0)
        lines.append(
            _say(f"{glyphs.ok} {ago:>4} ago   {lit(firing.rule, 60)}  {where(firing.labels, glyphs)}", "quiet")
        )
    return lines
