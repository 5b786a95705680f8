"""The policy as a configuration of Alertmanager, for clients that read one from its status.

It is JSON, which is YAML too. Calendars are there by name only, and times that follow the stage are left out: what
rtmd goes by is `rtmd.toml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from rtmd.model.duration import show_duration
from rtmd.model.policy import Inhibition, Policy, Route

_ALL = ("...",)  # Alertmanager's way to say that every label set is a group


def original(policy: Policy, receivers: Iterable[str]) -> str:
    """The text of the configuration."""
    names = sorted({*receivers, *_receivers(policy.route)})
    document = {
        "route": _route(policy.route, root=True),
        "receivers": [{"name": name} for name in names],
        "inhibit_rules": [_inhibition(each) for each in policy.inhibitions],
        "time_intervals": [{"name": name, "time_intervals": []} for name in sorted(policy.calendars)],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _route(route: Route, *, root: bool = False) -> dict[str, Any]:
    times = {"group_wait": route.wait, "group_interval": route.interval, "repeat_interval": route.repeat}
    shown: dict[str, Any] = {
        "receiver": route.receiver,
        "group_by": list(_ALL if route.group_by is None else route.group_by),
        **{name: show_duration(time) for name, time in times.items() if time is not None},
    }
    if not root:  # the root of Alertmanager's tree may have none of these
        shown["matchers"] = [str(matcher) for matcher in route.matchers]
        shown["continue"] = route.goes_on
        intervals = {"mute_time_intervals": route.mute, "active_time_intervals": route.active}
        shown |= {name: list(calendars) for name, calendars in intervals.items() if calendars}
    if route.routes:
        shown["routes"] = [_route(each) for each in route.routes]
    return shown


def _inhibition(inhibition: Inhibition) -> dict[str, list[str]]:
    return {
        "source_matchers": [str(matcher) for matcher in inhibition.source],
        "target_matchers": [str(matcher) for matcher in inhibition.target],
        "equal": list(inhibition.equal),
    }


def _receivers(route: Route) -> Iterator[str]:
    yield route.receiver
    for each in route.routes:
        yield from _receivers(each)
