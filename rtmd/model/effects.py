"""Everything a step can ask of the world.

The shell commits all `Durable` effects of a step in one transaction, then performs the rest, in order. `Notify`
is both: its outbox row is part of the transaction, its delivery comes after.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct, field

from rtmd.model.action import Hold, Proposal
from rtmd.model.firing import Firing, InstanceState
from rtmd.model.group import GroupKey, GroupTimes, Membership
from rtmd.model.labels import Labels
from rtmd.model.mark import Mark
from rtmd.model.matcher import Matcher
from rtmd.model.reaction import ActionRun, Escalation, LedgerEntry, Notification, Storm
from rtmd.model.silence import Silence


class InstanceSaved(Struct, frozen=True):
    """The clocks of an instance changed."""

    state: InstanceState


class InstanceDropped(Struct, frozen=True):
    """An instance is idle again: nothing of it needs to be kept."""

    rule: str
    labels: Labels


class FiringSaved(Struct, frozen=True):
    """A firing opened or changed its version."""

    firing: Firing


class SilenceSaved(Struct, frozen=True):
    """A silence was made, changed or expired."""

    silence: Silence


class SilenceDropped(Struct, frozen=True):
    """A silence expired so long ago that it is forgotten."""

    id: str


class MarkSaved(Struct, frozen=True):
    """Something was reported."""

    mark: Mark


class MarkDropped(Struct, frozen=True):
    """A mark is too old to matter."""

    id: str


class LedgerSaved(Struct, frozen=True):
    """A receiver is being told something."""

    entry: LedgerEntry


class GroupSaved(Struct, frozen=True):
    """A group was looked at, or will be."""

    times: GroupTimes


class GroupDropped(Struct, frozen=True):
    """A group has no members any more."""

    key: GroupKey


class MembershipSaved(Struct, frozen=True):
    """A firing entered or left groups; without any its row goes."""

    membership: Membership


class StormSaved(Struct, frozen=True):
    """What came towards a receiver lately, or its storm, changed."""

    storm: Storm


class RunSaved(Struct, frozen=True):
    """An action run changed its state."""

    run: ActionRun


class ProposalSaved(Struct, frozen=True):
    """A proposal was made, or changed its version."""

    proposal: Proposal


class EscalationSaved(Struct, frozen=True):
    """An escalation began, or told a step."""

    escalation: Escalation


class EscalationDropped(Struct, frozen=True):
    """It is over."""

    firing_id: str


class HoldSaved(Struct, frozen=True):
    """Everything is held; None: not any more."""

    hold: Hold | None


class Journaled(Struct, frozen=True):
    """One line of the journal: what happened, when (engine time), to which rule and firing."""

    at: int
    # transition | outcome | flapping | ack | verdict | missed | silence | mark | action | proposal | hold | told
    # delivery | suppressed | escalation | storm | gap | rules
    kind: str
    rule: str = ""
    firing_id: str = ""
    text: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)


class Audited(Struct, frozen=True):
    """Somebody changed something, or was refused to (wall time); `origin` is where they asked from."""

    at: int
    by: str
    verb: str
    object: str
    detail: str = ""
    origin: str = ""


class Notify(Struct, frozen=True):
    """Deliver this; the outbox keeps it until the receiver took it."""

    notification: Notification


class RunAction(Struct, frozen=True):
    """Run an action, or with `undo` its reversal, for a run of this firing that is already saved."""

    run: ActionRun
    undo: bool = False
    firing: Firing | None = None


class FillWanted(Struct, frozen=True):
    """New plans have empty windows: fill them from the sample log, back to engine time `since`.

    Only series that one of these selectors (a tuple of matchers each) matches are of use.
    """

    since: int
    selectors: tuple[tuple[Matcher, ...], ...]


class Touched(Struct, frozen=True):
    """What screens show of these firings changed (values, flags), with or without a new version."""

    firing_ids: frozenset[str]


class Answered(Struct, frozen=True):
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
