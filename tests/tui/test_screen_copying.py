"""The copy menu on the living screen: what reaches the terminal's clipboard and the file, from every screen."""

from __future__ import annotations

from pathlib import Path

import pytest
import world
from fake_daemon import FakeDaemon
from seat import sitting


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of one's own."""
    place = tmp_path / "run"
    place.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    return place / "rtmd-clip"


def kept(place: Path) -> str:
    """What the file has."""
    return place.read_text(encoding="utf-8")


async def test_the_menu_stands_in_the_last_line_and_says_where_the_text_went(tmp_path: Path, runtime: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), (140, 30)) as seat:
        await seat.sees("negative-share")
        await seat.press("y")
        await seat.sees("COPY negative-share acme · launch", "y line", "c ack command", "esc leave")
        await seat.press("z")
        await seat.sees("COPY")
        await seat.press("escape")
        await seat.sees("? keys")
        assert seat.app.clipboard == ""
        await seat.press("y", "c")
        await seat.until(lambda: seat.said)
        assert seat.app.clipboard == "rtmd ack f01"
        assert kept(runtime) == "rtmd ack f01\n"
        assert seat.said == [f"ack command: sent to the terminal; also in {runtime}"]
        assert not seat.daemon.requests


async def test_each_screen_copies_what_its_cursor_is_on(tmp_path: Path) -> None:
    daemon = FakeDaemon(world.deciding())
    daemon.silences = {each.id: each for each in world.silences()}
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("backlash")
        for place, text, key, copied in (
            ("2", "10 rules", "p", "rules/hosts.toml:31"),
            ("3", "migration", "c", "rtmd silence expire s2"),
            ("4", "pause-ads", "c", "rtmd approve p2 --version 3"),
            ("5", "s17", "y", "14:02:58Z bo unix uid 1001 expire s17"),
        ):
            await seat.press(place)
            await seat.sees(text)
            await seat.press("y", key)
            await seat.until(lambda wanted=copied: seat.app.clipboard == wanted)  # type: ignore[misc]
        await seat.press("1")
        await seat.press("enter")
        await seat.sees("WHY  ")
        await seat.press("y", "i")
        await seat.until(lambda: seat.app.clipboard == f"rtmd tui --open firing/{seat.cursor}")


async def test_where_there_is_nothing_it_says_so(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon([])) as seat:
        await seat.sees("Nothing firing")
        await seat.press("y")
        await seat.sees("there is nothing here to copy")
        await seat.press("4")
        await seat.press("y")
        await seat.until(lambda: len(seat.said) == 2)


async def test_without_a_runtime_directory_only_the_terminal_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    async with sitting(tmp_path, FakeDaemon(), (80, 24)) as seat:
        await seat.sees("negative-share")
        await seat.press("y", "v")
        await seat.until(lambda: seat.said == ["value: sent to the terminal"])
        assert seat.app.clipboard == "0.412"
