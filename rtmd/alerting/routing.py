"""Whom a stage tells (semantics S6, S8): the routes of a firing.

A stage that names receivers has a synthetic route to each of them, grouped by rule; otherwise, and for "@route", the
tree of the configuration decides as in Alertmanager: the first child that matches takes the firing, with `continue` the
ones after it are asked too, and a node none of whose children match keeps it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rtmd.matching import compile_matchers
from rtmd.model.labels import Labels
from rtmd.model.policy import Route
from rtmd.model.replace import replace
from rtmd.model.rule import Correlation, Stage

TREE = "@route"


def addressees(stage: Stage | Correlation) -> tuple[str, ...]:
    """Whom a stage or a correlation tells, by name; TREE for those that the route tree finds."""
    return (TREE,) if stage.notify is None else stage.notify


def routes_of(notify: Collection[str], root: Route, labels: Labels) -> tuple[Route, ...]:
    """The routes to these addressees of a firing with these exposed labels, no receiver twice for one group."""
    named = [direct(name, root) for name in notify if name != TREE]
    tree = _descend(root, labels) if TREE in notify else ()
    return tuple({route.id: route for route in [*named, *tree]}.values())


def direct(receiver: str, root: Route) -> Route:
    """The route of a stage that names its receiver: grouped by rule, at the pace of the root of the tree."""
    through = root.resolved_through_silence
    pace = Route("", "", wait=root.wait, interval=root.interval, repeat=root.repeat, resolved_through_silence=through)
    return replace(pace, id=f"notify/{receiver}", receiver=receiver)


def find(route_id: str, root: Route) -> Route | None:
    """The route of an id, if it still exists."""
    if route_id.startswith("notify/"):
        return direct(route_id.removeprefix("notify/"), root)
    below = [root]
    while below:
        route = below.pop()
        if route.id == route_id:
            return route
        below += route.routes
    return None


def _descend(route: Route, labels: Labels) -> Iterator[Route]:
    taken = False
    for child in route.routes:
        if compile_matchers(child.matchers)(labels):
            taken = True
            yield from _descend(child, labels)
            if not child.goes_on:
                break
    if not taken:
        yield route
