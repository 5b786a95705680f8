"""The Audit screen: the trail as the daemon tells it, the newest line on top."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import world
from fake_daemon import FakeDaemon
from seat import START, Seat, sitting

from rtmd.wire.audit import AuditView
from tui.audit import LATEST, AuditList
from tui.screens.audit import AuditScreen
from tui.screens.live import LiveScreen
from tui.target import RefusedError
from tui.view import audit as view
from tui.view.glyphs import ASCII, UNICODE
from tui.view.line import plain, width
from tui.view.moment import Moment

NOW = Moment(0, world.WALL, world.AT)


async def on_audit(seat: Seat) -> AuditScreen:
    """The seat on the Audit screen."""
    await seat.press("5")
    await seat.sees("newest first", "s17")
    screen = seat.app.screen
    assert isinstance(screen, AuditScreen)
    return screen


async def test_the_newest_line_stands_on_top_with_who_what_when_and_from_where(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await on_audit(seat)
        rows = [line[1:].split() for line in seat.text.splitlines()[3:9]]
        assert rows[0] == ["14:02:58Z", "bo", "unix", "uid", "1001", "expire", "s17"]
        assert rows[-1][:3] == ["11-01", "13:03:07Z", "ci"]


async def test_enter_shows_the_whole_line_and_escape_comes_back(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), (80, 24)) as seat:
        screen = await on_audit(seat)
        await seat.press("j", "enter")
        await seat.sees("line 45 of the audit trail", "this needs the role operate", "tcp 10.0.0.7")
        await seat.press("escape")
        await seat.until(lambda: seat.app.screen is screen)


async def test_the_filter_looks_at_every_column_and_escape_clears_it(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        screen = await on_audit(seat)
        await seat.press("/", *"uid", "space", *"1000", "enter")
        await seat.sees("the latest 2 of 6", "filter: uid 1000")
        assert [row.verb for row in screen.trail.rows] == ["ack", "approve"]
        await seat.press("/", *"x")
        await seat.sees('0 of 6 match "uid 1000x"')
        await seat.press("escape")
        await seat.sees("the latest 6, newest first")


async def test_it_asks_again_while_in_front_and_the_cursor_stays_on_its_line(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with sitting(tmp_path, daemon) as seat:
        screen = await on_audit(seat)
        await seat.press("j")
        assert screen.trail.cursor == "45"
        daemon.audit.append(AuditView(47, world.WALL, "ana", "hold", "", "wrong prices"))
        seat.passed = AuditScreen.ASK_EVERY
        seat.app.desk.picture.link.heard = START + seat.passed
        seat.app.repaint()
        await seat.sees("wrong prices")
        assert screen.trail.cursor == "45"
        await seat.press("q")
        await seat.until(lambda: isinstance(seat.app.screen, LiveScreen))


async def test_who_may_not_see_it_is_told_so_in_the_words_of_the_daemon(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:

        async def refused(_: int) -> list[AuditView]:
            raise RefusedError("that needs the role operate; yours is view")

        seat.app.desk.client.audit = refused  # type: ignore[method-assign]
        await seat.press("5")
        await seat.sees("The audit trail is not shown: that needs the role operate; yours is view")


def test_what_is_older_is_pointed_to_where_not_all_is_shown() -> None:
    trail = AuditList()
    trail.take(world.audit())
    assert "rtmd audit" not in plain(view.info(trail, "", 120, UNICODE))
    trail.take(world.audit() * LATEST)
    assert "rtmd audit has the older ones" in plain(view.info(trail, "", 120, UNICODE))


@pytest.mark.parametrize("cells", [60, 80, 100, 200])
@pytest.mark.parametrize("hostile", world.HOSTILE)
def test_nothing_in_a_line_acts_on_the_terminal_or_breaks_the_columns(hostile: str, cells: int) -> None:
    entry = AuditView(1, world.WALL, hostile, hostile, hostile, hostile, hostile)
    for glyphs in (UNICODE, ASCII):
        lines = [view.row(entry, NOW, cells, glyphs, selected=True), *view.explain(entry, NOW, cells)]
        for line in lines:
            text = plain(line)
            assert width(line) <= cells
            assert not set(text) & set("\x1b\x07\x9b\u202e\n")


def test_a_time_that_no_calendar_holds_is_drawn() -> None:
    entry = msgspec.structs.replace(world.audit()[0], at=10**15)
    assert "9999" not in plain(view.heading(80))
    assert "ci" in plain(view.row(entry, NOW, 80, UNICODE))
