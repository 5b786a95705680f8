"""The story of a firing as lines: what happened when, to whom it went, and where each receiver stands now.

The daemon tells it (`ExplainView`), from what was written down; this is only its layout. The values that a stage
fired on stand with that stage, so they are left out here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from rich.cells import cell_len

from rtmd.wire.explain import EntryView, ExplainView, StandingView
from tui.view.glyphs import Glyphs
from tui.view.line import EMPTY, Line, Piece, fit, lit, pad, section, wrap
from tui.view.moment import Moment

MOST = 500  # entries, the latest; `rtmd explain` has all
_KIND = 11  # cells
_LEAST = 20  # cells for a text, however narrow the screen is
_SHOUTED = {"told": "strong", "delivery": "strong", "suppressed": "sil"}  # what is sought first
_MINUTE = 60_000


class StoryPage:
    """A story, laid out once: it may be long, and a screen is drawn often."""

    def __init__(self) -> None:
        self._of: ExplainView | None = None
        self._for: Hashable = None
        self._lines: list[Line] = []

    def lines(self, told: ExplainView, receiver: str, moment: Moment, cells: int, glyphs: Glyphs) -> list[Line]:
        """The story's lines."""
        # Times say their day where that is another one: each minute is soon enough for that.
        wanted = (receiver, cells, moment.utc, moment.wall // _MINUTE, glyphs.more)
        if told is not self._of or wanted != self._for:
            self._of, self._for = told, wanted
            self._lines = [fit(line, cells, glyphs.more) for line in story(told, receiver, moment, cells)]
        return self._lines


def story(told: ExplainView, receiver: str, moment: Moment, cells: int) -> Iterator[Line]:
    """The latest of it, oldest first, or what of it concerned one receiver."""
    whose = f", as far as {lit(receiver, 60)} is concerned" if receiver else ""
    yield EMPTY
    yield (Piece(f" story{whose}", "head"),)
    if told.truncated or len(told.entries) > MOST:
        yield (Piece(" the oldest of it is left out", "quiet"),)
    yield from _entries(told.entries[-MOST:], moment, cells)
    if told.now:
        yield EMPTY
        yield from section("now", [_standing(each, moment) for each in told.now], cells)


def _entries(entries: Sequence[EntryView], moment: Moment, cells: int) -> Iterator[Line]:
    times = [moment.clock(entry.at) for entry in entries]
    edge = max(map(cell_len, times), default=0)
    for when, entry in zip(times, entries, strict=True):
        style = _SHOUTED.get(entry.kind, "text")
        lead = f" {pad(when, edge)}  {pad(lit(entry.kind, 20), _KIND)}  "
        room = max(_LEAST, cells - len(lead) - 1)
        for part in wrap(lit(entry.text), room):
            yield (Piece(lead, "quiet"), Piece(part, style))
            lead = " " * len(lead)
        for more in entry.more if entry.kind != "transition" else ():
            for part in wrap(lit(more), room):
                yield (Piece(lead), Piece(part, "quiet"))


def _standing(standing: StandingView, moment: Moment) -> str:
    return f"{lit(standing.receiver, 60)}: {lit(standing.sentence(moment.clock))}"
