"""What happened to a firing, and why somebody was told or was not: `GET /api/rtmd/v1/explain/{firing}`."""

from __future__ import annotations

import msgspec

from rtmd.wire import FiringView


class EntryView(msgspec.Struct, frozen=True):
    """One thing that happened, at wall time `at`; `receiver` is whom it concerns (empty: everybody)."""

    at: int
    kind: str
    text: str
    receiver: str = ""
    more: list[str] = []


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


class ExplainView(msgspec.Struct, frozen=True):
    """The whole story of a firing, oldest first; `now` is where receivers stand while it is remembered.

    `truncated`: there was more than fits, and the oldest of it is left out.
    """

    at: int  # wall time
    firing: FiringView
    entries: list[EntryView]
    now: list[StandingView] = []
    truncated: bool = False
