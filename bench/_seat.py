"""The screen as a process that also watches its own event loop: `_seat.py SOCKET FILE`.

A timer wants to run every 10 ms. The most that the loop's thread computed between two of its runs, in ms, goes into
FILE twice a second, and is forgotten when FILE is removed. Time of computing, not of the clock: what other programs
take from the machine meanwhile is not what is asked.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from tui.app import RtmdApp

_EVERY = 0.01


class Watched(RtmdApp):
    """The screen, and how long it holds its loop."""

    def __init__(self, target: str, path: Path) -> None:
        super().__init__(target)
        self._path = path
        self._worst = 0.0

    def on_mount(self) -> None:
        """Begin to watch; the screen's own `on_mount` is called too, as Textual does it."""
        loop = asyncio.get_running_loop()

        def look(before: float) -> None:
            self._worst = max(self._worst, time.thread_time() - before)
            loop.call_later(_EVERY, look, time.thread_time())

        look(time.thread_time())
        self.set_interval(0.5, self._tell)

    def _tell(self) -> None:
        if not self._path.exists():
            self._worst = 0.0
        new = self._path.with_suffix(".new")
        new.write_text(f"{self._worst * 1000:.1f}")
        new.replace(self._path)  # whoever reads it finds a figure


if __name__ == "__main__":
    Watched(sys.argv[1], Path(sys.argv[2])).run()
