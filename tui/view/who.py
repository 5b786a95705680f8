"""Who looks, on one page: whoever follows the stream of the daemon, oneself first."""

from __future__ import annotations

from rtmd.model.display import age
from rtmd.wire.watchers import WatcherView
from tui.picture import Picture
from tui.view.glyphs import Glyphs
from tui.view.line import EMPTY, Line, Piece, fit, lit, pad
from tui.view.moment import Moment

_NAME, _SINCE = 18, 26


def who_page(picture: Picture, moment: Moment, cells: int, glyphs: Glyphs) -> list[Line]:
    """A line each: name, since when, from where; with several screens, how many."""
    if picture.status is None:
        return [EMPTY, (Piece("   not known yet", "quiet"),)]
    everybody = sorted(picture.status.watching, key=lambda each: (each.name != picture.you, each.name))
    heading = (Piece(f"   {pad('WHO', _NAME)} {pad('SINCE', _SINCE)} FROM", "head"),)
    lines = [heading, *(_line(each, moment, glyphs, is_you=each.name == picture.you) for each in everybody)]
    return [EMPTY, *(fit(line, cells, glyphs.more) for line in lines)]


def _line(watcher: WatcherView, moment: Moment, glyphs: Glyphs, *, is_you: bool) -> Line:
    since = f"{moment.clock(watcher.since)} ({age(moment.wall - watcher.since)})"
    name = lit(watcher.name, 60) + (" (you)" if is_you else "")
    told = [", ".join(lit(origin, 60) for origin in watcher.origins)]
    told += [f"{watcher.screens} screens"] if watcher.screens > 1 else []
    return (
        Piece(f"   {pad(name, _NAME)} ", "strong"),
        Piece(f"{pad(since, _SINCE)} ", "text"),
        Piece(glyphs.between.join(told), "text"),
    )
