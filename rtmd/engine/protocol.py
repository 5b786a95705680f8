"""The protocol of one stage as a table (semantics S1): four states, eleven events, nothing implied.

What a stage saw at one instant is boiled down to one event; the table says where that leads and why. A pair
that is not in the table cannot happen: `advance` raises, and nothing has changed. Stages do not know each other;
what they mean together is `episodes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from rtmd.model.firing import StageState


class Event(StrEnum):
    """What a stage saw."""

    RISE = "rise"  # the condition is true, but has not held long enough (or the window is still warming up)
    HOLD = "hold"  # the condition is true and has held; once it fires, that it is true is enough
    DIP = "dip"  # the condition is false, but the stage may not end yet: not clear, or `keep` runs
    END = "end"  # the condition is false and nothing holds the stage any longer
    STARVE = "starve"  # nothing feeds the instance any more, and the rule fires for that
    FEED = "feed"  # the instance that fires for want of data is fed again
    LOSE = "lose"  # its series are gone, and the rule does not keep it (any longer)
    REMOVE = "remove"  # its rule or stage is gone
    REJUDGE = "rejudge"  # its rule looks at something else now: it stays until that can be judged
    DEFER = "defer"  # its `for` is longer now, and it would not have fired yet
    OVERRULE = "overrule"  # the changed rule can be judged, and does not fire


_INACTIVE = StageState.INACTIVE
_PENDING = StageState.PENDING
_FIRING = StageState.FIRING
_RECOVERING = StageState.RECOVERING

TRANSITIONS: Mapping[StageState, Mapping[Event, tuple[StageState, str]]] = {
    _INACTIVE: {
        Event.RISE: (_PENDING, "condition became true"),
        Event.HOLD: (_FIRING, "condition became true"),
        Event.STARVE: (_FIRING, "no data"),
    },
    _PENDING: {
        Event.RISE: (_PENDING, "condition holds"),
        Event.HOLD: (_FIRING, "condition held"),
        Event.END: (_INACTIVE, "condition ended before it had held"),
        Event.LOSE: (_INACTIVE, "no data"),
        Event.REMOVE: (_INACTIVE, "rule_removed"),
        Event.OVERRULE: (_INACTIVE, "rule_changed"),  # after DEFER
    },
    _FIRING: {
        Event.HOLD: (_FIRING, "condition holds"),
        Event.DIP: (_RECOVERING, "condition ended, not clear yet"),
        Event.END: (_INACTIVE, "cleared"),
        Event.FEED: (_INACTIVE, "fed again"),
        Event.LOSE: (_INACTIVE, "no data"),
        Event.REMOVE: (_INACTIVE, "rule_removed"),
        Event.REJUDGE: (_FIRING, "rejudging: the rule changed"),
        Event.DEFER: (_PENDING, "rejudging: `for` is longer now"),
        Event.OVERRULE: (_INACTIVE, "rule_changed"),
    },
    _RECOVERING: {
        Event.HOLD: (_FIRING, "condition is true again"),
        Event.DIP: (_RECOVERING, "not clear yet"),
        Event.END: (_INACTIVE, "cleared"),
        Event.LOSE: (_INACTIVE, "no data"),
        Event.REMOVE: (_INACTIVE, "rule_removed"),
        Event.REJUDGE: (_RECOVERING, "rejudging: the rule changed"),
        Event.OVERRULE: (_INACTIVE, "rule_changed"),
    },
}


class IllegalTransition(Exception):  # noqa: N818  # it reads like the sentence it is
    """A state was shown an event that cannot happen there: a mistake in the program, not in its input."""


def advance(state: StageState, event: Event) -> tuple[StageState, str]:
    """Where `event` leads from `state`, and why; raises IllegalTransition for a pair outside the table."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransition(f"{event} cannot happen to a stage that is {state}") from None
