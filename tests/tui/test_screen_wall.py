"""The wall: large figures, what is open rule by rule, how fresh it is, and nothing that could be changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import world
from fake_daemon import FakeDaemon
from seat import Seat, sitting
from test_screen_groups import storm

from tui.counts import Counts
from tui.keymap import LIVE, WALL
from tui.options import Options
from tui.screens.wall import WallScreen
from tui.view import wall
from tui.view.glyphs import ASCII, UNICODE
from tui.view.line import plain, width

ON_THE_WALL = Options(wall=True)


async def seen(seat: Seat, *texts: str) -> str:
    """The screen, once it has these."""
    await seat.sees(*texts)
    return seat.text


async def test_figures_rules_and_freshness_are_on_the_wall(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), (120, 30), ON_THE_WALL) as seat:
        text = await seen(seat, "● LIVE", "negative-share", "212 rules · last evaluation 0.0s ago")
        lines = text.splitlines()
        assert "▀▀█" in lines[2]
        assert [w for w in lines[5].split() if w.isalpha()] == ["NEW", "CRIT", "WARN", "INFO", "ACK", "SIL"]
        assert not any(row.startswith(">") for row in lines)
        assert "gc-pause" not in text  # it is silenced
        assert "reach-spike" not in text  # it is over
        assert lines[-1].endswith("1 silence hides 2 firings")


async def test_rules_with_several_firings_are_one_line_and_the_rest_is_counted(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(storm(40, 3)), (100, 20), ON_THE_WALL) as seat:
        text = await seen(seat, "3 firings", " more rules with ")
        rows = [line for line in text.splitlines() if "▸ rule-" in line]
        height = seat.app.screen.query_one("#table").size.height
        assert len(rows) == height - 1
        assert f"and {40 - len(rows)} more rules with {(40 - len(rows)) * 3} firings" in text


async def test_what_changes_is_on_the_wall_without_a_key(tmp_path: Path) -> None:
    daemon = FakeDaemon([world.firing("a", rule="first-one")])
    async with sitting(tmp_path, daemon, (100, 24), ON_THE_WALL) as seat:
        await seat.sees("first-one")
        daemon.put(world.firing("b", rule="second-one", severity="critical"))
        await seat.sees("second-one")
        daemon.put(gone=("a", "b"))
        await seat.sees("Nothing firing.")
        assert not seat.app.desk.picture.gone
        assert not seat.app.desk.picture.changed


async def test_a_lost_link_is_told_over_the_whole_width(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), (100, 24), ON_THE_WALL) as seat:
        await seat.sees("negative-share")
        seat.app.desk.client._backoff = (60.0,)
        seat.daemon.hang_up()
        await seat.sees("■ STALE 00:00 ■ this is the last picture", "negative-share")
        assert isinstance(seat.app.screen, WallScreen)
        assert seat.app.screen._rows.dimmed


async def test_nothing_can_be_changed_from_a_wall(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), (100, 24), ON_THE_WALL) as seat:
        await seat.sees("negative-share")
        usual = {name for key in LIVE for name in key.keys} - {name for key in WALL for name in key.keys}
        await seat.press(*sorted(usual))
        assert isinstance(seat.app.screen, WallScreen)
        assert seat.app.screen.strip is None
        assert not seat.daemon.requests
        assert "--readonly" in seat.app.desk.refusal("ack")
        await seat.press("T")
        await seat.until(lambda: not seat.app.desk.picture.utc)
        await seat.press("q")
        await seat.until(lambda: not seat.app.is_running)


async def test_many_firings_are_drawn_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = FakeDaemon(storm(10, 40))
    async with sitting(tmp_path, daemon, (100, 24), ON_THE_WALL) as seat:
        await seat.sees("40 firings")
        drawn: list[object] = []
        draw: Callable[..., object] = wall.by_rule
        monkeypatch.setattr(wall, "by_rule", lambda picture: drawn.append(picture) or draw(picture))
        for name in "abc":
            daemon.put(world.firing(name, rule=f"late-{name}", severity="critical"))
            await seat.until(lambda wanted=name: wanted in seat.app.desk.picture.firings)  # type: ignore[misc]
            seat.app.repaint()
        assert not drawn
        seat.passed = 1_000
        seat.app.repaint()
        await seat.sees("late-a", "late-b", "late-c")
        assert drawn


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_digits_are_all_of_one_size_and_all_different(glyphs: object) -> None:
    digits = [wall.big(number, ASCII if glyphs is ASCII else UNICODE) for number in range(10)]
    assert {len(line) for digit in digits for line in digit} == {3}
    assert len({tuple(digit) for digit in digits}) == 10
    assert wall.big(10, UNICODE) == ["▀█  █▀█", " █  █ █", "▀▀▀ ▀▀▀"]


@pytest.mark.parametrize("cells", range(60, 200, 7))
def test_the_figures_that_fit_are_whole_and_what_is_new_is_always_there(cells: int) -> None:
    found = Counts()
    found.severity.update(critical=10_214, warning=3, info=412)
    found.new = 10_000
    lines = wall.counts(found, cells, UNICODE)
    assert len(lines) == wall.TALL + 1
    assert all(width(line) <= cells for line in lines)
    assert "NEW" in plain(lines[-1])
    assert "▲ CRIT" in plain(lines[-1])
