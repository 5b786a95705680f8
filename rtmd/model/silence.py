"""Silences as values (semantics S4): their state is a function of time, on the wall clock of people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rtmd.model.matcher import Matcher


class SilenceState(StrEnum):
    """Pending before its start, active through its end inclusive, then expired."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Silence:
    """What is silenced, from when to when, by whom and why."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: int
    ends_at: int
    created_by: str
    comment: str
    updated_at: int

    def state(self, wall: int) -> SilenceState:
        """The state at a wall time."""
        if wall < self.starts_at:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if wall <= self.ends_at else SilenceState.EXPIRED
