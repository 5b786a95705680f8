"""What happened to a firing, and why somebody was told or was not: `GET /api/rtmd/v1/explain/{firing}`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from rtmd.wire import FiringView


class EntryView(msgspec.Struct, frozen=True):
    """One thing that happened, at wall time `at`; `receiver` is whom it concerns (empty: everybody).

    `waits`: a message that is still on its way.
    """

    at: int
    kind: str
    text: str
    receiver: str = ""
    more: list[str] = []
    waits: bool = False


class StandingView(msgspec.Struct, frozen=True):
    """Where a receiver stands with a firing. Times are wall time; those ahead are None where nothing is planned.

    `knows` is what it was told last (or what of that was withheld), `held_by` what mutes the firing towards it now.
    """

    receiver: str
    route: str = ""
    stage: str = ""
    knows: str = ""
    knows_at: int | None = None
    withheld: str = ""  # why the latest news were
    held_by: str = ""
    looks_at: int | None = None  # when its group is looked at next
    acked_by: str = ""
    acked_until: int | None = None
    note: str = ""

    def sentence(self, clock: Callable[[int], str]) -> str:
        """What the receiver knows, what is held back from it, and when its group is looked at; `clock` writes times."""
        return self.note or "; ".join(self._parts(lambda wall: "–" if wall is None else clock(wall)))

    def _parts(self, clock: Callable[[int | None], str]) -> Iterator[str]:
        if not self.knows:
            yield "was told nothing so far"
        elif "withheld" in self.knows:
            yield f"{self.knows} since {clock(self.knows_at)}: {self.withheld}"
        else:
            yield f"told last at {clock(self.knows_at)}: {self.knows}"
        if self.held_by and self.held_by != self.withheld:
            yield f"muted: {self.held_by}"
        if self.acked_by:
            yield f"no repeats until {clock(self.acked_until)}: {self.acked_by} has it"
        if self.looks_at is not None:
            yield f"its group ({self.route}, {self.stage}) is looked at {clock(self.looks_at)}"
        elif self.route:
            yield f"its group ({self.route}, {self.stage}) waits for something to happen"


class ExplainView(msgspec.Struct, frozen=True):
    """The whole story of a firing, oldest first; `now` is where receivers stand while it is remembered.

    `truncated`: there was more than fits, and the oldest of it is left out.
    """

    at: int  # wall time
    firing: FiringView
    entries: list[EntryView]
    now: list[StandingView] = []
    truncated: bool = False
