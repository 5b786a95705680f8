"""Reactions as values: what is told to whom, and what is run and undone.

A notification goes through the durable outbox and is delivered at least once under a stable key; an action run
is started at most once: "started" is durable before the program runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rtmd.model.firing import Firing
from rtmd.model.labels import Labels
from rtmd.model.rule import StageName


class Told(StrEnum):
    """What a message says; also what the ledger remembers of a receiver."""

    FIRING = "firing"
    RAISED = "raised"
    STILL_FIRING = "still firing"
    RESOLVED = "resolved"
    # In the ledger only: suppressed when it should have been said.
    WITHHELD = "withheld"  # the receiver does not know that it fires
    RISE_WITHHELD = "rise withheld"  # it knows that, but not of the rise


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one receiver. `key` is stable over retries and restarts; `seq` rises per firing and receiver."""

    key: str
    receiver: str
    told: Told
    seq: int
    at: int
    reason: str
    firing: Firing


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What a receiver was last told about a firing (semantics S5)."""

    firing_id: str
    receiver: str
    told: Told
    seq: int
    at: int


class RunState(StrEnum):
    """The life of an action run; UNKNOWN: started, then the daemon died without a result."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    UNDOING = "undoing"
    UNDONE = "undone"
    UNDO_FAILED = "undo failed"


@dataclass(frozen=True, slots=True)
class ActionRun:
    """One run of an action for one stage of one firing."""

    id: str
    action: str
    firing_id: str
    rule: str
    labels: Labels
    stage: StageName
    state: RunState
    at: int
    detail: str = ""
