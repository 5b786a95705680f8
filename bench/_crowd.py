"""The daemon's own server and event stream over made-up firings that change at a wanted rate: `_crowd.py SOCKET`.

Lines on stdin say what to do: `rate N` (changes a second, all of them among the firings on top of the list: the most
that a screen can be asked to draw), `storm N` (so many new firings within a second, of a hundred rules). Four times
a second the firing `probe` gets another value; stdout has each value with the monotonic time at which it was touched.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from fakes_api import NOW, FakeDesk, config, firing_view

from rtmd.api.app import build_app
from rtmd.api.server import Server
from rtmd.api.stream import Hub
from rtmd.config import UnixListen
from rtmd.wire import FiringView, StatusView

ROWS = 1_000
PROBE = "probe"
FIRST_VALUE = 500_000
_TOP = 30
_TURN = 0.01  # seconds between two looks at what is due
_STORM_RULES = 100


class Crowd(FakeDesk):
    """The desk: firings by the thousand, each of a rule of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic_ns() // 1_000_000
        rows = [firing_view(f"f{n}", rule=f"rule-{n:04}", fired_at=NOW - 5_000 - n, value=1.0 * n) for n in range(ROWS)]
        rows.append(firing_view(PROBE, rule="rule-probe", severity="critical", value=1.0 * FIRST_VALUE))
        self.open = {row.id: row for row in rows}

    def now(self) -> int:
        """Time goes on."""
        return NOW + time.monotonic_ns() // 1_000_000 - self._started

    def firings(self, ids: Iterable[str] | None = None) -> list[FiringView]:
        """Those that are asked for, or all."""
        return list(self.open.values()) if ids is None else [self.open[one] for one in ids]

    def status(self) -> StatusView:
        """A daemon at work."""
        self.time = self.now()
        return super().status()


class Load:
    """What changes, and how fast."""

    def __init__(self, desk: Crowd, hub: Hub) -> None:
        self._desk, self._hub = desk, hub
        self._top = itertools.cycle([f"f{n}" for n in range(_TOP)])
        self._values = itertools.count(FIRST_VALUE + 1)
        self._rate, self._since, self._done = 0, time.monotonic(), 0
        self._storm, self._storm_since, self._new = 0, 0.0, 0

    def told(self, verb: str, count: int) -> None:
        """Take a command."""
        if verb == "rate":
            self._rate, self._since, self._done = count, time.monotonic(), 0
        else:
            self._storm, self._storm_since, self._new = count, time.monotonic(), 0

    def catch_up(self) -> None:
        """Change what is due by now."""
        now = time.monotonic()
        while self._done < (now - self._since) * self._rate:
            self._done += 1
            firing = self._desk.open[next(self._top)]
            self._put(msgspec.structs.replace(firing, value=(firing.value or 0) + 1))
        while self._new < min(1.0, now - self._storm_since) * self._storm:
            self._new += 1
            rule, at = f"storm-{self._new % _STORM_RULES:02}", self._desk.now()
            self._put(firing_view(f"s{self._new}", rule=rule, labels={"n": str(self._new)}, fired_at=at))

    def mark(self) -> None:
        """Another value for the probe."""
        value = next(self._values)
        print(value, time.monotonic(), flush=True)
        self._put(msgspec.structs.replace(self._desk.open[PROBE], value=1.0 * value))

    def _put(self, firing: FiringView) -> None:
        self._desk.open[firing.id] = firing
        self._hub.touched([firing.id])


async def _every(seconds: float, work: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        work()


async def _serve(path: Path) -> None:
    desk = Crowd()
    hub = Hub(desk)
    load = Load(desk, hub)
    server = Server(build_app(desk, hub, config()), [UnixListen(path)], closing=hub.close, grace=1)
    await server.start()
    print("ready", flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    rounds = [
        asyncio.create_task(_every(*each)) for each in ((_TURN, load.catch_up), (0.25, load.mark), (1.0, hub.beat))
    ]
    while line := await commands.readline():
        verb, count = line.decode().split()
        load.told(verb, int(count))
    for each in rounds:
        each.cancel()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
