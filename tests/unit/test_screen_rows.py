"""WHO / STATE where there is little room, or little to say."""

from __future__ import annotations

import pytest
import world

from tui.view.glyphs import UNICODE
from tui.view.line import plain, width
from tui.view.moment import Moment
from tui.view.row import row, state

NOW = Moment(mono=0, wall=world.WALL, at=world.AT)


@pytest.mark.parametrize(
    ("clears_at", "said"), [(world.AT, "RECOVERING"), (world.AT + 9_000, "RECOVERING 9s"), (None, "RECOVERING")]
)
def test_a_recovery_without_an_end_to_wait_for_counts_nothing(clears_at: int | None, said: str) -> None:
    stages = [world.stage("seconds", "recovering", clears_at=clears_at)]
    firing = world.firing(state="recovering", stages=stages)
    assert plain(state(firing, NOW, UNICODE, wide=True)) == said


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (100, "ack ana 12m ? post-reply 11m"),
        (28, "ack ana 12m ? post-reply 11m"),
        (24, "ack ana 12m ? 11m"),
        (15, "ack ana 12m ?"),
    ],
)
def test_the_words_of_an_action_give_way_before_they_are_cut(cells: int, said: str) -> None:
    firing = world.firing(ack=world.ack(), proposals=[world.proposal(action="post-reply")])
    assert plain(state(firing, NOW, UNICODE, wide=True, cells=cells)) == said


@pytest.mark.parametrize("cells", [80, 99, 100, 101, 120, 160])
@pytest.mark.parametrize("raised", [True, False])
def test_an_action_is_whole_in_every_row_with_an_owner(cells: int, *, raised: bool) -> None:
    firing = world.firing(ack=world.ack(raised=raised), proposals=[world.proposal(action="post-reply")])
    line = row(firing, NOW, cells, UNICODE)
    assert width(line) <= cells
    assert plain(line).rstrip().endswith(("? post-reply 11m", "? 11m", "?"))
