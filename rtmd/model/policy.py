"""The policy of the configuration as values: whom to tell, in what groups, when not, and what mutes what.

Everything is checked and inheritance is worked in when these are made (`rtmd.config`); what they mean for a firing
is decided in `rtmd.alerting`.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from rtmd.model.calendar import Calendar
from rtmd.model.matcher import Matcher
from rtmd.model.rule import HOUR, MINUTE, SECOND, StageName

LINGER = 30 * SECOND  # an inhibition's source still counts this long after it ended (semantics S7)


class Timers(Struct, frozen=True):
    """How a group is told (ms): first after `wait`, of news each `interval`, of nothing new after `repeat`."""

    wait: int
    interval: int
    repeat: int


# Semantics S6: the pace follows the stage.
STAGE_TIMERS: Mapping[StageName, Timers] = {
    StageName.SECONDS: Timers(0, 5 * SECOND, 15 * MINUTE),
    StageName.MINUTES: Timers(15 * SECOND, 2 * MINUTE, 2 * HOUR),
    StageName.HOURS: Timers(5 * MINUTE, HOUR, 24 * HOUR),
}


class Route(Struct, frozen=True):
    """A node of the route tree. What a node does not say it has from the node above.

    `id` says where it stands (`route`, `route.0`, `route.0.2`). `group_by` has label names; None: every label set is
    a group of its own. Timers that are None follow the stage. With `mute` nothing is told while one of these
    calendars holds, with `active` nothing while none of them does.
    """

    id: str
    receiver: str
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] | None = ("rule",)
    wait: int | None = None
    interval: int | None = None
    repeat: int | None = None
    mute: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    resolved_through_silence: bool = True  # who knows that something fires hears of its end, silenced or not
    goes_on: bool = False  # `continue`: the routes beside it are asked too
    routes: tuple[Route, ...] = ()

    def timers(self, stage: StageName) -> Timers:
        """Its pace for a stage."""
        default = STAGE_TIMERS[stage]
        return Timers(
            default.wait if self.wait is None else self.wait,
            default.interval if self.interval is None else self.interval,
            default.repeat if self.repeat is None else self.repeat,
        )


class Inhibition(Struct, frozen=True):
    """While something unresolved matches `source`, what matches `target` with equal values of `equal` is muted."""

    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


class EscalationStep(Struct, frozen=True):
    """These receivers are told when nobody has had it for `after` ms."""

    after: int
    notify: tuple[str, ...]


class Policy(Struct, frozen=True):
    """Whom to tell and when: the route tree, the calendars that it names, the inhibitions, the escalations."""

    route: Route = Route("route", "log")
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    inhibitions: tuple[Inhibition, ...] = ()
    escalations: Mapping[str, tuple[EscalationStep, ...]] = field(default_factory=dict)
