"""Somebody in front of the screen: the application on the scripted daemon, with a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fake_daemon import FakeDaemon
from textual.pilot import Pilot

from tui.app import RtmdApp, screen_on
from tui.client import Client
from tui.options import DEFAULTS, Options

START = 1_000_000


class Seat:
    """Somebody in front of the screen."""

    def __init__(self, app: RtmdApp, pilot: Pilot[None], daemon: FakeDaemon) -> None:
        self.app, self.pilot, self.daemon = app, pilot, daemon
        self.passed = 0  # ms; the clock stands still otherwise
        app.desk.clock = lambda: START + self.passed

    @property
    def text(self) -> str:
        """Everything on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def said(self) -> list[str]:
        """The message log."""
        return [text for _, text in self.app.desk.log]

    @property
    def cursor(self) -> str:
        """The firing under the cursor."""
        return self.app.desk.roster.cursor

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)

    async def until(self, met: Callable[[], object]) -> None:
        """Let the screen work until something is so."""
        for _ in range(2_000):  # a busy machine may take its time; a screen that is right is seen at once
            if met():
                await self.pilot.pause()
                return
            await self.pilot.pause(0.01)
        raise AssertionError(self.text)

    async def sees(self, *texts: str) -> None:
        """Wait for texts on the screen."""
        await self.until(lambda: all(text in self.text for text in texts))


@asynccontextmanager
async def sitting(
    tmp_path: Path,
    daemon: FakeDaemon,
    size: tuple[int, int] = (120, 30),
    options: Options = DEFAULTS,
) -> AsyncIterator[Seat]:
    """A screen that shows the daemon's world."""
    async with daemon.serving(str(tmp_path / "s")) as target:
        app = screen_on(target, options)
        app.desk.client = Client(target, backoff=(0.02,))
        app.desk.clock = lambda: START
        async with app.run_test(size=size, notifications=True) as pilot:
            seat = Seat(app, pilot, daemon)
            await seat.until(lambda: app.desk.picture.status is not None)
            yield seat
