"""Every key of every screen is pressed, and does what `every_key` expects of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import every_key
import pytest
import world
from every_key import EXPECTED
from fake_daemon import FakeDaemon
from seat import Seat, sitting

from tui import keymap
from tui.keymap import Key, lookup
from tui.places import PLACES, WHY, kind
from tui.screens.base import DeskScreen
from tui.screens.reading import TextScreen

SCREENS: dict[str, type[DeskScreen]] = {kind(name).NAME: kind(name) for name in (*PLACES, WHY)}
TABLES = {screen.NAME: screen.KEYS for screen in SCREENS.values()} | {"Text": TextScreen.KEYS}
SHARED = {key.verb for key in keymap.COMMON}


def evening() -> FakeDaemon:
    """Many calm rows below a critical pair that waits for a decision; all else that boards show."""
    top = world.firing("top", rule="pair", severity="critical", fired_at=world.AT - 1, labels={"n": "1"},
                       proposals=[world.proposal(of="top")])  # fmt: skip
    other = world.firing("other", rule="pair", severity="critical", labels={"n": "2"}, fired_at=world.AT - world.HOUR)
    calm = [world.firing(f"c{n:02}", rule=f"calm-{n:02}", fired_at=world.AT - n * 1000 - 3) for n in range(30)]
    hushed = world.firing("hushed", rule="hushed", silenced_by=["s1"], silenced_until=world.WALL + world.MINUTE)
    daemon = FakeDaemon([top, other, *calm, hushed])
    daemon.silences = {each.id: each for each in world.silences()}
    return daemon


def deciding() -> FakeDaemon:
    """What the Actions screen shows."""
    return FakeDaemon(world.deciding())


# How one gets there, what then is on the screen, and in which world.
WAYS: dict[str, tuple[tuple[str, ...], str, Callable[[], FakeDaemon]]] = {
    "Live": ((), "calm-01", evening),
    "Why": (("enter",), "why seconds", evening),
    "Rules": (("2",), "10 rules", evening),
    "Silences": (("3",), "migration", evening),
    "Actions": (("4",), "pause-ads", deciding),
    "Audit": (("5",), "s17", evening),
    "Text": (("?",), "On the screen Live", evening),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_verb_of_a_screen_is_expected_to_do_something(name: str) -> None:
    shared = SHARED if name != "Live" else set()  # they go the same way on each screen: once is enough
    assert set(EXPECTED[name]) == {key.verb for key in TABLES[name]} - shared
    assert all(key in TABLES[name] for key in keymap.COMMON) or name == "Text"


@pytest.mark.parametrize("name", SCREENS)
def test_every_verb_has_a_method_and_every_key_one_verb(name: str) -> None:
    screen = SCREENS[name]
    for key in screen.KEYS:
        assert key.verb.startswith(("go_", "theme_")) or callable(getattr(screen, f"do_{key.verb}"))
    names = [one for key in screen.KEYS for one in key.keys]
    assert len(names) == len(lookup(screen.KEYS))


@pytest.mark.parametrize("name", TABLES)
async def test_every_key_does_what_is_expected_of_it(tmp_path: Path, name: str) -> None:
    way, there, world_of = WAYS[name]
    async with sitting(tmp_path, world_of(), (120, 30)) as seat:
        await seat.sees("mention-surge" if world_of is deciding else "pair")
        await seat.press("g", *way)
        await seat.sees(there)
        keys = {key.verb: key for key in TABLES[name]}
        for verb, step in EXPECTED[name].items():
            try:
                await taken(seat, keys[verb], step)
            except AssertionError as problem:
                raise AssertionError(f"{verb} on {name} did not do what is expected of it\n{problem}") from problem


async def taken(seat: Seat, key: Key, step: every_key.Step) -> None:
    """Press a key, or take it from the palette where it has none."""
    if step.ready is not None:
        await step.ready(seat)
    await seat.press(*step.before)
    await seat.press(*(key.keys[:1] or (":", *key.verb.replace("_", " "), "enter")))
    await seat.until(lambda: step.met(seat))
    await seat.press(*step.after)
