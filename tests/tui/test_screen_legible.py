"""Without colour: each state has its mark and its word, and no two of them read the same.

The states are those of one firing that is otherwise the same, drawn with the header over it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import world

from rtmd.wire import FiringView
from tui.picture import Picture
from tui.view.glyphs import ASCII, UNICODE, Glyphs
from tui.view.header import header
from tui.view.line import plain
from tui.view.moment import Moment
from tui.view.row import row

NOW = Moment(mono=10_000, wall=world.WALL, at=world.AT)


def base(**changes: object) -> FiringView:
    """A new warning of the minutes."""
    return world.firing("f", "SM.", **changes)


class State(NamedTuple):
    """What a state looks like: its mark, the same in ASCII, its word (wide), and its short one (80 cells)."""

    make: Callable[[], FiringView]
    mark: str
    ascii_mark: str
    word: str
    short: str
    link_lost: bool = False


STATES = {
    "critical": State(lambda: base(severity="critical"), "▲", "!!", "CRIT", "▲ C"),
    "warning": State(base, "◆", "! ", "WARN", "◆ W"),
    "info": State(lambda: base(severity="info"), "●", ". ", "INFO", "● I"),
    "ok": State(lambda: base(state="resolved", resolved_at=world.AT - 9_000), "✓", "ok", "OK", "OK"),
    "silenced": State(
        lambda: base(silenced_by=["s1"], silenced_until=world.WALL + 60_000, silencer="bo"), "⊘", "zz", "SIL", "SIL"
    ),
    "proposal": State(lambda: base(proposals=[world.proposal(of="f")]), "?", "?", "reply-post", "?"),
    "owned": State(lambda: base(ack=world.ack("bo")), "", "", "ack bo", "ack bo"),
    "no data": State(lambda: base(flags=["unfed"]), "∅", "--", "NODATA", "∅"),
    "stale link": State(base, "■", "##", "STALE", "STALE", link_lost=True),
    "stage seconds": State(lambda: world.firing("f", "S.."), "S··", "S..", "S", "S"),
    "stage hours": State(lambda: world.firing("f", "SMH"), "SMH", "SMH", "SMH", "SMH"),
    "stage pending": State(lambda: world.firing("f", "SMh"), "SMh", "SMh", "SMh", "SMh"),
    "stage absent": State(lambda: world.firing("f", "SM "), "SM ", "SM ", "SM", "SM"),
}
# The third column of the ladder is quiet in the others; of those that nobody has, `new` is told everywhere else.
NEW = tuple(name for name in STATES if name not in ("ok", "silenced", "owned"))


def text(name: str, cells: int, glyphs: Glyphs) -> str:
    """The header and the row in that state, without a style."""
    state = STATES[name]
    one = state.make()
    picture = Picture()
    picture.hear(world.snapshot([one]), NOW.mono)
    if state.link_lost:
        picture.lost("gone", NOW.mono + 4_000)
    return f"{plain(header(picture, NOW, cells, glyphs))}\n{plain(row(one, NOW, cells, glyphs))}"


@pytest.mark.parametrize("name", STATES)
def test_a_state_has_its_mark_and_its_word_and_reads_like_no_other(name: str) -> None:
    state = STATES[name]
    for cells, word in ((120, state.word), (80, state.short)):
        assert word in text(name, cells, UNICODE)
        for glyphs, mark in ((UNICODE, state.mark), (ASCII, state.ascii_mark)):
            own = text(name, cells, glyphs)
            assert mark in own
            for other in STATES.keys() - {name}:
                assert text(other, cells, glyphs) != own, other


@pytest.mark.parametrize("name", STATES)
def test_what_nobody_has_says_so(name: str) -> None:
    for cells in (80, 120):
        assert ("NEW" in text(name, cells, UNICODE).splitlines()[1]) is (name in NEW)
        assert ("new 1" in text(name, cells, UNICODE)) is (name in NEW)
