"""Everything that can influence a decision, except samples (those are columns: `rtmd.formats.batch`).

`Pipeline.step(inputs, at)` is the only thing that reads these; whoever wants a decision changed sends one.
An input that somebody waits for carries `request`: the step answers it with exactly one `effects.Answered`. `by` is who
it is, `origin` where they asked from, both for the audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rtmd.model.action import Action, Hold, Proposal
from rtmd.model.external import ExternalPolicy, PostedAlert
from rtmd.model.firing import Firing, InstanceState
from rtmd.model.group import GroupTimes, Membership
from rtmd.model.labels import Labels
from rtmd.model.mark import Mark, MarkKind
from rtmd.model.matcher import Matcher
from rtmd.model.policy import Policy
from rtmd.model.reaction import ActionRun, Escalation, LedgerEntry, Notification, RunState, Storm
from rtmd.model.rule import RuleSet
from rtmd.model.silence import Lift, Silence


@dataclass(frozen=True, slots=True)
class RulesLoaded:
    """A complete, checked rule set takes the place of the present one; `note` says what that changes.

    `by` confirmed that many firing rules vanish.
    """

    rules: RuleSet
    note: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class ReactionsLoaded:
    """What the configuration says about reacting.

    `policy` says whom stages without `notify` tell, and what mutes what; `fallbacks` has who is told what a receiver
    cannot be told, `storms` how much a minute receivers are told one by one where that is not as usual; `external` is
    about alerts that others raise. With `react` off everything is judged and journalled, and nothing leaves the daemon.
    """

    receivers: frozenset[str] = frozenset()
    actions: Mapping[str, Action] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    react: bool = True
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    storms: Mapping[str, int] = field(default_factory=dict)
    external: ExternalPolicy = field(default_factory=ExternalPolicy)


@dataclass(frozen=True, slots=True)
class Restored:
    """What the store brought back after a restart: decisions, restored and never recomputed."""

    instances: tuple[InstanceState, ...] = ()
    firings: tuple[Firing, ...] = ()
    silences: tuple[Silence, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    groups: tuple[GroupTimes, ...] = ()
    memberships: tuple[Membership, ...] = ()
    runs: tuple[ActionRun, ...] = ()
    marks: tuple[Mark, ...] = ()
    storms: tuple[Storm, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class TimeGap:
    """From the step's `at` to `until` nobody was judging (suspend, stall, downtime, clock step).

    Engine deadlines move by the length of the gap and no grid point inside it is evaluated; people's deadlines
    stay where they are.
    """

    until: int
    reason: str


@dataclass(frozen=True, slots=True)
class WallClock:
    """Wall time is engine time plus `offset` ms from now on: people's deadlines follow it."""

    offset: int


@dataclass(frozen=True, slots=True)
class SilenceSet:
    """Create a silence, or edit the one with this id (semantics S4). Times are wall time.

    `author` is who it is from, as somebody says whose own name is not known. `version` is the one that was seen (0:
    any). What hides much, or for long, is made only once `confirmed`.
    """

    request: int
    by: str
    matchers: tuple[Matcher, ...]
    starts_at: int
    ends_at: int
    comment: str = ""
    id: str = ""
    author: str = ""
    lift: Lift = Lift.END
    version: int = 0
    confirmed: bool = False
    origin: str = ""


@dataclass(frozen=True, slots=True)
class SilenceExpired:
    """End a silence now, as of the version that was seen (0: any); idempotent."""

    request: int
    by: str
    id: str
    version: int = 0
    origin: str = ""


@dataclass(frozen=True, slots=True)
class AckSet:
    """Somebody takes a firing, as of the version they saw (0: any), for `length` ms (0: the stage's default)."""

    request: int
    by: str
    firing_id: str
    version: int = 0
    length: int = 0
    note: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class AckEnded:
    """Somebody gives back a firing that they have, as of the version they saw (0: any)."""

    request: int
    by: str
    firing_id: str
    version: int = 0
    origin: str = ""


@dataclass(frozen=True, slots=True)
class VerdictGiven:
    """Somebody says what a firing was: something real, or noise (semantics S14).

    `past` is the firing where it resolved so long ago that only the store remembers it.
    """

    request: int
    by: str
    firing_id: str
    real: bool
    past: Firing | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class MissReported:
    """Somebody saw what a rule should have fired for, and did not."""

    request: int
    by: str
    rule: str
    text: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class AlertsPosted:
    """What others raise, as `sender` posted it: each by itself, in order."""

    request: int
    sender: str
    alerts: tuple[PostedAlert, ...]


@dataclass(frozen=True, slots=True)
class MarkMade:
    """Somebody reports that something happened, at wall time `time` (0: now)."""

    request: int
    by: str
    kind: MarkKind
    text: str
    labels: Labels = ()
    time: int = 0
    origin: str = ""


@dataclass(frozen=True, slots=True)
class ProposalDecided:
    """Somebody approves or declines a proposal, as of the version they saw (0: any)."""

    request: int
    by: str
    proposal_id: str
    approved: bool
    version: int = 0
    reason: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class HoldSet:
    """Somebody stops all runs and approvals."""

    request: int
    by: str
    reason: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class HoldLifted:
    """Somebody lets things run again."""

    request: int
    by: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class RunAgain:
    """Somebody wants a run, or its undoing, once more: it failed, or nobody knows whether it was done."""

    request: int
    by: str
    run_id: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class ActionDone:
    """The result of running or undoing an action; UNKNOWN where it may have been done."""

    run_id: str
    state: RunState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryDone:
    """A receiver took a notification, after so many attempts, or never will (`error` says why)."""

    key: str
    receiver: str
    firing_ids: tuple[str, ...]
    error: str = ""
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A receiver could not be told this for too long, or never will be (`error` says why): its fallback is."""

    notification: Notification
    error: str


ActionRequest: TypeAlias = ProposalDecided | HoldSet | HoldLifted | RunAgain
PersonInput: TypeAlias = (
    SilenceSet | SilenceExpired | AckSet | AckEnded | VerdictGiven | MissReported | MarkMade | ActionRequest
)
AskedInput: TypeAlias = PersonInput | AlertsPosted
PlainInput: TypeAlias = (
    RulesLoaded
    | ReactionsLoaded
    | Restored
    | TimeGap
    | WallClock
    | AskedInput
    | ActionDone
    | DeliveryDone
    | Undelivered
)
