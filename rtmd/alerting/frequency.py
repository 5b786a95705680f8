"""How often actions run (`at_most`): the starts of each in a sliding window, over all firings. Engine time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from rtmd.model.action import UNITS, AtMost
from rtmd.model.reaction import ActionRun

_LONGEST = max(UNITS.values())  # that a limit may be about


class Frequency:
    """When each action was started, as far back as a limit may ask."""

    def __init__(self) -> None:
        self._starts: dict[str, list[int]] = {}

    def __repr__(self) -> str:
        return f"<Frequency {sum(map(len, self._starts.values()))} starts>"

    def restore(self, runs: Iterable[ActionRun]) -> None:
        """Take in the starts that the store knows of."""
        for run in runs:
            if run.started_at is not None:
                self.add(run.action, run.started_at)

    def add(self, action: str, at: int) -> None:
        """It is started."""
        starts = self._starts.setdefault(action, [])
        insort(starts, at)
        del starts[: bisect_left(starts, starts[-1] - _LONGEST)]

    def free_at(self, action: str, limit: AtMost, at: int) -> int | None:
        """When it may run again; None: now."""
        starts = self._starts.get(action, [])
        recent = [start for start in starts if start > at - limit.per]
        return None if len(recent) < limit.count else recent[-limit.count] + limit.per
