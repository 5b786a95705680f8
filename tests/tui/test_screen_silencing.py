"""The silence strip and the daemon: who counts what it hides, and who has to be sure."""

from __future__ import annotations

from pathlib import Path

import world
from fake_daemon import FakeDaemon
from seat import sitting

from rtmd.model.replace import replace
from rtmd.wire.silences import SilencePreview, SilenceRequest
from tui.silencing import Commit, SilenceStrip, Unsure, answered, open_strip, press, reopened, weighing
from tui.view.footer import silence_line
from tui.view.glyphs import UNICODE
from tui.view.line import plain

ROWS = [world.firing(f"f{number}", labels={"host": f"h{number}"}) for number in range(3)]
HEAVY = SilencePreview([], 0, 0, "end", 14, 52, 2, ["hides 2 critical at hours"])


def test_the_daemon_is_asked_at_once_and_each_second_and_not_about_many_or_while_it_asks_back() -> None:
    strip = open_strip(ROWS[0], ROWS)
    asked = weighing(strip, 5_000)
    assert asked is not None
    assert weighing(asked, 5_999) is None
    assert weighing(asked, 6_000) is not None
    assert weighing(replace(strip, asks="sure?"), 0) is None
    assert weighing(open_strip(ROWS[0], ROWS, others=ROWS[1:]), 0) is None


def test_an_answer_about_another_scope_is_not_shown() -> None:
    strip = open_strip(ROWS[0], ROWS)
    wide = press(strip, "r", ROWS)
    assert isinstance(wide, SilenceStrip)
    assert answered(strip, strip, HEAVY).weighed == HEAVY
    assert answered(wide, strip, HEAVY).weighed is None


def test_the_line_says_what_the_daemon_counted_and_until_then_what_the_screen_did() -> None:
    strip = open_strip(ROWS[0], ROWS)
    weighed = answered(strip, strip, HEAVY)
    assert "h0 (1)" in plain(silence_line(strip, ROWS, 120, UNICODE))
    assert "h0 (14 of 52, 2 crit)" in plain(silence_line(weighed, ROWS, 120, UNICODE))
    assert "h0 (matches 14 of 52, hides 2 critical)" in plain(silence_line(weighed, ROWS, 160, UNICODE))


def test_a_second_key_is_needed_for_the_reasons_of_the_daemon() -> None:
    strip = open_strip(ROWS[0], ROWS)
    asks = press(answered(strip, strip, HEAVY), "enter", ROWS)
    assert isinstance(asks, SilenceStrip)
    assert asks.asks == "hides 2 critical at hours"
    sure = press(asks, "y", ROWS)
    assert isinstance(sure, Commit)
    assert sure.requests[0].confirm


def test_what_was_made_already_is_not_made_twice_when_the_rest_is_confirmed() -> None:
    strip = open_strip(ROWS[0], ROWS, others=ROWS[1:])
    commit = press(strip, "3", ROWS)
    assert isinstance(commit, Commit)
    sure = press(reopened(strip, commit, Unsure(1, "hides much")), "y", ROWS)
    assert isinstance(sure, Commit)
    hour = commit.requests[0].length
    assert sure.requests == tuple(SilenceRequest(firing=one.id, length=hour, confirm=True) for one in ROWS[1:])


async def test_what_the_daemon_wants_confirmed_is_a_question_in_the_strip(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.asks = ["hides 60 of 80 open firings"]
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("negative-share")
        await seat.press("s", "u")
        await seat.sees("hides 60 of 80 open firings  y silence 8h  esc back")
        assert not any("not silenced" in text for text in seat.said)
        await seat.press("y")
        await seat.sees("⊘ SIL")
        kinds = [(verb, request.confirm, request.lift) for verb, request in daemon.requests]
        assert kinds == [("silence", False, "resolved"), ("silence", True, "resolved")]


async def test_a_preview_that_is_refused_leaves_the_count_of_the_screen(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("negative-share")
        del daemon.firings["f01"]
        await seat.press("s")
        await seat.until(lambda: not seat.app.screen._weighing)
        assert "SILENCE negative-share acme · launch (1)" in seat.text
        assert seat.said == []
