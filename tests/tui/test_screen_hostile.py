"""What others wrote is text wherever it stands: it acts on nothing, binds nothing, and breaks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import world
from fake_daemon import FakeDaemon
from hostile import EVERY, WALK, HostileDaemon, acting
from rich.segment import Segment
from seat import Seat, sitting

from rtmd.wire.actions import HoldView
from tui.client import Down


def segments(seat: Seat) -> Iterator[Segment]:
    """Everything on the screen, as it goes to the terminal."""
    for strip in seat.app.screen._compositor.render_strips():
        yield from strip


def check(seat: Seat) -> None:
    """Nothing on the screen acts on the terminal, and a click on it does nothing."""
    for segment in segments(seat):
        assert not acting(segment.text), (segment.text, acting(segment.text))
        if segment.style is not None:
            assert segment.style.link is None
            assert not [name for name in segment.style.meta if name.startswith("@")]


async def walk(seat: Seat, keys: tuple[str, ...], texts: tuple[str, ...]) -> None:
    """Press, arrive, and look at everything."""
    seat.daemon.beat()  # the clock stands still, the link's patience does not
    await seat.press(*keys)
    await seat.sees(*texts)
    check(seat)


async def test_on_every_screen_and_in_every_overlay_hostile_words_stay_words(tmp_path: Path) -> None:
    async with sitting(tmp_path, HostileDaemon()) as seat:
        for keys, texts in WALK:
            await walk(seat, keys, texts)
        assert seat.app.is_running
        assert not seat.app.crashed


async def test_why_of_each_firing_shows_what_was_written_and_no_more(tmp_path: Path) -> None:
    async with sitting(tmp_path, HostileDaemon(), (120, 60)) as seat:
        await walk(seat, ("v", "v", "enter"), ("WHY ", "stages"))
        seen = set()
        for _ in world.HOSTILE:
            await walk(seat, (), ("WHY ", "stages"))
            seen.add(seat.cursor[:3])
            await seat.press("]")
        assert len(seen) == len(world.HOSTILE)


async def test_what_is_asked_before_something_is_done_is_text_too(tmp_path: Path) -> None:
    daemon = HostileDaemon()
    daemon.refuse, daemon.asks = "", [EVERY]
    daemon.status["hold"] = None
    async with sitting(tmp_path, daemon, (120, 40)) as seat:
        await walk(seat, ("v", "v", "s", "enter"), ("y sil",))
        await seat.until(lambda: daemon.requests)
        await walk(seat, ("escape", "escape", "4", "A"), ("APPROVE",))
        await walk(seat, ("escape",), ("A approve",))
        daemon.status["hold"] = HoldView(EVERY, world.WALL, EVERY)
        daemon.beat()
        await walk(seat, ("A",), ("holds all actions (H lifts)",))


async def test_a_link_that_breaks_or_leads_nowhere_is_told_in_text(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon([])) as seat:
        seat.app.open_at(f"firing/{EVERY}")
        await walk(seat, (), ("any more",))
        await seat.app.heard(Down(EVERY, 60_000))
        await seat.sees("STALE")
        check(seat)
        await walk(seat, ("m",), ("any more",))
