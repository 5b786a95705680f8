"""The signal of a firing over time."""

from __future__ import annotations

import msgspec


class CurveView(msgspec.Struct, frozen=True):
    """`GET /api/rtmd/v1/firings/{id}/curve`: what one stage looked at, of this one instance.

    Values stand at `start`, `start + step` … (engine time, at grid points of the stage); None: there was none.
    `problem` says why there are no values.
    """

    firing: str
    stage: str = ""
    query: str = ""
    start: int = 0
    step: int = 1
    values: list[float | None] = []
    thresholds: list[float] = []  # two, when it fires outside of both
    clears: list[float] = []  # where it ends, if that is elsewhere
    problem: str = ""

    @property
    def end(self) -> int:
        """The time of the last value."""
        return self.start + self.step * max(0, len(self.values) - 1)
