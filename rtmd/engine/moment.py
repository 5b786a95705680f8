"""Which instant a node reads when it is asked for another: `offset`, `@`, and what `start()` and `end()` are.

All nodes share one moment, and find here what was read for several of them together.
"""

from __future__ import annotations

from typing import Any, Protocol

from rtmd.engine.presence import Column
from rtmd.model.expr import Edge, Shift


class ReadTogether(Protocol):
    """Leaves that look at their series in the same way, computed in one go."""

    def part(self, leaf: Any, instant: tuple[int, ...]) -> Column | None:
        """The column of one leaf, if it is among them and was read then."""
        ...


class Moment:
    """The time that is asked for as a whole, set before each evaluation; both ends are equal for a rule."""

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self.grown = 0  # rises when a leaf gets rows
        self.together: dict[Any, ReadTogether] = {}  # by look

    def __repr__(self) -> str:
        return f"<Moment {self.start} to {self.end}>"

    def be(self, start: int, end: int) -> None:
        """What `@ start()` and `@ end()` mean from now on."""
        self.start, self.end = start, end

    def seen(self, shift: Shift, at: int) -> int:
        """The instant that a shifted selector or subquery reads when it is evaluated at `at`."""
        match shift.at:
            case None:
                return at - shift.back
            case Edge.START:
                return self.start - shift.back
            case Edge.END:
                return self.end - shift.back
            case fixed:
                return fixed - shift.back
