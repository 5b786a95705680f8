"""How a step says what it says: effects once each, wishes for windows, and refusals with who was first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rtmd.engine.stage_table import StageTable
from rtmd.errors import ConflictError, NotFoundError, RefusedError
from rtmd.model.effects import Effect, FillWanted, FiringSaved
from rtmd.model.expr import selectors
from rtmd.model.firing import Firing


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


def status(error: RefusedError) -> int:
    """The HTTP status of a refusal."""
    match error:
        case NotFoundError():
            return 404
        case ConflictError():
            return 409
        case _:
            return 400


def conflict(firing: Firing) -> ConflictError:
    """Somebody was first."""
    if firing.ack:
        return ConflictError(f"{firing.id} has changed: {firing.ack.by} has it (version {firing.version})")
    return ConflictError(f"{firing.id} has changed: {firing.reason} (version {firing.version})")
