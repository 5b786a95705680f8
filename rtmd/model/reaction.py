"""Reactions as values: what is told to whom, and what is run and undone.

A notification goes through the durable outbox and is delivered at least once under a stable key; an action run
is started at most once: "started" is durable before the program runs.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

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
    ESCALATION = "escalation"  # nobody has it
    STORM = "storm"  # in place of many others


class StormPhase(StrEnum):
    """What a summary says of a storm."""

    BEGINS = "begins"
    LASTS = "lasts"
    OVER = "over"


class Alert(Struct, frozen=True):
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


class Digest(Struct, frozen=True):
    """What a message says of more firings than it lists; without a phase it is no storm, but a long repetition.

    Since then so many fired towards the receiver (of which `new` since the summary before) and so many ended;
    `firing` is what it knows to fire now. `first` is the rule that fired first, `top` the three that fired most.
    """

    phase: StormPhase | None
    since: int  # engine time
    fired: int = 0
    new: int = 0
    ended: int = 0
    firing: int = 0
    first: str = ""
    top: tuple[tuple[str, int], ...] = ()
    severity: Severity = Severity.INFO


class Notification(Struct, frozen=True):
    """One message to one receiver about firings that are told together, those with news in `alerts` (at least one).

    With a `digest` there are more than these.

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
    digest: Digest | None = None

    @property
    def severity(self) -> Severity:
        """That of the worst firing in it; of the worst one that ended when none fires."""
        if self.digest is not None:
            return self.digest.severity
        open_ones = [alert.firing.severity for alert in self.alerts if not alert.resolved]
        open_ones += [firing.severity for firing in self.standing]
        return max(open_ones or [alert.firing.severity for alert in self.alerts], key=lambda severity: severity.rank)

    @property
    def resolved(self) -> bool:
        """Nothing that it is about fires any more."""
        if self.digest is not None:
            return not self.digest.firing
        return not self.standing and all(alert.told is Told.RESOLVED for alert in self.alerts)

    @property
    def firing_ids(self) -> tuple[str, ...]:
        """The firings that it has news of."""
        return tuple(alert.firing.id for alert in self.alerts)


class LedgerEntry(Struct, frozen=True):
    """What a receiver was last told about a firing (semantics S5), at which stage; `why` something was withheld."""

    firing_id: str
    receiver: str
    told: Told
    seq: int
    at: int
    stage: StageName | None = None
    why: str = ""


class News(Struct, frozen=True):
    """How many firings of a rule a receiver was to be told of in a second of engine time, or their ends."""

    second: int
    rule: str
    ended: bool
    count: int


class Storm(Struct, frozen=True):
    """How it stands with a receiver (`alerting.storms`): its news of the last minute, and the storm that lasts.

    `counts` has what fired in the storm by rule, `lead` the alert that stands for all, `told` how many fired up to the
    last of `number` summaries, `due` the time of the next.
    """

    receiver: str
    since: int = 0  # engine time; 0: there is none
    due: int = 0
    first: str = ""
    lead: Alert | None = None
    severity: Severity = Severity.INFO
    number: int = 0
    told: int = 0
    ended: int = 0
    counts: tuple[tuple[str, int], ...] = ()
    recent: tuple[News, ...] = ()

    @property
    def lasts(self) -> bool:
        """There is a storm."""
        return self.since > 0


class Escalation(Struct, frozen=True):
    """How far the escalation of a firing is: the next `step` (from 0), counted from wall time `since`."""

    firing_id: str
    name: str
    since: int
    step: int = 0


class RunState(StrEnum):
    """The life of an action run (the table is in `alerting.runs`)."""

    WAITING = "waiting"  # a brake is on
    CALLED_OFF = "called off"  # what it waited for came too late
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"  # started, then the daemon died without a result
    UNDO_WAITING = "undo waits"  # everything is held
    UNDOING = "undoing"
    UNDONE = "undone"
    UNDO_FAILED = "undo failed"
    UNDO_UNKNOWN = "undo unknown"  # as UNKNOWN


# Something is to come of it yet: a result, or the undo that a hold puts off. Its firing is kept until then.
UNDER_WAY = frozenset({RunState.STARTED, RunState.UNDO_WAITING, RunState.UNDOING})

# What comes back of a run that was under way when the daemon died: nobody knows how far it came.
INTERRUPTED = {RunState.STARTED: RunState.UNKNOWN, RunState.UNDOING: RunState.UNDO_UNKNOWN}


class ActionRun(Struct, frozen=True):
    """One run of an action for one stage of one firing.

    `started_at` is engine time, as `at`, that of its state. `ended`: its stage was over before it was done. `by` is who
    approved it, or had it run again.
    """

    id: str
    action: str
    firing_id: str
    rule: str
    labels: Labels
    stage: StageName
    state: RunState
    at: int
    detail: str = ""
    started_at: int | None = None
    ended: bool = False
    by: str = ""
