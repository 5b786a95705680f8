"""The clocks of all instances of one stage, as parallel arrays that grow by a quarter.

What only a grid point may write answers with a mask of the rows that a restart would have to know.

A time of 0 means "not set": engine times are milliseconds since the epoch and never that small.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.growing import room_for
from rtmd.model.firing import StageRecord, StageState
from rtmd.model.rule import StageName

STATES = (StageState.INACTIVE, StageState.PENDING, StageState.FIRING, StageState.RECOVERING)
INACTIVE, PENDING, FIRING, RECOVERING = range(4)

Bools: TypeAlias = NDArray[np.bool_]

_COLUMNS = {
    "state": np.uint8,
    "active_at": np.int64,
    "keep_since": np.int64,
    "unfed_since": np.int64,
    "still_since": np.int64,
    "rejudging_since": np.int64,
    "left_since": np.int64,
    "history": np.uint64,
    "value": np.float64,
    "peak": np.float64,
    "shown": np.float64,
}
_TIMES = ("active_at", "keep_since", "unfed_since", "still_since", "rejudging_since", "left_since")
_UNKNOWN_AT_FIRST = frozenset({"value", "peak", "shown"})


class Clocks:
    """`size` rows; every attribute below is an array of that length, and a view: write into it, do not keep it."""

    state: NDArray[np.uint8]
    active_at: NDArray[np.int64]
    keep_since: NDArray[np.int64]
    unfed_since: NDArray[np.int64]
    still_since: NDArray[np.int64]
    rejudging_since: NDArray[np.int64]
    left_since: NDArray[np.int64]
    history: NDArray[np.uint64]
    value: NDArray[np.float64]
    peak: NDArray[np.float64]
    shown: NDArray[np.float64]

    def __init__(self) -> None:
        self.size = 0
        self._room = {name: np.zeros(0, dtype) for name, dtype in _COLUMNS.items()}
        self._expose()

    def grow(self, size: int) -> None:
        """Make it `size` rows; new ones are idle."""
        if size > len(self._room["state"]):
            capacity = room_for(size, len(self._room["state"]))
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
            for column in self._times:
                column[row] = 0
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
        for column in self._times:
            column[column > 0] += gap

    def raise_peaks(self, values: NDArray[np.float64], seen: Bools, *, falls: bool) -> Bools:
        """Let values of burning rows that were seen be their peaks, where they are (where values fall: lower)."""
        extreme = (np.fmin if falls else np.fmax)(self.peak, values)
        moved: Bools = seen & (self.state >= FIRING) & (extreme != self.peak) & ~np.isnan(extreme)
        np.copyto(self.peak, extreme, where=moved)
        return moved

    def stand_still(self, frozen: Bools, before: int) -> Bools:
        """Clocks of rows of which nothing can be said stop, as of the grid point before (or of their start)."""
        moved: Bools = frozen & (self.state != INACTIVE) & (self.still_since == 0)
        self.still_since[moved] = np.maximum(self.active_at[moved], before)
        return moved

    def go_on(self, seen: Bools, before: int) -> Bools:
        """Clocks that stood still until the grid point before go on from where they stood."""
        moved: Bools = seen & (self.still_since > 0)
        if moved.any():
            pause = np.maximum(before - self.still_since, 0)
            self.active_at += np.where(moved & (self.state == PENDING), pause, 0)
            self.keep_since += np.where(moved & (self.state == RECOVERING), pause, 0)
            self.still_since[moved] = 0
        return moved

    def notice_unfed(self, unfed: Bools, at: int) -> Bools:
        """Note since when rows that are not idle have been unfed."""
        lost = unfed & (self.state != INACTIVE)
        moved: Bools = lost != (self.unfed_since > 0)
        self.unfed_since[moved] = np.where(lost[moved], at, 0)
        self.left_since[moved] = 0
        return moved

    def show(self) -> NDArray[np.int64]:
        """The rows that are not idle and have another value than at the last call."""
        rows: NDArray[np.int64] = np.flatnonzero(self.state != INACTIVE)
        values, shown = self.value[rows], self.shown[rows]
        rows = rows[(values != shown) & ~(np.isnan(values) & np.isnan(shown))]
        self.shown[rows] = self.value[rows]
        return rows

    def read(self, row: int, name: StageName) -> StageRecord:
        """One row as a record."""
        return StageRecord(
            name,
            STATES[self.state[row]],
            active_at=int(self.active_at[row]) or None,
            keep_since=int(self.keep_since[row]) or None,
            unfed_since=int(self.unfed_since[row]) or None,
            history=int(self.history[row]),
            value=known(self.value[row]),
            peak=known(self.peak[row]),
            still_since=int(self.still_since[row]) or None,
            rejudging_since=int(self.rejudging_since[row]) or None,
            left_since=int(self.left_since[row]) or None,
        )

    def write(self, row: int, record: StageRecord) -> None:
        """One row from a record."""
        self.state[row] = STATES.index(record.state)
        self.active_at[row] = record.active_at or 0
        self.keep_since[row] = record.keep_since or 0
        self.unfed_since[row] = record.unfed_since or 0
        self.still_since[row] = record.still_since or 0
        self.rejudging_since[row] = record.rejudging_since or 0
        self.left_since[row] = record.left_since or 0
        self.history[row] = record.history
        self.value[row] = np.nan if record.value is None else record.value
        self.peak[row] = np.nan if record.peak is None else record.peak

    @property
    def _times(self) -> tuple[NDArray[np.int64], ...]:
        return tuple(getattr(self, name) for name in _TIMES)

    def _expose(self) -> None:
        for name, column in self._room.items():
            setattr(self, name, column[: self.size])


def known(value: np.float64) -> float | None:
    """A value that is not NaN."""
    return None if np.isnan(value) else float(value)


def mask(of: int) -> np.uint64:
    """The last so many grid points of a history."""
    return np.uint64((1 << of) - 1)
