"""How long an instance may go without data (semantics S3).

It is unfed once nothing fed it for `patience`. What fires is kept then, for `no_data_limit`, as its feed may only have
died. But where every source that fed it goes on to deliver, without it, it left: that is a pod that was replaced, and
`left_limit` is enough. A source that is silent for as long as that has died, too: when it comes back, the time begins
anew.
"""

from __future__ import annotations

import numpy as np

from rtmd.engine.arrivals import Arrivals
from rtmd.engine.columns import INACTIVE, PENDING, Bools, Clocks
from rtmd.engine.plan import Plan
from rtmd.formats.batch import Ids
from rtmd.model.rule import MINUTE, NoData, Stage

UNFED_AFTER = 5 * MINUTE  # at least this long without a sample


def patience(signal: Plan) -> int:
    """How long an instance may go without a sample before it is unfed, ms."""
    return max(signal.window(), UNFED_AFTER)


class Departures:
    """What a stage makes of unfed instances whose sources live; it looks at them once a minute at most."""

    def __init__(self, stage: Stage, arrivals: Arrivals) -> None:
        self._stage = stage
        self._arrivals = arrivals

    def __repr__(self) -> str:
        return f"<Departures {self._stage.name} {self._stage.left_limit} ms>"

    def due(self, at: int) -> bool:
        """Whether to look at this grid point."""
        return at % MINUTE < self._stage.grid

    def since(self, series: Ids, *, unfed_since: int, left_since: int, at: int) -> int:
        """Since when the sources of these series have delivered without them, as far as was known, and now; 0: not."""
        silent = min(UNFED_AFTER, self._stage.left_limit) if not left_since else self._stage.left_limit
        delivered = self._arrivals.have_delivered(series, max(unfed_since, at - silent))
        return (left_since or at) if delivered else 0

    def over(self, series: Ids, left_since: int, at: int) -> bool:
        """Whether that has gone on for long enough, and still does."""
        long_ago = 0 < left_since <= at - self._stage.left_limit
        return long_ago and self._arrivals.have_delivered(series, at - UNFED_AFTER)

    def notice(self, clocks: Clocks, signal: Plan, at: int) -> Bools:
        """Write down which unfed rows turn out to have left, or not after all; gives those."""
        moved: Bools = np.zeros(clocks.size, np.bool_)
        for row in map(int, np.flatnonzero(clocks.unfed_since)) if self.due(at) else ():
            unfed, left = int(clocks.unfed_since[row]), int(clocks.left_since[row])
            since = self.since(signal.feeding(row), unfed_since=unfed, left_since=left, at=at)
            moved[row], clocks.left_since[row] = since != left, since
        return moved

    def lost(self, clocks: Clocks, signal: Plan, unfed: Bools, at: int) -> Bools:
        """Of rows that are unfed, those that end: the pending ones, and what was kept for long enough."""
        lost: Bools = unfed & (clocks.state != INACTIVE)
        if self._stage.no_data is NoData.RESOLVE and not self._stage.keep:
            return lost
        ends = at - clocks.unfed_since >= self._stage.no_data_limit
        ends |= (clocks.state == PENDING) & (clocks.rejudging_since == 0)
        for row in map(int, np.flatnonzero(clocks.left_since)) if self.due(at) else ():
            ends[row] |= self.over(signal.feeding(row), int(clocks.left_since[row]), at)
        lost &= ends
        return lost
