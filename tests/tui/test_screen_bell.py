"""The terminal's bell: off unless it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import world
from fake_daemon import FakeDaemon
from seat import sitting

from tui.app import RtmdApp
from tui.options import Options


def place_of_the_look(tmp_path: Path) -> Path:
    """Where `screen.toml` is."""
    place = tmp_path / "rtmd" / "screen.toml"
    place.parent.mkdir()
    return place


@pytest.mark.parametrize(("asked", "written"), [(True, ""), (False, "bell = true"), (False, "bell = false")])
async def test_it_rings_where_the_option_or_the_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, asked: bool, written: str
) -> None:
    place_of_the_look(tmp_path).write_text(written)
    rung: list[RtmdApp] = []
    monkeypatch.setattr(RtmdApp, "bell", lambda app: rung.append(app))  # noqa: PLW0108  # binds as a method
    daemon = FakeDaemon()
    async with sitting(tmp_path, daemon, options=Options(bell=asked)) as seat:
        await seat.sees("negative-share")
        assert not rung
        daemon.put(world.firing("one", severity="critical", rule="pages-down"))
        daemon.put(world.firing("two", severity="critical", rule="queue-stuck"))
        await seat.sees("pages-down", "queue-stuck")
        assert len(rung) == (asked or written == "bell = true")
