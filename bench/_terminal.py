"""A process in a pseudo-terminal, and what is on its screen and since when. Used by the benchmark of the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from typing import Self

import pyte

SIZE = (140, 50)


class Terminal:
    """A process that draws; whoever measures reads."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "COLORTERM": ""}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)
        self._screen = pyte.Screen(*SIZE)
        self._stream = pyte.ByteStream(self._screen)
        self.bytes = 0
        self.read_at = self.started  # when the latest bytes came

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def line(self, y: int) -> str:
        """One line of the screen."""
        cells = self._screen.buffer[y]
        return "".join(cells[x].data for x in range(SIZE[0]))

    def press(self, key: str) -> float:
        """Type; when that was."""
        at = time.monotonic()
        os.write(self._master, key.encode())
        return at

    def read(self, seconds: float) -> bool:
        """Take in what was drawn, waiting so long for something; False: nothing came."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            got = os.read(self._master, 65_536)
        except OSError:
            return False
        self.read_at = time.monotonic()
        self.bytes += len(got)
        self._stream.feed(got)
        return True

    def until(self, met: Callable[[], object], seconds: float = 30.0) -> float:
        """When what made `met` true was read; RuntimeError where it does not come."""
        end = time.monotonic() + seconds
        while not met():
            if time.monotonic() > end or self.process.poll() is not None:
                shown = "\n".join(self.line(y) for y in range(SIZE[1]))
                raise RuntimeError(f"not within {seconds:g} s, and the process says {self.process.poll()}:\n{shown}")
            self.read(0.05)
        return self.read_at

    def shows(self, text: str) -> bool:
        """The text is somewhere on the screen."""
        return any(text in self.line(y) for y in range(SIZE[1]))
