"""A column that grows: amortised appends, and a view of what is there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def room_for(size: int, known: int) -> int:
    """How many rows to make room for when there are to be `size`, and there was room for `known`."""
    return max(size, known + known // 4 + 8)


class Growing:
    """int64 numbers in order of arrival. `view` is the live part without a copy; it is stale after the next append."""

    __slots__ = ("_room", "_size")

    def __init__(self, numbers: NDArray[np.int64] | None = None) -> None:
        self._room = np.empty(8, np.int64) if numbers is None else np.append(numbers, np.empty(8, np.int64))
        self._size = 0 if numbers is None else len(numbers)

    def __len__(self) -> int:
        return self._size

    @property
    def view(self) -> NDArray[np.int64]:
        """Everything appended so far."""
        return self._room[: self._size]

    def append(self, number: int) -> None:
        """One more at the end."""
        if self._size == len(self._room):
            self._room = np.concatenate((self._room, np.empty_like(self._room)))
        self._room[self._size] = number
        self._size += 1
