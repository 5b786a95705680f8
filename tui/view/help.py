"""The help screen: keys, columns and marks on one page."""

from __future__ import annotations

from collections.abc import Iterator

from tui.keymap import STRIP, Key
from tui.view.glyphs import Glyphs
from tui.view.line import EMPTY, Line, Piece, fit, pad, wrap

_ROWS = (
    ("STG", "stages of the rule: S M H burn, s m h are pending, · is quiet, blank: no such stage"),
    ("VALUE", "the latest value of the signal, beside the threshold of the stage"),
    ("FOR", "how long it fires: 47s 12m 3h05 2d"),
    ("NEW", "nobody has it"),
    ("ack ana 12m", "ana has it for 12 more minutes; `raised` (narrow: ↑) before it: it rose since"),
    ("SIL 14m bo", "silenced by bo for 14 more minutes; a rise to a higher stage breaks through"),
    ("INH site-down", "site-down fires and explains it: nobody is told of this one meanwhile"),
    ("RECOVERING 9s", "its condition ended; resolves in 9 s unless it comes back"),
    ("NODATA", "no data feeds it any more: the last state known stays"),
    ("OK", "resolved; the row goes after 30 s, never while the cursor is on it"),
)


def help_page(name: str, table: tuple[Key, ...], cells: int, glyphs: Glyphs, leaving: str) -> list[Line]:
    """Everything there is to press on a screen, and to read; `leaving` says what becomes of the daemon."""
    lines = [
        *_keys(f"On the screen {name}", table, cells, glyphs),
        *(_keys("In the silence strip", STRIP, cells, glyphs) if any(key.verb == "silence" for key in table) else ()),
        EMPTY,
        (Piece(" What the rows say", "head"),),
        *(line for name, text in _ROWS for line in _pair(name, text, cells, glyphs)),
        EMPTY,
        (Piece(" Order: nobody's first, then severity, stage (hours first), newest.", "quiet"),),
        (Piece(" The order is held for 3 s after you move; the row under the cursor keeps its place.", "quiet"),),
        (Piece(f" {leaving}.", "quiet"),),
    ]
    return [fit(line, cells, glyphs.more) for line in lines]


def _keys(name: str, table: tuple[Key, ...], cells: int, glyphs: Glyphs) -> list[Line]:
    rows = [line for key in table if key.keys for line in _pair(key.label, key.help, cells, glyphs)]
    return [EMPTY, (Piece(f" {name}", "head"),), *rows]


def _pair(name: str, text: str, cells: int, glyphs: Glyphs) -> Iterator[Line]:
    lead = f"   {pad(glyphs.words(name), 14)}"
    for part in wrap(glyphs.words(text), max(20, cells - len(lead) - 1)):
        yield (Piece(lead, "key"), Piece(part, "text"))
        lead = " " * len(lead)
