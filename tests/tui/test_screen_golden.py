"""Whole screens as text.

`GOLDEN=write` in the environment writes the golden texts anew, for reviewing the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import world
from fake_daemon import FakeDaemon
from seat import sitting
from test_screen_groups import storm

from rtmd.wire.actions import HoldView


def hushed() -> FakeDaemon:
    """A daemon with silences of each kind."""
    daemon = FakeDaemon()
    daemon.silences = {each.id: each for each in world.silences()}
    return daemon


KEYS = {
    "strip": ["s"],
    "why": ["enter"],
    "why-end": ["enter", "G"],
    "stale": ["T", "T"],
    "rules": ["2"],
    "rule": ["2", "enter"],
    "reload": ["2", "c"],
    "actions": ["4"],
    "action": ["4", "enter"],
    "approve": ["4", "A"],
    "silences": ["3"],
    "silence": ["3", "j", "enter"],
    "audit": ["5"],
    "line": ["5", "j", "enter"],
    "who": [":", "w", "h", "o", "enter"],
}
AFTER = {
    "2": ["gc-pause", "10 rules"],
    "c": ["kept"],
    "3": ["migration"],
    "4": ["pause-ads"],
    "A": ["APPROVE"],
    "5": ["newest first", "s17"],
    "o": ["everybody with a screen"],
}
HELD = HoldView("bo", world.WALL - 90_000, "wrong prices in the feed")
WORLDS: dict[str, Callable[[], FakeDaemon]] = {
    "quiet": lambda: FakeDaemon([]),
    "busy": lambda: FakeDaemon(
        coach="Press s, then ⏎, to silence it", rule_errors=[world.RULE_ERROR], watching=world.WATCHING
    ),
    "who": lambda: FakeDaemon(watching=world.WATCHING),
    "storm": lambda: FakeDaemon([*world.busy(), *storm(4, 60)]),
    "actions": lambda: FakeDaemon(world.deciding(), hold=HELD),
    "action": lambda: FakeDaemon(world.deciding()),
    "approve": lambda: FakeDaemon(world.deciding()),
    "silences": hushed,
    "silence": hushed,
}
GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("case", sorted({*WORLDS, *KEYS}))
@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_whole_screen_looks_like_its_golden_text(tmp_path: Path, size: tuple[int, int], case: str) -> None:
    daemon = WORLDS.get(case, FakeDaemon)()
    async with sitting(tmp_path, daemon, size) as seat:
        await seat.sees("Nothing firing" if case == "quiet" else next(iter(daemon.firings.values())).rule)
        if case == "stale":
            seat.app.desk.client._backoff = (60.0,)
            daemon.hang_up()
            await seat.until(lambda: seat.app.desk.picture.link.retry_at)
            seat.passed = 12_000
        for key in KEYS.get(case, []):
            await seat.press(key)
            await seat.sees(*AFTER.get(key, []))
            if key == "enter" and case.startswith("why"):
                await seat.sees("thr", "why seconds")
        await seat.pilot.pause(0.15)
        seat.app.desk.picture.link.problem = ""  # it names the socket's path
        seat.app.repaint()
        await seat.pilot.pause(0.15)
        path = GOLDEN / f"{case}-{size[0]}x{size[1]}.txt"
        if os.environ.get("GOLDEN") == "write":
            path.write_text(seat.text + "\n", encoding="utf-8")
        assert seat.text + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("size", [(59, 24), (80, 11)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_terminal_that_is_too_small_still_counts(tmp_path: Path, size: tuple[int, int]) -> None:
    async with sitting(tmp_path, FakeDaemon(), size) as seat:
        await seat.sees("terminal too small")
        path = GOLDEN / f"small-{size[0]}x{size[1]}.txt"
        if os.environ.get("GOLDEN") == "write":
            path.write_text(seat.text + "\n", encoding="utf-8")
        assert seat.text + "\n" == path.read_text(encoding="utf-8")
