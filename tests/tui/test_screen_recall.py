"""Earlier filters on the living screen."""

from __future__ import annotations

from pathlib import Path

from fake_daemon import FakeDaemon
from seat import sitting


async def test_filters_of_this_and_of_former_sessions_come_back_with_up(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("negative-share")
        await seat.press(*"/sev:crit", "enter", "escape")
        await seat.press("2")
        await seat.sees("10 rules")
        await seat.press(*"/off", "enter")
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("hashtag-rising")
        await seat.press(*"/zz", "up")
        await seat.sees("/ sev:crit", "negative-share")
        assert "hashtag-rising" not in seat.text
        await seat.press("down")
        await seat.sees("/ zz")
        await seat.press("up", "enter")
        await seat.sees("filter: sev:crit")
        await seat.press("2")
        await seat.sees("10 rules")
        await seat.press("/", "up")
        await seat.sees("/ off", "engagement-drop")
        await seat.press("escape")
        await seat.sees("mention-surge")
