"""Silences as values (semantics S4): their state is a function of time, on the wall clock of people."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from rtmd.model.matcher import Matcher

_LEAST_NOTICE = 30_000


class SilenceState(StrEnum):
    """Pending before its start, active through its end inclusive, then expired."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


class Lift(StrEnum):
    """What ends a silence: its end alone, or sooner that all it matched has resolved."""

    END = "end"
    RESOLVED = "resolved"


class Silence(Struct, frozen=True):
    """What is silenced, from when to when, by whom and why; times are wall time.

    `version` rises with each change that a person makes (`updated_by`, `updated_at`) and when it is lifted. The rest is
    what became of it: `suppressed` counts messages that it withheld, `matched_at` is when it last began or ceased to
    cover something that fires (None: it never did), and with `announced` its end is dealt with.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: int
    ends_at: int
    created_by: str
    comment: str
    updated_at: int
    lift: Lift = Lift.END
    version: int = 1
    updated_by: str = ""
    suppressed: int = 0
    matched_at: int | None = None
    announced: bool = False

    def state(self, wall: int) -> SilenceState:
        """The state at a wall time."""
        if wall < self.starts_at:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if wall <= self.ends_at else SilenceState.EXPIRED

    @property
    def warns_at(self) -> int | None:
        """When its end is near: a tenth of its length before, at least 30 s; None for one that is shorter."""
        near = self.ends_at - max(_LEAST_NOTICE, (self.ends_at - self.starts_at) // 10)
        return near if near > self.starts_at else None

    def ending(self, wall: int) -> bool:
        """Whether it is active and its end is near."""
        return self.warns_at is not None and self.warns_at <= wall <= self.ends_at
