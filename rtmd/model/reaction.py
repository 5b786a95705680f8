"""Reactions as values: what is told to whom, and what is run and undone.

A notification goes through the durable outbox and is delivered at least once under a stable key; an action run
is started at most once: "started" is durable before the program runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rtmd.model.firing import Firing, StageRecord
from rtmd.model.labels import Labels
from rtmd.model.rule import Severity, StageName


class Told(StrEnum):
    """What a message says; also what the ledger remembers of a receiver."""

    FIRING = "firing"
    RAISED = "raised"
    STILL_FIRING = "still firing"
    FLAPPING = "flapping"  # it comes and goes, and nothing more is said until that is over
    RESOLVED = "resolved"
    # In the ledger only: suppressed when it should have been said.
    WITHHELD = "withheld"  # the receiver does not know that it fires
    RISE_WITHHELD = "rise withheld"  # it knows that, but not of the rise, or of a silence that has ended since


class NotifyReason(StrEnum):
    """Why a receiver is told; recorded with the message (semantics S6)."""

    FIRST = "first firing"
    NEW = "new firing"
    ALL_RESOLVED = "all resolved"
    SOME_RESOLVED = "some resolved"
    REPEAT = "repeat"
    SILENCE_ENDS = "silence ends"


@dataclass(frozen=True, slots=True)
class Alert:
    """What a message says of one firing, and why; `seq` rises with each time a receiver is told of the firing.

    `runs` are the action runs of the firing so far.
    """

    firing: Firing
    told: Told
    seq: int
    reason: str
    runs: tuple[ActionRun, ...] = ()

    @property
    def resolved(self) -> bool:
        """The firing is over."""
        return self.told is Told.RESOLVED

    @property
    def record(self) -> StageRecord | None:
        """The stage that the firing is in, or was in last."""
        return self.firing.record(self.firing.stage)


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one receiver about firings that are told together, those with news in `alerts` (at least one).

    `key` is stable over retries and restarts. `group` has the labels that the firings share because they are grouped by
    them; `standing` what else fires in the group, as the receiver knows. `instead_of` is the receiver that it was meant
    for and `because` why that one could not be told. `test`: somebody tries the receiver out, nothing fires.
    """

    key: str
    receiver: str
    at: int
    reason: NotifyReason
    alerts: tuple[Alert, ...]
    group: Labels = ()
    standing: tuple[Firing, ...] = ()
    instead_of: str = ""
    because: str = ""
    test: bool = False

    @property
    def severity(self) -> Severity:
        """That of the worst firing in it; of the worst one that ended when none fires."""
        open_ones = [alert.firing.severity for alert in self.alerts if not alert.resolved]
        open_ones += [firing.severity for firing in self.standing]
        return max(open_ones or [alert.firing.severity for alert in self.alerts], key=lambda severity: severity.rank)

    @property
    def resolved(self) -> bool:
        """Nothing that it is about fires any more."""
        return not self.standing and all(alert.told is Told.RESOLVED for alert in self.alerts)

    @property
    def firing_ids(self) -> tuple[str, ...]:
        """The firings that it has news of."""
        return tuple(alert.firing.id for alert in self.alerts)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What a receiver was last told about a firing (semantics S5), at which stage; `why` something was withheld."""

    firing_id: str
    receiver: str
    told: Told
    seq: int
    at: int
    stage: StageName | None = None
    why: str = ""


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
