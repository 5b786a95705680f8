"""The application against the scripted daemon: every key, every state, and what is repainted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import world
from fake_daemon import FakeDaemon
from seat import START, Seat, sitting

from rtmd.wire import AckRequest, FiringView
from rtmd.wire.silences import ExpireRequest, SilenceRequest
from tui.app import RtmdApp
from tui.client import Client
from tui.keymap import LIVE
from tui.options import Options
from tui.screens.live import LiveScreen
from tui.screens.reading import ReadingScreen
from tui.view.glyphs import UNICODE
from tui.view.help import help_page
from tui.view.line import plain
from tui.widgets.table import FiringTable


def rows(count: int) -> list[FiringView]:
    """Many calm rows, newest first."""
    return [
        world.firing(f"f{n:03}", rule=f"rule-{n:03}", labels={"n": str(n)}, fired_at=world.AT - n * 1000)
        for n in range(count)
    ]


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 50)])
async def test_live_shows_header_rows_and_keys(tmp_path: Path, size: tuple[int, int]) -> None:
    async with sitting(tmp_path, FakeDaemon(), size) as seat:
        await seat.sees("LIVE", "negative-share", "? keys", "silenced hidden (x)")
        assert ("⏎ why ─" in seat.text) is (size[0] >= 120)
        assert len(seat.text.splitlines()) == size[1]


async def test_quiet_and_too_small_and_back(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon([]), (120, 30)) as seat:
        await seat.sees("Nothing firing.", "212 rules · last evaluation")
        await seat.pilot.resize_terminal(50, 10)
        await seat.sees("terminal too small", "new 0")
        assert "Nothing firing" not in seat.text
        await seat.pilot.resize_terminal(80, 24)
        await seat.sees("Nothing firing.")


async def test_cursor_keys_move_by_identity_and_page(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(rows(60)), (80, 24)) as seat:
        await seat.sees("rule-000")
        height = seat.app.desk.roster.height
        assert height == 20
        steps = (("j", 1), ("down", 2), ("k", 1), ("up", 0), ("G", 59), ("g", 0), ("pagedown", height))
        for key, place in (*steps, ("pageup", 0), ("ctrl+d", height // 2), ("ctrl+u", 0), ("end", 59), ("home", 0)):
            await seat.press(key)
            assert seat.cursor == f"f{place:03}", key
        await seat.press("G")
        await seat.sees("rule-059", "↑ 40 above")


async def test_ack_is_one_key_with_the_version_that_was_seen(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("negative-share")
        await seat.press("a")
        await seat.sees("ack ana 15m", "acknowledged negative-share")
        assert seat.daemon.requests == [("ack", AckRequest(firing="f01", version=1))]


async def test_taking_over_anothers_ack_needs_a_second_key(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon([world.firing(ack=world.ack("bo"))])) as seat:
        await seat.press("a")
        await seat.sees("bo has it for 12m more: take over?")
        await seat.press("x", "escape")
        assert not seat.daemon.requests
        await seat.press("a", "y")
        await seat.sees("ack ana 15m")


async def test_silence_is_two_keys_and_can_be_undone(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("negative-share")
        await seat.press("s")
        await seat.sees("SILENCE negative-share acme · launch (1 of 10)", "2 [15m]", "⏎ 15m")
        await seat.press("enter")
        await seat.sees("⊘ SIL 15m ana", "⊘ 15m until 14:18:07Z · U undo", "⊘ 2")
        assert seat.daemon.requests == [("silence", SilenceRequest(firing="f01", length=900_000))]
        await seat.press("U")
        await seat.sees("silence of negative-share lifted")
        assert seat.daemon.requests[-1] == ("silence/expire", ExpireRequest(id="s101"))
        await seat.until(lambda: not seat.app.desk.picture.firings["f01"].silenced_by)


async def test_the_undo_ends_after_ten_seconds(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.press("s", "1")
        await seat.sees("U undo")
        seat.passed = 10_001
        seat.app.desk.picture.link.heard = START + seat.passed
        await seat.press("U")
        await seat.sees("nothing to undo")
        assert len(seat.daemon.requests) == 1


async def test_rule_wide_is_three_keys_and_escape_leaves_one_layer_at_a_time(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon([*rows(3), world.firing("x", rule="rule-000")])) as seat:
        await seat.press("s", "e", "5")
        await seat.sees("for 5")
        await seat.press("escape")
        await seat.sees("[15m]")
        await seat.press("escape")
        await seat.sees("? keys")
        await seat.press("s", "r", "3")
        await seat.until(lambda: seat.daemon.requests)
        assert seat.daemon.requests == [("silence", SilenceRequest(firing="f000", rule_wide=True, length=3_600_000))]


async def test_x_shows_and_hides_the_silenced(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("⊘ 2 silenced hidden (x)")
        await seat.press("x")
        await seat.sees("gc-pause", "SIL 14m cy", "silenced shown (x)")
        await seat.press("x")
        await seat.sees("⊘ 2 silenced hidden (x)")


async def test_why_opens_on_the_cursor_goes_to_neighbours_and_back(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), (120, 60)) as seat:
        await seat.sees("negative-share")
        await seat.press("enter")
        await seat.sees("WHY  negative-share", "✓ window", "✗ guard", "48 200  @ana", "story")
        await seat.press("]")
        await seat.sees("WHY  tls-handshake-fail")
        await seat.press("[")
        await seat.sees("WHY  negative-share")
        await seat.press("j", "k", "G", "g", "pagedown", "pageup", "ctrl+d", "ctrl+u", "space")
        await seat.press("a")
        await seat.sees("acknowledged")
        await seat.press("escape")
        await seat.until(lambda: isinstance(seat.app.screen, LiveScreen))


async def test_the_filter_narrows_while_typing_keeps_and_clears(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.press(*"/sev:crit")
        await seat.sees("/ sev:crit", "tls-handshake-fail")
        assert "hashtag-rising" not in seat.text
        await seat.press("enter")
        await seat.sees("filter: sev:crit", "? keys")
        await seat.press("a")
        await seat.until(lambda: seat.daemon.requests)
        await seat.press("escape")
        await seat.sees("hashtag-rising")
        await seat.press(*"/zzz")
        await seat.sees('0 of 10 match "zzz"')
        await seat.press("backspace", "ctrl+u", "escape")
        await seat.sees("hashtag-rising")


async def test_letters_typed_into_the_filter_never_act(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.press(*"/asUyq", "enter")
        await seat.sees('match "asUyq"')
        assert not seat.daemon.requests
        assert seat.app.is_running


async def test_zone_help_and_log_have_their_keys(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("14:03:07Z")
        await seat.press("T")
        await seat.until(lambda: "14:03:07Z" not in seat.text)
        await seat.press("T", "?")
        await seat.sees("On the screen Live", "acknowledge")
        await seat.press("escape", "s", "enter")
        await seat.sees("U undo")
        await seat.press("m")
        await seat.until(lambda: isinstance(seat.app.screen, ReadingScreen))
        await seat.sees("⊘ 15m until")
        await seat.press("q")
        await seat.until(lambda: isinstance(seat.app.screen, LiveScreen))


async def test_a_hasty_second_key_leaves_no_more_than_the_screen_in_front(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("negative-share")
        await seat.press("?")
        await seat.sees("esc back")
        front = seat.app.screen
        assert isinstance(front, ReadingScreen)
        front.do_back()
        front.do_back()  # typed before the first one was done
        await seat.sees("negative-share", "? keys")
        assert isinstance(seat.app.screen, LiveScreen)


async def test_ctrl_c_says_how_to_leave(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.press("ctrl+c")
        await seat.sees("q leaves the screen; the daemon stays")
        assert seat.app.is_running


@pytest.mark.parametrize("stays", [True, False])
async def test_help_and_farewell_say_what_becomes_of_the_daemon(*, stays: bool) -> None:
    app = RtmdApp("nowhere", Options(daemon_stays=stays))
    page = "\n".join(plain(line) for line in help_page("Live", LIVE, 120, UNICODE, app.leaving))
    assert ("the daemon stays" in page, "the demo ends" in page) == (stays, not stays)
    assert ("daemon keeps running" in app.farewell) is stays


async def test_q_leaves(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.press("q")
        await seat.until(lambda: not seat.app.is_running)
        assert seat.app.return_code == 0


async def test_a_refusal_is_told_in_the_daemons_words(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        seat.daemon.refuse = "already silenced by bo [12m] \x1b[2J"
        await seat.press("s", "enter")
        await seat.sees("✗ not silenced: already silenced by bo [12m] ␛[2J")


async def test_who_may_only_view_is_told_and_nothing_is_sent(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.role = "view"
    async with sitting(tmp_path, daemon) as seat:
        await seat.press("a", "s", "U")
        await seat.sees("cannot ack: your role is view", "cannot silence", "cannot undo")
        assert not daemon.requests


async def test_a_lost_link_keeps_the_picture_and_kills_the_mutations(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("negative-share")
        seat.app.desk.client._backoff = (60.0,)
        daemon.hang_up()
        await seat.sees("■ STALE 00:00 retry", "negative-share", "closed the stream · r tries now")
        assert seat.app.screen.query_one(FiringTable).dimmed
        await seat.press("a")
        await seat.sees("cannot ack: no link to the daemon")
        assert not daemon.requests
        daemon.joined.clear()
        daemon.seq += 5
        daemon.firings |= {"new": world.firing("new", severity="critical")}
        del daemon.firings["f01"]
        await seat.press("r")
        await daemon.joined.wait()
        daemon.beat()
        await seat.sees("● LIVE")
        assert not seat.app.screen.query_one(FiringTable).dimmed
        await seat.sees("link is back after 0s: missed 2 changes: 1 new ▲")


async def test_no_daemon_is_a_sentence_and_it_comes_up_later(tmp_path: Path) -> None:
    app = RtmdApp(str(tmp_path / "s"))
    app.desk.client = Client(str(tmp_path / "s"), backoff=(0.05,))
    async with app.run_test(size=(80, 24)) as pilot:
        seat = Seat(app, pilot, FakeDaemon())
        await seat.sees("NO LINK", "(ENOENT).", "systemctl status rtmd", "next try in")
        async with seat.daemon.serving(str(tmp_path / "s")):
            await seat.sees("● LIVE", "negative-share")


async def test_rule_errors_and_the_coach_stand_under_the_header(tmp_path: Path) -> None:
    daemon = FakeDaemon(rule_errors=[world.RULE_ERROR], coach="Press s, then ⏎")
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("rules/mentions.toml:14: minutes.above must be > clear", "Press s, then ⏎")
        assert seat.text.splitlines()[1].strip() == "Press s, then ⏎"
        daemon.status = {}
        daemon.beat()
        await seat.until(lambda: "Press s" not in seat.text and "mentions.toml" not in seat.text)
        await seat.sees("negative-share")


async def test_a_resolved_row_stays_as_ok_under_the_cursor(tmp_path: Path) -> None:
    daemon = FakeDaemon(rows(2))
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("rule-000")
        daemon.put(gone=("f000",))
        await seat.sees("✓ OK")
        assert seat.cursor == "f000"
        await seat.press("a")
        await seat.sees("already resolved: nothing to acknowledge")
        assert not daemon.requests


async def test_a_target_that_changed_just_before_the_key_is_asked_about(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(rows(2))) as seat:
        await seat.sees("rule-000")
        seat.app.desk.roster.forced_at = START - 100
        await seat.press("a")
        await seat.sees("the row changed just now: acknowledge rule-000?")
        await seat.press("n")
        assert not seat.daemon.requests


async def test_ascii_has_no_other_marks(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), options=Options(ascii_only=True)) as seat:
        await seat.sees("!! CRIT", "negative-share")
        for keys in (("s",), ("escape", "x"), ("a",), ("?",), ("escape", "enter"), ("escape", "/")):
            await seat.press(*keys)
            assert seat.text.isascii(), [char for char in seat.text if not char.isascii()]


async def test_a_visible_change_draws_one_row_and_an_offscreen_one_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = FakeDaemon(rows(100))
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("rule-000")
        table = seat.app.screen.query_one(FiringTable)
        await seat.pilot.pause(0.15)
        drawn: list[int] = []
        draw = FiringTable.render_line

        def counted(self: FiringTable, y: int) -> Any:
            drawn.append(y)
            return draw(self, y)

        monkeypatch.setattr(FiringTable, "render_line", counted)
        daemon.put(msgspec.structs.replace(daemon.firings["f003"], value=999.0))
        await seat.sees("999")
        await seat.pilot.pause(0.15)
        assert drawn.count(3) in (1, 2)
        assert len(drawn) <= 2
        drawn.clear()
        daemon.put(msgspec.structs.replace(daemon.firings["f090"], value=888.0))
        await seat.until(lambda: seat.app.desk.picture.firings["f090"].value == 888.0)
        await seat.pilot.pause(0.15)
        assert drawn == []
        assert table.painted


async def test_every_cell_has_a_background_of_its_own(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("negative-share")
        for strip in seat.app.screen._compositor.render_strips():
            assert all(segment.style and segment.style.bgcolor for segment in strip if segment.text)


async def test_hostile_labels_neither_crash_nor_act_anywhere(tmp_path: Path) -> None:
    firings = [
        world.firing(f"f{n}", rule=bad, title=bad, labels={"a": bad}, reason=bad, ack=world.ack(bad))
        for n, bad in enumerate(world.HOSTILE)
    ]
    every = "".join(world.HOSTILE[:-2])
    daemon = FakeDaemon(firings, name=every, coach=every, notices=[every])
    daemon.refuse = every
    async with sitting(tmp_path, daemon) as seat:
        await seat.press("s", "enter", "a", "y", "enter")
        for _ in firings:
            await seat.press("]")
            assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in seat.text.replace("\n", ""))
        await seat.press("escape", "m")
        assert "\x1b" not in seat.text
        assert seat.app.is_running
