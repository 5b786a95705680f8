"""What a firing is to an operator, in one word, and in which order firings deserve a look.

The wire carries facts (acked, silenced, resolved, flags); rows, counters and the filter all read them through
`condition`, so that they never disagree.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from rtmd.wire import FiringView
from tui.scale import SEVERITIES, STAGES

WAITING = ("pending", "braked")  # states of proposals that are still to be decided

_SEVERITY = {name: rank for rank, name in enumerate(SEVERITIES)}
_STAGE = {name: rank for rank, name in enumerate(STAGES)}


class Condition(StrEnum):
    """The states of a row, most telling first; RECOVERING is one that nobody has."""

    OK = "ok"
    SILENCED = "sil"
    ACKED = "ack"
    RECOVERING = "recovering"
    NEW = "new"


def condition(firing: FiringView) -> Condition:
    """The state of a firing."""
    if firing.state == "resolved":
        return Condition.OK
    if firing.silenced_by:
        return Condition.SILENCED
    if firing.ack is not None:
        return Condition.ACKED
    return Condition.RECOVERING if firing.state == "recovering" else Condition.NEW


def unfed(firing: FiringView) -> bool:
    """No series feeds it any more: what is shown is the last state known."""
    return "unfed" in firing.flags


def flapping(firing: FiringView) -> bool:
    """It comes and goes, and nobody is told before that is over."""
    return "flapping" in firing.flags


def to_decide(firing: FiringView) -> int:
    """How many actions proposed for it nobody decided about yet."""
    return sum(each.state in WAITING for each in firing.proposals) if firing.proposals else 0


def is_open(firing: FiringView) -> bool:
    """Not resolved."""
    return firing.state != "resolved"


def severity_rank(firing: FiringView) -> int:
    """0 to 2; an unknown severity is the lowest."""
    return _SEVERITY.get(firing.severity, 0)


def stage_rank(firing: FiringView) -> int:
    """0 to 2; an unknown stage is the lowest."""
    return _STAGE.get(firing.stage, 0)


Urgency: TypeAlias = tuple[int, int, int, int, int, str]

# Silenced firings stand below all others, resolved ones below those; owned ones below those that nobody has.
_PLACE = {
    Condition.NEW: 0,
    Condition.RECOVERING: 1,
    Condition.ACKED: 1,
    Condition.SILENCED: 2,
    Condition.OK: 3,
}


def urgency(firing: FiringView) -> Urgency:
    """Sort key: nobody's before owned, then severity, stage (hours first), newest; the id settles ties."""
    place = _PLACE[condition(firing)]
    below = max(0, place - 1)
    owned = min(place, 1)
    return (below, owned, -severity_rank(firing), -stage_rank(firing), -firing.fired_at, firing.id)
