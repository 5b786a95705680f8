"""`[route]`, `[calendars]` and `[[inhibit]]`: what they mean, and every mistake at its place."""

import pytest

from rtmd.config.policy import clock_changes, load_policy
from rtmd.errors import Located
from rtmd.model.calendar import Calendar, Span
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.policy import Inhibition, Policy, Timers
from rtmd.model.rule import StageName
from rtmd.rulefile.document import read_document
from rtmd.rulefile.table import Table

FULL = """
[route]
receiver = "desk"
group_by = ["rule", "site"]
group_wait = "10s"
repeat_interval = "4h"
active = ["office"]

[[route.routes]]
match = ['severity="critical"', 'site!="test"']
receiver = "pager"
group_by = ["..."]
continue = true

[[route.routes.routes]]
match = ['site=~"eu-.*"']
mute = ["night"]
active = []

[[route.routes]]
match = ['kind="health"']

[calendars.office]
zone = "Europe/Paris"
weekdays = ["mon-fri"]
times = ["09:00-12:30", "13:30-18:00"]

[calendars.night]
times = ["22:00-06:00"]
days = ["1:5", "-1", "-3:-2"]
months = ["nov-feb"]
years = ["2026", "2028:2030"]
weekdays = ["sat", "sunday-monday"]

[[inhibit]]
name = "down"
source = ['rule="site-down"']
target = ['kind="health"', 'stage!="hours"']
equal = ["site"]

[[inhibit]]
source = ['severity="critical"']
target = ['severity="info"']
"""


def read(text: str) -> tuple[Policy, list[str]]:
    problems: list[Located] = []
    root = Table.root(read_document(text, file="rtmd.toml"), problems)
    return load_policy(root, {"log", "desk", "pager"}), [
        f"{each.line}:{each.column}: {each.problem}" for each in problems
    ]


def test_routes_inherit_what_they_do_not_say() -> None:
    policy, problems = read(FULL)
    assert problems == []
    critical, health = policy.route.routes
    (europe,) = critical.routes
    assert [route.id for route in (policy.route, critical, europe, health)] == [
        "route", "route.0", "route.0.0", "route.1",
    ]  # fmt: skip
    assert [route.receiver for route in (critical, europe, health)] == ["pager", "pager", "desk"]
    assert [route.group_by for route in (critical, europe, health)] == [None, None, ("rule", "site")]
    assert [route.active for route in (critical, europe, health)] == [("office",), (), ("office",)]
    assert (europe.mute, europe.goes_on, critical.goes_on) == (("night",), False, True)
    assert critical.matchers == (
        Matcher("severity", MatchOp.EQUAL, "critical"),
        Matcher("site", MatchOp.NOT_EQUAL, "test"),
    )


def test_timers_that_a_route_does_not_say_follow_the_stage() -> None:
    route = read(FULL)[0].route
    assert route.timers(StageName.SECONDS) == Timers(10_000, 5_000, 4 * 3_600_000)
    assert route.timers(StageName.HOURS) == Timers(10_000, 3_600_000, 4 * 3_600_000)
    assert read("")[0].route.timers(StageName.MINUTES) == Timers(15_000, 120_000, 2 * 3_600_000)


def test_calendars_are_read_to_the_letter() -> None:
    calendars = read(FULL)[0].calendars
    assert calendars["office"] == Calendar(
        "office", "Europe/Paris", times=(Span(540, 750), Span(810, 1080)), weekdays=(Span(0, 4),)
    )
    assert calendars["night"] == Calendar(
        "night",
        times=(Span(1320, 1440), Span(0, 360)),
        days=(Span(1, 5), Span(-1, -1), Span(-3, -2)),
        months=(Span(11, 12), Span(1, 2)),
        years=(Span(2026, 2026), Span(2028, 2030)),
        weekdays=(Span(5, 5), Span(6, 6), Span(0, 0)),
    )


def test_inhibitions_have_a_name_even_where_nobody_gave_one() -> None:
    first, second = read(FULL)[0].inhibitions
    assert first.equal == ("site",)
    assert second == Inhibition(
        "inhibit 1", (Matcher("severity", MatchOp.EQUAL, "critical"),), (Matcher("severity", MatchOp.EQUAL, "info"),)
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[route]\nreceiver = "dask"', '2:12: route.receiver names "dask", which does not exist: did you mean "desk"?'),
        ('[route]\nrecever = "desk"', '2:1: route.recever is not known: did you mean "receiver"?'),
        (
            "[route]\nmatch = ['a=\"b\"']",
            "2:1: route.match has no place in the root of the tree, which takes everything",
        ),
        ("[route]\ngroup_interval = '10ms'", '2:18: route.group_interval must be at least 1000 ms, not "10ms"'),
        ("[route]\nmute = ['x']", '2:8: route.mute names the calendar "x", which does not exist'),
        ("[route]\nroutes = 3", "2:10: route.routes must be tables, written as [[route.routes]]"),
        (
            "[route]\n[[route.routes]]\nmatch = ['a=~\"(\"']",
            '3:9: route.routes.0.match has a matcher that cannot be read: "(" is not a regular expression (RE2)',
        ),
        ("[calendars.x]\nzone = 'Europe/Nowhere'", '2:8: calendars.x.zone "Europe/Nowhere" is no time zone'),
        ("[calendars.x]\ntimes = ['9-18']", '2:9: calendars.x.times has "9-18", which cannot be read: write it like'),
        ("[calendars.x]\ntimes = ['25:00-26:00']", '2:9: calendars.x.times has "25:00-26:00"'),
        ("[calendars.x]\ntimes = ['24:00-01:00']", '2:9: calendars.x.times has "24:00-01:00"'),
        ("[calendars.x]\nweekdays = ['mun']", '2:12: calendars.x.weekdays has "mun"'),
        ("[calendars.x]\ndays = ['0']", '2:8: calendars.x.days has "0"'),
        ("[calendars.x]\ndays = ['5:1']", '2:8: calendars.x.days has "5:1"'),
        ("[calendars.x]\nday = ['1']", '2:1: calendars.x.day is not known: did you mean "days"?'),
        ("[[inhibit]]\nsource = ['a=\"b\"']", "1:3: inhibit.0: target is missing"),
        (
            "[[inhibit]]\nsource = ['a=~\".*\"']\ntarget = ['a=\"b\"']",
            "2:10: inhibit.0.source matches everything: at least one matcher must not match the empty string",
        ),
    ],
)
def test_mistakes_are_named_at_their_place(text: str, problem: str) -> None:
    _, problems = read(text)
    assert [each[: len(problem)] for each in problems] == [problem]


def test_times_that_a_night_has_twice_or_not_at_all_are_warned_of() -> None:
    policy, _ = read(
        '[calendars.night]\nzone = "Europe/Berlin"\ntimes = ["02:15-02:45"]\n[calendars.day]\nzone = "Europe/Berlin"'
    )
    assert clock_changes(policy, 2026) == [
        "calendars.night: in Europe/Berlin the clocks change within its times on 2026-03-29 and 2026-10-25"
    ]
