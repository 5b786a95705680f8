"""The frame of the screens: keys and their tables, the palette, the lock, moving between screens."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_daemon import FakeDaemon
from seat import sitting

from tui.places import PLACES, WHY, kind
from tui.screens.base import DeskScreen
from tui.screens.live import LiveScreen
from tui.screens.reading import ReadingScreen
from tui.theme import THEMES


@pytest.mark.parametrize("screen", [*map(kind, (*PLACES, WHY)), ReadingScreen])
def test_every_key_of_the_tables_has_its_verb(screen: type[DeskScreen]) -> None:
    of_the_app = {f"go_{place}" for place in PLACES} | {f"theme_{name.removeprefix('rtmd-')}" for name in THEMES}
    for key in screen.KEYS:
        assert key.verb in of_the_app or callable(getattr(screen, f"do_{key.verb}")), key.verb
    names = [name for key in screen.KEYS for name in key.keys]
    assert len(names) == len(set(names))
    verbs = [key.verb for key in screen.KEYS]
    assert len(verbs) == len(set(verbs))


async def test_the_palette_finds_what_there_is_to_do_and_does_it(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), (80, 24)) as seat:
        await seat.sees("negative-share")
        await seat.press(":")
        await seat.sees(">ack           a", "esc leave")
        await seat.press(*"silenc", "down")
        await seat.sees(">silenced      x")
        await seat.press("backspace", "ctrl+u", *"zzz")
        await seat.sees("nothing is called that")
        await seat.press("enter")
        await seat.until(lambda: "nothing is called that" not in seat.text)
        await seat.press("ctrl+p", *"stat", "enter")
        await seat.sees("rtmd 0.1.0, prod-a", "1 000", "missed")
        await seat.press("escape", ":", *"ack", "enter")
        await seat.sees("acknowledged negative-share")
        await seat.press(":", "escape", "ctrl+l")
        await seat.sees("negative-share")
        assert len(seat.daemon.requests) == 1


async def test_a_locked_screen_changes_nothing_by_key_or_by_palette(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.press("R", "a")
        await seat.sees("cannot ack: this screen is locked (R unlocks)")
        await seat.press(":", *"silence", "enter")
        await seat.sees("cannot silence: this screen is locked")
        assert not seat.daemon.requests
        await seat.press("R", "a")
        await seat.sees("acknowledged negative-share")


async def test_a_screen_opened_to_look_stays_so(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        seat.app.desk.read_only = True
        await seat.press("a", "R", "a")
        await seat.sees("opened with --readonly")
        assert not seat.daemon.requests


async def test_the_digit_of_a_screen_leads_back_to_it(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.press("enter")
        await seat.until(lambda: isinstance(seat.app.screen, kind(WHY)))
        await seat.press("1")
        await seat.until(lambda: isinstance(seat.app.screen, LiveScreen))


async def test_verbs_can_have_other_keys(tmp_path: Path) -> None:
    (tmp_path / "rtmd").mkdir()
    (tmp_path / "rtmd" / "keys.toml").write_text('ack = "s"\nsilence = ["S", "z"]\n')
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("s ack", "S z silence")
        await seat.press("s")
        await seat.sees("acknowledged negative-share")
        await seat.press("a")
        assert len(seat.daemon.requests) == 1


async def test_a_mistake_in_the_keys_is_told_and_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "rtmd").mkdir()
    (tmp_path / "rtmd" / "keys.toml").write_text('akc = "s"\n')
    async with sitting(tmp_path, FakeDaemon(), (160, 30)) as seat:
        await seat.sees("a ack")
        assert 'there is no "akc": did you mean "ack"?; the usual keys are used' in seat.said[0]


@pytest.mark.parametrize(
    ("link", "seen"),
    [
        ("rtmd://firing/f04", ["WHY", "mention-surge  globex"]),
        ("firing/none", ["there is no firing/none here any more", "negative-share"]),
        ("rules", ["NOISE"]),
    ],
)
async def test_a_link_opens_what_it_names(tmp_path: Path, link: str, seen: list[str]) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        seat.app._open_at = link.removeprefix("rtmd://")
        seat.daemon.beat()
        await seat.sees(*seen)
