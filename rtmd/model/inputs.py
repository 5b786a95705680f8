"""Everything that can influence a decision, except samples (those are columns: `rtmd.formats.batch`).

`Pipeline.step(inputs, at)` is the only thing that reads these; whoever wants a decision changed sends one.
An input that somebody waits for carries `request`: the step answers it with exactly one `effects.Answered`. `by` is who
it is, `origin` where they asked from, both for the audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct, field

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


class RulesLoaded(Struct, frozen=True):
    """A complete, checked rule set takes the place of the present one; `note` says what that changes.

    `by` confirmed that many firing rules vanish.
    """

    rules: RuleSet
    note: str = ""
    by: str = ""


class ReactionsLoaded(Struct, frozen=True):
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


class Restored(Struct, frozen=True):
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


class TimeGap(Struct, frozen=True):
    """From the step's `at` to `until` nobody was judging (suspend, stall, downtime, clock step).

    Engine deadlines move by the length of the gap and no grid point inside it is evaluated; people's deadlines
    stay where they are.
    """

    until: int
    reason: str


class WallClock(Struct, frozen=True):
    """Wall time is engine time plus `offset` ms from now on: people's deadlines follow it."""

    offset: int


class SilenceSet(Struct, frozen=True):
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


class SilenceExpired(Struct, frozen=True):
    """End a silence now, as of the version that was seen (0: any); idempotent."""

    request: int
    by: str
    id: str
    version: int = 0
    origin: str = ""


class AckSet(Struct, frozen=True):
    """Somebody takes a firing, as of the version they saw (0: any), for `length` ms (0: the stage's default)."""

    request: int
    by: str
    firing_id: str
    version: int = 0
    length: int = 0
    note: str = ""
    origin: str = ""


class AckEnded(Struct, frozen=True):
    """Somebody gives back a firing that they have, as of the version they saw (0: any)."""

    request: int
    by: str
    firing_id: str
    version: int = 0
    origin: str = ""


class VerdictGiven(Struct, frozen=True):
    """Somebody says what a firing was: something real, or noise (semantics S14).

    `past` is the firing where it resolved so long ago that only the store remembers it.
    """

    request: int
    by: str
    firing_id: str
    real: bool
    past: Firing | None = None
    origin: str = ""


class MissReported(Struct, frozen=True):
    """Somebody saw what a rule should have fired for, and did not."""

    request: int
    by: str
    rule: str
    text: str
    origin: str = ""


class AlertsPosted(Struct, frozen=True):
    """What others raise, as `sender` posted it: each by itself, in order."""

    request: int
    sender: str
    alerts: tuple[PostedAlert, ...]


class MarkMade(Struct, frozen=True):
    """Somebody reports that something happened, at wall time `time` (0: now)."""

    request: int
    by: str
    kind: MarkKind
    text: str
    labels: Labels = ()
    time: int = 0
    origin: str = ""


class ProposalDecided(Struct, frozen=True):
    """Somebody approves or declines a proposal, as of the version they saw (0: any)."""

    request: int
    by: str
    proposal_id: str
    approved: bool
    version: int = 0
    reason: str = ""
    origin: str = ""


class HoldSet(Struct, frozen=True):
    """Somebody stops all runs and approvals."""

    request: int
    by: str
    reason: str
    origin: str = ""


class HoldLifted(Struct, frozen=True):
    """Somebody lets things run again."""

    request: int
    by: str
    origin: str = ""


class RunAgain(Struct, frozen=True):
    """Somebody wants a run, or its undoing, once more: it failed, or nobody knows whether it was done."""

    request: int
    by: str
    run_id: str
    origin: str = ""


class ActionDone(Struct, frozen=True):
    """The result of running or undoing an action; UNKNOWN where it may have been done."""

    run_id: str
    state: RunState
    detail: str = ""


class DeliveryDone(Struct, frozen=True):
    """A receiver took a notification, after so many attempts, or never will (`error` says why)."""

    key: str
    receiver: str
    firing_ids: tuple[str, ...]
    error: str = ""
    attempts: int = 1


class Undelivered(Struct, frozen=True):
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
