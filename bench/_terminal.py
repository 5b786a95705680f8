"""A process in a pseudo-terminal, and since when something is on its screen. Used by the benchmark of the screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import terminal

SIZE = (140, 50)


class Terminal(terminal.Terminal):
    """A process that draws; whoever measures reads, and knows when."""

    def __init__(self, argv: Sequence[str]) -> None:
        # What is installed has its bytecode.
        super().__init__(argv, size=SIZE, COLORTERM="", PYTHONDONTWRITEBYTECODE="")

    def line(self, y: int) -> str:
        """One line of the screen; `look` would take in the others too."""
        cells = self._screen.buffer[y]
        return "".join(cells[x].data for x in range(SIZE[0]))

    def until(self, met: Callable[[], object], seconds: float = 30.0) -> float:
        """When what made `met` true was read; RuntimeError where it does not come."""
        end = time.monotonic() + seconds
        while not met():
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"not within {seconds:g} s, the process says {self.process.poll()}:\n{self.look()}")
            self.read(0.05)
        return self.read_at

    def shows(self, text: str) -> bool:
        """The text is somewhere on the screen."""
        return any(text in self.line(y) for y in range(SIZE[1]))
