"""When the story of a firing is asked for again: where it changed, not every second, for it is read from disk.

What the stream shows of a firing says that something happened to it. What happens to messages, and the moments at
which groups are looked at, the stream does not show: those are waited for, and where messages are on their way it is
asked a while later.
"""

from __future__ import annotations

from collections.abc import Hashable

from rtmd.wire import FiringView
from rtmd.wire.explain import ExplainView

AFTER_FAILURE = 2_000  # ms
WAITING = 5_000  # between two questions where nothing is known to have happened
_LATER = 1_000  # after a moment that was planned
_PATIENCE = 10  # times as long as the last one took


def facts(firing: FiringView) -> Hashable:
    """What changes when something happened to the firing that its story tells."""
    flags, silences = tuple(firing.flags), tuple(firing.silenced_by)
    return firing.id, firing.version, firing.state, flags, silences, firing.inhibited_by, firing.verdict


def due(told: ExplainView, took: int) -> int | None:
    """In how many ms it may go on without the stream showing it; None: it will not."""
    planned = [at - told.at + _LATER for each in told.now for at in (each.looks_at, each.acked_until) if at is not None]
    if any(entry.waits for entry in told.entries):
        planned.append(WAITING)
    return max(min(planned), WAITING, _PATIENCE * took) if planned else None
