"""What a reload says about itself, and what it refuses to do unasked (semantics S11)."""

from __future__ import annotations

import pytest
from scenarios.score import rule_set

from rtmd.rulefile.difference import Difference, difference, vanishing

GRADED = """
[rules.{name}]
signal = 'avg_over_time(m[$window])'
[rules.{name}.seconds]
window = '10s'
above = 10
[rules.{name}.minutes]
window = '10m'
above = 10
"""


def text(*names: str) -> str:
    return "".join(GRADED.format(name=name) for name in names)


def differ(before: str, after: str, *firing: str) -> Difference:
    return difference(rule_set(before), rule_set(after), frozenset(firing))


def test_every_rule_stands_in_one_list() -> None:
    before = text("gone", "kept", "left", "moved") + "[rules.calm]\nsignal = 'm'\nabove = 1\n"
    after = text("kept", "moved", "new").replace("[rules.moved]", "[rules.moved]\nguard = 'n > 1'")
    what = differ(before, after + "[rules.calm]\nsignal = 'm'\nabove = 2\nfor = '1m'\n", "left", "moved")
    assert what == Difference(
        kept=1,
        added=("new",),
        changed=(("calm", "threshold, for"),),
        rejudging=(("moved", "seconds.guard, minutes.guard"),),
        removed=("gone",),
        removed_firing=("left",),
    )
    assert str(what) == (
        "added new; changed calm (threshold, for); rejudging moved (seconds.guard, minutes.guard); removed gone; "
        "removed while firing left; kept 1"
    )


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("window = '10s'", "window = '20s'", "seconds.window"),
        ("above = 10\n[", "above = 10\nrecent = '5s'\n[", "seconds.recent"),
        ("avg_over_time", "max_over_time", "seconds.signal, minutes.signal"),
        ("above = 10\n[", "above = 10\nevery = '2s'\n[", "seconds.every"),
        ("[rules.r]\n", "[rules.r]\nowner = 'desk'\n", "owner"),
        ("[rules.r.minutes]\n", "[rules.r.minutes]\nno_data_limit = '2h'\n", "minutes.no_data_limit"),
        ("[rules.r.seconds]\nwindow = '10s'\nabove = 10\n", "", "seconds removed"),
    ],
)
def test_what_changed_is_named_as_in_the_file(old: str, new: str, what: str) -> None:
    assert differ(text("r"), text("r").replace(old, new)).changed == (("r", what),)


@pytest.mark.parametrize(
    ("old", "new", "rejudged"),
    [("window = '10s'", "window = '20s'", True), ("above = 10\n[", "above = 12\nfor = '5s'\n[", False)],
)
def test_only_a_firing_rule_that_looks_at_something_else_is_rejudged(old: str, new: str, *, rejudged: bool) -> None:
    changed = text("r").replace(old, new)
    assert bool(differ(text("r"), changed, "r").rejudging) is rejudged
    assert differ(text("r"), changed).rejudging == ()


def test_a_comment_changes_nothing() -> None:
    what = differ(text("r"), "# moved down\n" + text("r"), "r")
    assert (bool(what), str(what)) == (False, "kept 1")


@pytest.mark.parametrize(
    ("firing", "left", "held"),
    [
        ("abc", "", "abc"),
        ("abcd", "d", "abc"),
        ("abcdef", "def", ""),  # half is not more than half
        ("ab", "", ""),  # two may always go
        ("abcz", "", "abcz"),  # z went a moment ago, and still fires
        ("xyz", "", ""),  # the old rules have none of them either: keeping those saves nothing
        ("", "", ""),
    ],
)
def test_too_many_firing_rules_vanish_only_when_confirmed(firing: str, left: str, held: str) -> None:
    assert vanishing(rule_set(text(*"abcdef")), rule_set(text(*left)), frozenset(firing)) == tuple(held)
