"""The clocks of all instances of one stage, as parallel arrays that grow by doubling.

A time of 0 means "not set": engine times are milliseconds since the epoch and never that small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtmd.model.firing import StageRecord, StageState
from rtmd.model.rule import StageName

STATES = (StageState.INACTIVE, StageState.PENDING, StageState.FIRING, StageState.RECOVERING)
INACTIVE, PENDING, FIRING, RECOVERING = range(4)

_COLUMNS = {
    "state": np.uint8,
    "active_at": np.int64,
    "keep_since": np.int64,
    "unfed_since": np.int64,
    "history": np.uint64,
    "value": np.float64,
    "peak": np.float64,
}
_UNKNOWN_AT_FIRST = frozenset({"value", "peak"})


class Clocks:
    """`size` rows; every attribute below is an array of that length, and a view: write into it, do not keep it."""

    state: NDArray[np.uint8]
    active_at: NDArray[np.int64]
    keep_since: NDArray[np.int64]
    unfed_since: NDArray[np.int64]
    history: NDArray[np.uint64]
    value: NDArray[np.float64]
    peak: NDArray[np.float64]

    def __init__(self) -> None:
        self.size = 0
        self._room = {name: np.zeros(0, dtype) for name, dtype in _COLUMNS.items()}
        self._expose()

    def grow(self, size: int) -> None:
        """Make it `size` rows; new ones are idle."""
        if size > len(self._room["state"]):
            capacity = max(size, 2 * len(self._room["state"]), 8)
            for name, column in self._room.items():
                larger = np.full(capacity, np.nan if name in _UNKNOWN_AT_FIRST else 0, column.dtype)
                larger[: self.size] = column[: self.size]
                self._room[name] = larger
        self.size = size
        self._expose()

    def enter(self, row: int, state: StageState, at: int) -> None:
        """Set the clocks of one row for a state it has just come to."""
        code = STATES.index(state)
        if code == INACTIVE:
            self.active_at[row] = self.keep_since[row] = self.unfed_since[row] = 0
        elif code == RECOVERING:
            self.keep_since[row] = at
        else:
            self.active_at[row] = self.active_at[row] or at
            self.keep_since[row] = 0
            if self.state[row] < FIRING:
                self.peak[row] = self.value[row] if code == FIRING else np.nan
        self.state[row] = code

    def shift(self, gap: int) -> None:
        """Move every running clock by `gap` ms."""
        for column in (self.active_at, self.keep_since, self.unfed_since):
            column[column > 0] += gap

    def read(self, row: int, name: StageName) -> StageRecord:
        """One row as a record."""
        return StageRecord(
            name,
            STATES[self.state[row]],
            active_at=int(self.active_at[row]) or None,
            keep_since=int(self.keep_since[row]) or None,
            unfed_since=int(self.unfed_since[row]) or None,
            history=int(self.history[row]),
            value=_known(self.value[row]),
            peak=_known(self.peak[row]),
        )

    def write(self, row: int, record: StageRecord) -> None:
        """One row from a record."""
        self.state[row] = STATES.index(record.state)
        self.active_at[row] = record.active_at or 0
        self.keep_since[row] = record.keep_since or 0
        self.unfed_since[row] = record.unfed_since or 0
        self.history[row] = record.history
        self.value[row] = np.nan if record.value is None else record.value
        self.peak[row] = np.nan if record.peak is None else record.peak

    def _expose(self) -> None:
        for name, column in self._room.items():
            setattr(self, name, column[: self.size])


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
