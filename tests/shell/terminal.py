"""Somebody at a terminal: a pseudo-terminal with a program in it, and a picture of what the program drew.

    with Terminal(["rtmd", "tui"]) as seat:
        seat.sees("NEW")
        seat.press("a")

Nothing is drawn into the picture unless somebody looks: a terminal that nobody looks at is a stalled one.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pyte


class Terminal:
    """A terminal of so many columns and rows; `environment` is added to this process's own."""

    def __init__(self, command: Sequence[str], *, size: tuple[int, int] = (120, 30), **environment: str) -> None:
        columns, rows = size
        self.raw = bytearray()  # all that was drawn
        self.started = self.read_at = time.monotonic()  # read_at: when the latest of it came
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        env = {**inherited, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def cpu(self) -> int:
        """The time that the program has worked, in ticks of the kernel."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return int(stat[11]) + int(stat[12])

    @property
    def sockets(self) -> int:
        """How many sockets the program has open."""
        found = 0
        for entry in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                found += str(entry.readlink()).startswith("socket:")
            except OSError:  # it was closed just now
                continue
        return found

    def read(self, seconds: float) -> bool:
        """Take in some of what was drawn, waiting so long for it; False: there was nothing."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            drawn = os.read(self._master, 65_536)
        except OSError:  # the other end is gone
            return False
        self.read_at = time.monotonic()
        self.raw += drawn
        self._stream.feed(drawn)
        return True

    def look(self, seconds: float = 0.05) -> str:
        """What stands on the screen, after taking in what was drawn."""
        while self.read(seconds):
            seconds = 0
        return "\n".join(line.rstrip() for line in self._screen.display)

    def sees(self, *texts: str, within: float = 60) -> None:
        """Wait for texts to stand on the screen."""
        until = time.monotonic() + within
        while not all(text in self.look() for text in texts):
            assert time.monotonic() < until, f"no {texts} on\n{self.look()}"

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def ends(self, within: float = 60) -> int:
        """The exit code."""
        until = time.monotonic() + within
        while self.process.poll() is None:
            self.look()
            assert time.monotonic() < until, self.look()
        self.look()
        return self.process.returncode

    def stop(self) -> None:
        """The program does nothing until `go_on`."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It works again."""
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
