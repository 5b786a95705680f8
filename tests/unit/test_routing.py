"""The routes of a firing (semantics S6, S8)."""

from __future__ import annotations

from scenarios.score import rule_set

from rtmd.alerting.routing import addressees, direct, find, routes_of
from rtmd.matching import parse_matchers
from rtmd.model.labels import labels_of
from rtmd.model.policy import Route
from rtmd.model.replace import replace

(STAGE,) = rule_set("[rules.r]\nsignal = 'm'\nseconds.above = 1\n").rules["r"].stages
DEEP = Route("route.0.0", "lead", parse_matchers('b="y"'))
ROOT = Route(
    "route",
    "log",
    wait=1,
    repeat=9,
    routes=(
        Route("route.0", "desk", parse_matchers('a="x"'), routes=(DEEP,)),
        Route("route.1", "pager", parse_matchers('c="z"'), goes_on=True),
        Route("route.2", "lead", parse_matchers('c=~".+"')),
    ),
)


def taken(*notify: str, tree: bool = False, **labels: str) -> list[str]:
    """The ids of the routes at a stage that names these receivers (and the tree), or leaves it to the tree."""
    names = (*notify, "@route") if tree else notify
    stage = replace(STAGE, notify=names or None)
    return [route.id for route in routes_of(addressees(stage), ROOT, labels_of(labels))]


def test_the_first_child_that_matches_takes_it_and_its_children_before_it() -> None:
    assert taken(a="x") == ["route.0"]
    assert taken(a="x", b="y") == ["route.0.0"]
    assert taken(a="x", c="z") == ["route.0"]


def test_continue_asks_the_ones_after_it_too() -> None:
    assert taken(c="z") == ["route.1", "route.2"]
    assert taken(c="q") == ["route.2"]


def test_what_no_child_takes_stays_with_the_node() -> None:
    assert taken() == ["route"]
    assert taken(b="y") == ["route"]


def test_a_stage_that_names_receivers_leaves_the_tree_alone_unless_it_names_it() -> None:
    assert taken("desk", "lead", a="x") == ["notify/desk", "notify/lead"]
    assert taken("desk", tree=True, a="x") == ["notify/desk", "route.0"]
    assert taken("desk", "desk") == ["notify/desk"]
    assert routes_of((), ROOT, ()) == ()


def test_named_receivers_have_the_pace_of_the_root_and_groups_by_rule() -> None:
    assert direct("desk", ROOT) == Route("notify/desk", "desk", group_by=("rule",), wait=1, repeat=9)


def test_every_route_is_found_by_its_id() -> None:
    assert find("route", ROOT) is ROOT
    assert find("route.0.0", ROOT) is DEEP
    assert find("notify/desk", ROOT) == direct("desk", ROOT)
    assert find("route.7", ROOT) is None
