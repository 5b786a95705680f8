"""How a step says what it says: effects once each, wishes for windows, and refusals with who was first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from rtmd.engine.stage_table import StageTable
from rtmd.errors import ConflictError, NotFoundError, RefusedError, UnconfirmedError
from rtmd.model.display import age
from rtmd.model.effects import Answered, Audited, Effect, FillWanted, FiringSaved
from rtmd.model.expr import selectors
from rtmd.model.firing import Firing
from rtmd.model.inputs import (
    AckEnded,
    AckSet,
    ActionRequest,
    HoldLifted,
    HoldSet,
    MarkMade,
    MissReported,
    PersonInput,
    ProposalDecided,
    RunAgain,
    SilenceExpired,
    SilenceSet,
    VerdictGiven,
)


def fill_wanted(tables: Iterable[StageTable], at: int) -> FillWanted:
    """The wish for older samples of all that these tables read."""
    plans = {plan for table in tables for plan in table.plans}
    wanted = {selector.matchers for plan in plans for selector in selectors(plan.expr)}
    return FillWanted(min(plan.since(at) for plan in plans), tuple(sorted(wanted)))


def latest_only(effects: list[Effect]) -> Iterator[Effect]:
    """The effects less firings that a later effect of the same step saves again."""
    last = {effect.firing.id: place for place, effect in enumerate(effects) if isinstance(effect, FiringSaved)}
    for place, effect in enumerate(effects):
        if not isinstance(effect, FiringSaved) or last[effect.firing.id] == place:
            yield effect


def refusal(given: PersonInput, error: RefusedError, wall: int) -> Iterator[Effect]:
    """The answer that refuses; who came too late, or would have hidden much, is in the audit as well."""
    if isinstance(error, ConflictError | UnconfirmedError):
        verb, about = _asked(given)
        yield Audited(wall, given.by, f"{verb} refused", about, str(error), given.origin)
    confirm = error.reasons if isinstance(error, UnconfirmedError) else ()
    yield Answered(given.request, _status(error), error=str(error), confirm=confirm)


_ABOUT_FIRINGS = {AckSet: "ack", AckEnded: "unack", VerdictGiven: "verdict"}


def _asked(given: PersonInput) -> tuple[str, str]:
    """The verb of what somebody asked for, and what they asked it of."""
    match given:
        case SilenceSet():
            return "silence", given.id or ", ".join(map(str, given.matchers))
        case SilenceExpired():
            return "expire", given.id
        case AckSet() | AckEnded() | VerdictGiven():
            return _ABOUT_FIRINGS[type(given)], given.firing_id
        case MissReported():
            return "missed", given.rule
        case MarkMade():
            return "mark", given.text
        case _:
            return _asked_of_actions(given)


def _asked_of_actions(given: ActionRequest) -> tuple[str, str]:
    match given:
        case ProposalDecided():
            return "approve" if given.approved else "decline", given.proposal_id
        case RunAgain():
            return "run again", given.run_id
        case HoldSet() | HoldLifted():
            return "hold" if isinstance(given, HoldSet) else "release", "everything"
        case _:
            assert_never(given)


def _status(error: RefusedError) -> int:
    match error:
        case NotFoundError():
            return 404
        case ConflictError():
            return 409
        case UnconfirmedError():
            return 428
        case _:
            return 400


def conflict(firing: Firing, wall: int) -> ConflictError:
    """Somebody was first, or it changed by itself."""
    ack = firing.ack
    if ack and not ack.over:
        return ConflictError(f"{ack.by} took it {age(wall - ack.at)} ago (version {firing.version})")
    return ConflictError(f"it has changed since you looked: {firing.reason} (version {firing.version})")
