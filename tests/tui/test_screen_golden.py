"""Whole screens as text.

`GOLDEN=write` in the environment writes the golden texts anew, for reviewing the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import world
from fake_daemon import FakeDaemon
from pictures import GOLDEN, PAGE, drawn_anew, others
from seat import Seat, sitting
from test_screen_groups import storm

from rtmd.wire.actions import HoldView
from tui.options import DEFAULTS, Options


def hushed() -> FakeDaemon:
    """A daemon with silences of each kind."""
    daemon = FakeDaemon()
    daemon.silences = {each.id: each for each in world.silences()}
    return daemon


def held() -> FakeDaemon:
    """A daemon with proposals and runs in every state, and a hold."""
    return FakeDaemon(world.deciding(), hold=HoldView("bo", world.WALL - 90_000, "wrong prices in the feed"))


def calm() -> FakeDaemon:
    """A daemon of which nothing is to be told."""
    daemon = FakeDaemon([])
    daemon.noise, daemon.audit = msgspec.structs.replace(daemon.noise, rules=[]), []
    return daemon


def stormy() -> FakeDaemon:
    """A daemon with more firings than anybody reads."""
    return FakeDaemon([*world.busy(), *storm(4, 60)])


def bustling() -> FakeDaemon:
    """A daemon with everything over the list that there can be."""
    return FakeDaemon(coach="Press s, then ⏎, to silence it", rule_errors=[world.RULE_ERROR], watching=world.WATCHING)


def deciding() -> FakeDaemon:
    """A daemon with proposals and runs in every state."""
    return FakeDaemon(world.deciding())


@dataclass(frozen=True, slots=True)
class Case:
    """A daemon, and what is done before one looks: keys, each with what it brings onto the screen."""

    daemon: Callable[[], FakeDaemon] = FakeDaemon
    steps: tuple[tuple[str, str], ...] = ()
    stale: bool = False  # the link is lost meanwhile
    options: Options = DEFAULTS


IN_ASCII = Options(ascii_only=True)
WHY = (("enter", "peak 400"), ("k", "thr"))
RULES, SILENCES, ACTIONS, AUDIT = ("2", "gc-pause"), ("3", "migration"), ("4", "pause-ads"), ("5", "s17")
# By screen; what stands after a dash is its state.
CASES = {
    "busy": Case(bustling),
    "live": Case(),
    "live-ascii": Case(options=IN_ASCII),
    "quiet": Case(calm),
    "stale": Case(stale=True),
    "storm": Case(stormy),
    "storm-open": Case(stormy, (("j", ""), ("j", ""), ("l", "h12"))),
    "strip": Case(steps=(("s", "SILENCE"),)),
    "copy": Case(steps=(("y", "COPY"),)),
    "filter": Case(steps=(("/", "/ "), *((key, "") for key in "sev:cri"), ("t", "3 of 10"))),
    "marked": Case(steps=((" ", ""), ("j", ""), (" ", "2 marked"))),
    "palette": Case(steps=((":", ""), *((key, "") for key in "silenc"))),
    "help": Case(steps=(("?", "On the screen Live"),)),
    "status": Case(steps=((":", ""), *((key, "") for key in "daemon"), ("enter", "up since"))),
    "who": Case(bustling, ((":", ""), *((key, "") for key in "who"), ("enter", "SINCE"))),
    "wall": Case(options=Options(wall=True)),
    "wall-stale": Case(options=Options(wall=True), stale=True),
    "why": Case(steps=WHY),
    "why-ascii": Case(steps=WHY, options=IN_ASCII),
    "why-end": Case(steps=(*WHY, ("G", "now  "))),
    "why-hours": Case(steps=(*WHY, ("tab", "signal hours"))),
    "why-lead": Case(steps=(*WHY, ("G", "now  "), ("w", "as far as desk"), ("w", "as far as lead"))),
    "why-stale": Case(steps=WHY, stale=True),
    "why-strip": Case(steps=(*WHY, ("s", "SILENCE"))),
    "rules": Case(steps=(RULES,)),
    "rules-quiet": Case(calm, (RULES,)),
    "rules-stale": Case(steps=(RULES,), stale=True),
    "rule": Case(steps=(RULES, ("enter", "written in"))),
    "reload": Case(steps=(RULES, ("c", "kept"))),
    "silences": Case(hushed, (SILENCES,)),
    "silences-quiet": Case(calm, (("3", "silence"),)),
    "silences-stale": Case(hushed, (SILENCES,), stale=True),
    "silence": Case(hushed, (SILENCES, ("j", ""), ("enter", "hides"))),
    "actions": Case(deciding, (ACTIONS,)),
    "actions-held": Case(held, (ACTIONS,)),
    "actions-quiet": Case(calm, (("4", "decide"),)),
    "actions-stale": Case(deciding, (ACTIONS,), stale=True),
    "action": Case(deciding, (ACTIONS, ("enter", "asked by"))),
    "approve": Case(deciding, (ACTIONS, ("A", "APPROVE"))),
    "audit": Case(steps=(AUDIT,)),
    "audit-quiet": Case(calm, (("5", "newest"),)),
    "audit-stale": Case(steps=(AUDIT,), stale=True),
    "line": Case(steps=(AUDIT, ("j", ""), ("enter", "line 45"))),
}
TOO_SMALL = ((59, 24), (80, 11))
SIZES = ((80, 24), (120, 30), (200, 50))


async def look(seat: Seat, name: str, size: tuple[int, int]) -> None:
    """Hold the screen against the golden text of this size."""
    await seat.pilot.resize_terminal(*size)
    await seat.until(lambda: seat.app.screen.size == size)
    await seat.pilot.pause(0.05)
    seat.app.desk.picture.link.problem = ""  # it names the socket's path
    seat.app.repaint()
    await seat.pilot.pause(0.05)
    path = GOLDEN / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(seat.text + "\n", encoding="utf-8")
    assert seat.text + "\n" == path.read_text(encoding="utf-8"), size


async def lose(seat: Seat) -> None:
    """The daemon goes away, and twelve seconds with it."""
    seat.app.desk.client._backoff = (60.0,)
    seat.daemon.hang_up()
    await seat.until(lambda: seat.app.desk.picture.link.retry_at)
    seat.passed = 12_000


@pytest.mark.parametrize("name", CASES)
async def test_the_whole_screen_looks_like_its_golden_text_in_every_size(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    daemon = case.daemon()
    async with sitting(tmp_path, daemon, SIZES[0], case.options) as seat:
        await seat.sees(next((one.rule for one in daemon.firings.values()), "Nothing firing"))
        for key, brings in case.steps:
            await seat.press(key)
            await seat.sees(brings)
        if case.stale:
            await lose(seat)
        for size in SIZES:
            await look(seat, name, size)


async def test_a_terminal_that_is_too_small_still_counts_whatever_the_screen(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("negative-share")
        for key, brings in (("enter", "peak 400"), ("1", "WHO / STATE"), RULES, ("3", "SCOPE"), ("4", "ACTION"), AUDIT):
            await seat.pilot.resize_terminal(*SIZES[1])
            await seat.press(key)
            await seat.sees(brings)
            for size in TOO_SMALL:
                await look(seat, "small", size)


def test_no_golden_text_is_left_over() -> None:
    known = {(name, size) for name in CASES for size in SIZES} | {("small", size) for size in TOO_SMALL}
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}-{wide}x{high}.txt" for name, (wide, high) in known}


def test_every_picture_in_the_documentation_is_of_a_golden_text() -> None:
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("GOLDEN") == "write":
        PAGE.write_text(drawn_anew(page), encoding="utf-8")
    assert others(page) == []
    assert PAGE.read_text(encoding="utf-8") == drawn_anew(page)
