"""How fast the screen is: `python bench/screen.py [FOLDER]`; RTMD_BENCH=small for a quick look.

The screen runs in a pseudo-terminal of 140×50 cells, as a process of its own, on the daemon's own server and event
stream over 1,000 made-up firings (`_crowd`, another process). Measured at what a person sees: the time from a key until
the bytes that draw its effect are read at the other end of the terminal, and from a firing's change in the daemon until
its new value is read. Under nothing, 100 and 1,000 changes a second, all of them on rows in view, and while 10,000
firings open within a second; with it the CPU and bytes that the screen needs, its memory, and the longest time that
its event loop was held. The first paint is compared with that of an empty Textual application in the same run.
"""

from __future__ import annotations

import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from _crowd import FIRST_VALUE
from _live import CI, SMALL, end_cleanly
from _terminal import SIZE, Terminal

_HERE = Path(__file__).parent
_SECONDS = 0.7 if SMALL else 20.0
_STARTS = 1 if SMALL else 9
_VALUE = re.compile(r" (5\d\d) (\d\d\d) ")
_EMPTY = """
import textual.app, textual.widgets
class Empty(textual.app.App):
    def compose(self):
        yield textual.widgets.Static("rtmd")
Empty().run()
"""
_HEAD = (
    "load", "key → paint p50/p95/max ms", "event → paint p50/p95/max ms", "CPU %", "KiB/s", "longest hold ms", "RSS MB",
)  # fmt: skip


@dataclass
class Round:
    """What was measured under one load."""

    name: str
    keys: list[float] = field(default_factory=list)
    events: list[float] = field(default_factory=list)
    cpu: float = 0.0
    rate: float = 0.0  # bytes a second
    held: float = 0.0
    rss: int = 0

    def __str__(self) -> str:
        cells = (self.name, _spread(self.keys), _spread(self.events), f"{self.cpu:.1f}", f"{self.rate / 1024:.0f}",
                 f"{self.held:.0f}", f"{self.rss / 1e6:.0f}")  # fmt: skip
        return f"| {' | '.join(cells)} |"


class Crowd:
    """The other side: the server, and when it touched each value of the probe."""

    def __init__(self, socket: Path) -> None:
        argv = [sys.executable, str(_HERE / "_crowd.py"), str(socket)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        self._said = self._process.stdout
        if self._said.readline().strip() != "ready":
            raise RuntimeError("the server did not start")
        self.touched: dict[int, float] = {}

    def tell(self, command: str) -> None:
        """Change the load."""
        assert self._process.stdin is not None  # noqa: S101  # it is a pipe
        self._process.stdin.write(command + "\n")

    def close(self) -> None:
        """End it; `touched` is complete then."""
        assert self._process.stdin is not None  # noqa: S101  # it is a pipe
        self._process.stdin.close()
        for line in self._said:
            value, at = line.split()
            self.touched[int(value)] = float(at)
        self._process.wait()


class Seat:
    """Somebody at the screen who moves the cursor up and down, and sees the probe's values come."""

    def __init__(self, terminal: Terminal, lag: Path) -> None:
        self.terminal, self._lag = terminal, lag
        self._process = psutil.Process(terminal.process.pid)
        self.seen: dict[int, float] = {}  # value of the probe → when it was read
        self._down = True

    def sit(self, name: str, seconds: float) -> Round:
        """Press keys for so long, and look."""
        found = Round(name)
        self._lag.unlink(missing_ok=True)
        drawn, spent, since = len(self.terminal.raw), self._spent(), time.monotonic()
        while time.monotonic() - since < seconds:
            self._look_until(time.monotonic() + random.uniform(0.05, 0.15))  # noqa: S311  # not in step with anything
            found.keys.append(self._press() * 1000)
        passed = time.monotonic() - since
        found.cpu = 100 * (self._spent() - spent) / passed
        found.rate = (len(self.terminal.raw) - drawn) / passed
        self._look_until(time.monotonic() + 0.6)
        found.held = float(self._lag.read_text() or 0)
        found.rss = self._process.memory_info().rss
        found.events = [since, time.monotonic()]  # until the other side has said when it touched what
        return found

    def _press(self) -> float:
        before = self._cursor()
        key, self._down = "j" if self._down else "k", not self._down
        at = time.monotonic()
        self.terminal.press(key)
        return self.terminal.until(lambda: self._look() or self._cursor() != before, 10.0) - at

    def _look_until(self, end: float) -> None:
        while (left := end - time.monotonic()) > 0:
            self.terminal.read(left)
            self._look()

    def _look(self) -> None:
        for y in range(2, 12):
            found = _VALUE.search(self.terminal.line(y))
            if found:
                self.seen.setdefault(int(found[1] + found[2]), self.terminal.read_at)

    def _cursor(self) -> tuple[int, str]:
        lines = ((y, self.terminal.line(y)) for y in range(SIZE[1]))
        return next(((y, line[12:70]) for y, line in lines if line.startswith(">")), (-1, ""))

    def _spent(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system


@contextmanager
def seated(folder: Path) -> Iterator[tuple[Seat, Crowd]]:
    """Server and screen."""
    socket, lag = folder / "s", folder / "lag"
    crowd = Crowd(socket)
    try:
        with Terminal([sys.executable, str(_HERE / "_seat.py"), str(socket), str(lag)]) as terminal:
            terminal.until(lambda: terminal.shows("rule-probe"))
            yield Seat(terminal, lag), crowd
    finally:
        crowd.close()


def under_load(folder: Path) -> list[Round]:
    """All loads, one after the other."""
    rounds = []
    with seated(folder) as (seat, crowd):
        seat.sit("to warm up", 0.3)
        for rate in (0, 100, 1_000):
            crowd.tell(f"rate {rate}")
            rounds.append(seat.sit(f"{rate:,} changes/s" if rate else "nothing", _SECONDS))
        crowd.tell("rate 100")
        crowd.tell("storm 10000")
        rounds.append(seat.sit("10,000 firings open in 1 s", 1.2 if SMALL else 4.0))
    for each in rounds:
        start, end = each.events
        each.events = [
            (at - crowd.touched[value]) * 1000
            for value, at in seat.seen.items()
            if value in crowd.touched and start <= crowd.touched[value] <= end and value > FIRST_VALUE
        ]
    return rounds


def first_paints(folder: Path) -> tuple[list[float], list[float]]:
    """From exec to the first paint, in ms: of the screen, and of an empty application."""
    ours, empty = [], []
    for _ in range(_STARTS):
        for found, argv in (
            (ours, [sys.executable, "-m", "rtmd", "tui", "--connect", str(folder / "nobody")]),
            (empty, [sys.executable, "-c", _EMPTY]),
        ):
            with Terminal(argv) as terminal:
                found.append((terminal.until(lambda t=terminal: t.shows("rtmd")) - terminal.started) * 1000)
    return ours, empty


def _spread(found: list[float]) -> str:
    if not found:
        return "–"
    found = sorted(found)
    return f"{statistics.median(found):.0f} / {found[int(0.95 * (len(found) - 1))]:.0f} / {found[-1]:.0f}"


def main() -> None:
    """Measure and print."""
    end_cleanly()
    with TemporaryDirectory(prefix="rtmd-screen-") as name:
        ours, empty = first_paints(Path(name))
        rounds = under_load(Path(name))
    print(f"| {' | '.join(_HEAD)} |\n|{' ---: |' * len(_HEAD)}")
    for each in rounds:
        print(each)
    print(f"\nload average of the machine: {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores")
    paint, bare = statistics.median(ours), statistics.median(empty)
    print(f"first paint {paint:.0f} ms, of an empty Textual application {bare:.0f} ms: {paint / bare:.2f} ×")
    if CI and not any(each.events for each in rounds):
        raise SystemExit("no event was ever painted")


if __name__ == "__main__":
    main()
