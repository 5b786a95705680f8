"""How late steps begin: a histogram of the time between the moment a grid point or deadline is due and its step.

Whatever holds the loop up (a large post, a reload, a busy machine) shows here first. A pause of more than two seconds
is a gap that nobody watched, and is no delay.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from rtmd.api.desk import Metric
from rtmd.model.labels import METRIC_NAME

_BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)  # ms
_NAME = "rtmd_step_delay_seconds"


class Delays:
    """Counts delays in ms."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._sum = 0

    def __repr__(self) -> str:
        return f"<Delays {sum(self._counts)}, {self._sum} ms together>"

    def add(self, delay: int) -> None:
        """One step that began so many ms late."""
        self._counts[bisect_left(_BOUNDS, delay)] += 1
        self._sum += delay

    def metric(self) -> Metric:
        """As /metrics shows it."""
        *counts, total = map(float, accumulate(self._counts))
        bounds = [f"{bound / 1000:g}" for bound in _BOUNDS]
        bucket, many = (METRIC_NAME, f"{_NAME}_bucket"), (METRIC_NAME, f"{_NAME}_count")
        rows = [((bucket, ("le", bound)), count) for bound, count in zip(bounds, counts, strict=True)]
        rows += [((bucket, ("le", "+Inf")), total)]
        ends = [(((METRIC_NAME, f"{_NAME}_sum"),), self._sum / 1000), ((many,), total)]
        return Metric(_NAME, "histogram", "How late steps began that were due.", [*rows, *ends])
