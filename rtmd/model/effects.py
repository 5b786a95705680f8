"""Everything a step can ask of the world.

The shell commits all `Durable` effects of a step in one transaction, then performs the rest, in order. `Notify`
is both: its outbox row is part of the transaction, its delivery comes after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rtmd.model.action import Hold, Proposal
from rtmd.model.firing import Firing, InstanceState
from rtmd.model.group import GroupKey, GroupTimes, Membership
from rtmd.model.labels import Labels
from rtmd.model.mark import Mark
from rtmd.model.matcher import Matcher
from rtmd.model.reaction import ActionRun, Escalation, LedgerEntry, Notification, Storm
from rtmd.model.silence import Silence


@dataclass(frozen=True, slots=True)
class InstanceSaved:
    """The clocks of an instance changed."""

    state: InstanceState


@dataclass(frozen=True, slots=True)
class InstanceDropped:
    """An instance is idle again: nothing of it needs to be kept."""

    rule: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class FiringSaved:
    """A firing opened or changed its version."""

    firing: Firing


@dataclass(frozen=True, slots=True)
class SilenceSaved:
    """A silence was made, changed or expired."""

    silence: Silence


@dataclass(frozen=True, slots=True)
class SilenceDropped:
    """A silence expired so long ago that it is forgotten."""

    id: str


@dataclass(frozen=True, slots=True)
class MarkSaved:
    """Something was reported."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class MarkDropped:
    """A mark is too old to matter."""

    id: str


@dataclass(frozen=True, slots=True)
class LedgerSaved:
    """A receiver is being told something."""

    entry: LedgerEntry


@dataclass(frozen=True, slots=True)
class GroupSaved:
    """A group was looked at, or will be."""

    times: GroupTimes


@dataclass(frozen=True, slots=True)
class GroupDropped:
    """A group has no members any more."""

    key: GroupKey


@dataclass(frozen=True, slots=True)
class MembershipSaved:
    """A firing entered or left groups; without any its row goes."""

    membership: Membership


@dataclass(frozen=True, slots=True)
class StormSaved:
    """What came towards a receiver lately, or its storm, changed."""

    storm: Storm


@dataclass(frozen=True, slots=True)
class RunSaved:
    """An action run changed its state."""

    run: ActionRun


@dataclass(frozen=True, slots=True)
class ProposalSaved:
    """A proposal was made, or changed its version."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class EscalationSaved:
    """An escalation began, or told a step."""

    escalation: Escalation


@dataclass(frozen=True, slots=True)
class EscalationDropped:
    """It is over."""

    firing_id: str


@dataclass(frozen=True, slots=True)
class HoldSaved:
    """Everything is held; None: not any more."""

    hold: Hold | None


@dataclass(frozen=True, slots=True)
class Journaled:
    """One line of the journal: what happened, when (engine time), to which rule and firing."""

    at: int
    # transition | outcome | flapping | ack | verdict | missed | silence | mark | action | proposal | hold | told
    # delivery | suppressed | escalation | storm | gap | rules
    kind: str
    rule: str = ""
    firing_id: str = ""
    text: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audited:
    """Somebody changed something, or was refused to (wall time); `origin` is where they asked from."""

    at: int
    by: str
    verb: str
    object: str
    detail: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Notify:
    """Deliver this; the outbox keeps it until the receiver took it."""

    notification: Notification


@dataclass(frozen=True, slots=True)
class RunAction:
    """Run an action, or with `undo` its reversal, for a run of this firing that is already saved."""

    run: ActionRun
    undo: bool = False
    firing: Firing | None = None


@dataclass(frozen=True, slots=True)
class FillWanted:
    """New plans have empty windows: fill them from the sample log, back to engine time `since`.

    Only series that one of these selectors (a tuple of matchers each) matches are of use.
    """

    since: int
    selectors: tuple[tuple[Matcher, ...], ...]


@dataclass(frozen=True, slots=True)
class Touched:
    """What screens show of these firings changed (values, flags), with or without a new version."""

    firing_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to one person's input: `id` of what was made or changed, or `error` and who was first.

    `status` is the HTTP status that fits: 200, 400, 404, 409, or 428 where `confirm` says what has to be meant.
    """

    request: int
    status: int = 200
    id: str = ""
    error: str = ""
    confirm: tuple[str, ...] = ()


Durable: TypeAlias = (
    InstanceSaved
    | InstanceDropped
    | FiringSaved
    | SilenceSaved
    | SilenceDropped
    | MarkSaved
    | MarkDropped
    | LedgerSaved
    | GroupSaved
    | GroupDropped
    | MembershipSaved
    | StormSaved
    | RunSaved
    | ProposalSaved
    | EscalationSaved
    | EscalationDropped
    | HoldSaved
    | Journaled
    | Audited
    | Notify
)
Effect: TypeAlias = Durable | RunAction | FillWanted | Touched | Answered
