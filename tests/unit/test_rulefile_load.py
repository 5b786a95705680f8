"""Rule files to rules: what keys mean, and what is said about mistakes."""

from __future__ import annotations

import pytest

from rtmd.model.rule import Comparison, Condition, Hold, Kind, NoData, Rule, Severity, Stage, StageName
from rtmd.promql import parse
from rtmd.rulefile.load import Loaded, load_rules

FULL = """
[defaults]
owner = "desk"
labels = { team = "a", desk = "x" }

[rules.surge]
title = "{brand}: surge"
signal = 'sum by (brand) (rate(mentions_total[$window])) * 60'
guard = 'sum by (brand) (increase(mentions_total[$window])) > 20'
unit = "mentions/min"
kind = "opportunity"
links = { runbook = "https://wiki.example/surge" }
labels = { desk = "social" }
reopen = "5m"
coverage = 0.25

[rules.surge.seconds]
window = "30s"
above = 120
clear = 80
for = "5s"
keep = "30s"
notify = ["desk", "@route"]
run = ["hold-queue"]
judge = "off"

[rules.surge.minutes]
window = "10m"
at_least = 80
for = { count = 3, of = 5 }
severity = "critical"
no_data = "zero"
coverage = 0

[rules.surge.hours]
window = "6h"
recent = "off"
outside = [10, 60]
clear = [20, 50]
for = { count = 2 }
signal = 'sum by (brand) (avg_over_time(depth[$window]))'
title = "{brand}: the day's story"
"""


def rule_of(text: str) -> Rule:
    loaded = load_rules({"a.toml": text})
    assert loaded.errors == ()
    (rule,) = loaded.rules.rules.values()
    return rule


def stage_of(text: str, name: StageName = StageName.MINUTES) -> Stage:
    stage = rule_of(text).stage(name)
    assert stage is not None
    return stage


def problems_of(text: str) -> list[str]:
    return [str(problem).removeprefix("a.toml:") for problem in load_rules({"a.toml": text}).errors]


def test_a_rule_has_everything_its_file_says() -> None:
    rule = rule_of(FULL)
    assert (rule.name, rule.title, rule.kind, rule.owner) == ("surge", "{brand}: surge", Kind.OPPORTUNITY, "desk")
    assert rule.labels == (("desk", "social"), ("team", "a"))
    assert rule.links == (("runbook", "https://wiki.example/surge"),)
    assert (rule.reopen, rule.file, rule.line) == (300_000, "a.toml", 6)
    assert [stage.name for stage in rule.stages] == ["seconds", "minutes", "hours"]


def test_stages_have_their_own_keys_and_inherit_the_rest() -> None:
    seconds, minutes, hours = rule_of(FULL).stages
    assert seconds.condition == Condition(Comparison.ABOVE, threshold=120, clear=80)
    assert (seconds.hold, seconds.keep, seconds.window) == (Hold(duration=5_000), 30_000, 30_000)
    assert (seconds.notify, seconds.run, seconds.judge) == (("desk", "@route"), ("hold-queue",), False)
    assert (seconds.severity, seconds.grid, seconds.coverage) == (Severity.INFO, 1_000, 0.25)
    assert seconds.signal == parse("sum by (brand) (rate(mentions_total[30s])) * 60")
    assert seconds.guard == parse("sum by (brand) (increase(mentions_total[30s])) > 20")
    assert seconds.signal_text == "sum by (brand) (rate(mentions_total[30s])) * 60"
    assert (minutes.hold, minutes.severity, minutes.no_data) == (Hold(count=3, of=5), Severity.CRITICAL, NoData.ZERO)
    assert (minutes.condition.comparison, minutes.coverage, minutes.notify) == (Comparison.AT_LEAST, 0.0, None)
    assert hours.condition == Condition(Comparison.OUTSIDE, low=10, high=60, clear_low=20, clear_high=50)
    assert (hours.hold, hours.recent, hours.title) == (Hold(count=2, of=2), None, "{brand}: the day's story")
    assert hours.signal == parse("sum by (brand) (avg_over_time(depth[6h]))")


def test_recent_is_a_twelfth_of_the_window_for_minutes_and_hours_only() -> None:
    seconds, minutes, _ = rule_of(FULL).stages
    assert (seconds.recent, seconds.recent_signal) == (None, None)
    assert minutes.recent == 50_000
    assert minutes.recent_signal == parse("sum by (brand) (rate(mentions_total[50s])) * 60")


def test_a_rule_without_stage_tables_is_one_stage_of_minutes() -> None:
    rule = rule_of("[rules.disk]\nsignal = 'min by (host) (ratio)'\nbelow = 0.05\nfor = '2m'")
    (stage,) = rule.stages
    assert (stage.name, stage.line, rule.title, stage.title) == (StageName.MINUTES, 1, "disk", "disk")
    assert stage.condition == Condition(Comparison.BELOW, threshold=0.05)
    assert (stage.window, stage.recent, stage.hold.duration) == (None, None, 120_000)


def test_without_a_condition_a_stage_fires_where_the_signal_has_a_result() -> None:
    assert stage_of("[rules.x]\nsignal = 'up == 0'").condition == Condition(Comparison.RESULT)


@pytest.mark.parametrize(
    ("recipe", "text", "recent"),
    [
        (
            '{ rate = "posts_total", where = \'topic!=""\', by = ["topic"], per = "1m" }',
            'sum by (topic) (rate(posts_total{topic!=""}[12m])) * 60',
            'sum by (topic) (rate(posts_total{topic!=""}[1m])) * 60',
        ),
        ('{ rate = "a" }', "sum(rate(a[12m]))", "sum(rate(a[1m]))"),
        (
            '{ count = "a", by = ["x", "y"] }',
            "sum by (x, y) (increase(a[12m]))",
            "sum by (x, y) (increase(a[1m])) * 12",
        ),
        ('{ level = "cpu", by = ["host"] }', "avg by (host) (avg_over_time(cpu[12m]))", None),
        (
            '{ share = "r", where = \'tone="neg"\', by = ["b"], min = 40 }',
            (
                '(sum by (b) (increase(r{tone="neg"}[12m])) or sum by (b) (increase(r[12m])) * 0)'
                " / (sum by (b) (increase(r[12m])) >= 40)"
            ),
            (
                '(sum by (b) (increase(r{tone="neg"}[1m])) or sum by (b) (increase(r[1m])) * 0)'
                " / (sum by (b) (increase(r[1m])) >= 4)"
            ),
        ),
        (
            '{ share = "r", where = "a=b" }',
            '(sum(increase(r{a="b"}[12m])) or sum(increase(r[12m])) * 0) / (sum(increase(r[12m])) > 0)',
            None,
        ),
    ],
)
def test_recipes_become_expressions(recipe: str, text: str, recent: str | None) -> None:
    stage = stage_of(f"[rules.x]\nsignal = {recipe}\nwindow = '12m'\nabove = 1")
    assert stage.signal == parse(text)
    assert stage.recent == 60_000
    if recent:
        assert stage.recent_signal == parse(recent)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[rules.x]\nsignal = 'up'\ntile = 'x'", '3:1: tile is not known: did you mean "title"?'),
        ("[rule.x]\nsignal = 'up'", '1:2: rule is not known: did you mean "rules"?'),
        ("[defaults]\nonwer = 'x'", '2:1: defaults.onwer is not known: did you mean "owner"?'),
        ("[rules.x]\nabove = 1", "1:8: signal is missing"),
        ("[rules.x]\nsignal = 3", "2:10: signal must be text in quotes, not a number"),
        ("[rules.x]\nsignal = ''", "2:10: signal must not be empty"),
        ("[rules.x]\nsignal = '1 + 1'", "2:10: signal is only a number: it needs a metric"),
        ("[rules.x]\nsignal = 'up +'", "2:11: signal: this is not a PromQL expression"),
        (
            "[rules.x]\nsignal = '''\nup\n  + limitk(3, up)'''",
            "4:5: signal: not supported: the aggregation limitk",
        ),
        ('[rules.x]\nsignal = "\\u0075p + foo(up)"', "2:21: signal: not supported: the function foo"),
        ("[rules.x]\nsignal = 'rate(a[$window])'", "1:8: window is missing: the signal is measured over $window"),
        (
            "[rules.x]\nsignal = 'up'\nwindow = '5m'",
            "3:1: window is given, but the signal has no $window: write avg_over_time(up[$window])",
        ),
        (
            "[rules.x]\nsignal = 'a * b'\nwindow = '5m'",
            "3:1: window is given, but the signal has no $window: write avg_over_time(…[$window])",
        ),
        ("[rules.x]\nsignal = 'up'\nrecent = '5m'", "3:1: recent needs a window and $window in the signal"),
        (
            "[rules.x]\nsignal = 'up'\nabove = 1\nbelow = 2",
            "4:1: below and above are both given: a stage has one condition",
        ),
        ("[rules.x]\nsignal = 'up'\nabove = 1\nclear = 2", "4:9: clear can never be reached: it must be ≤ above = 1"),
        (
            "[rules.x]\nsignal = 'up'\nat_most = 1\nclear = 0",
            "4:9: clear can never be reached: it must be ≥ at_most = 1",
        ),
        ("[rules.x]\nsignal = 'up'\nclear = 2", "3:1: clear needs a threshold: one of above, at_least, below"),
        ("[rules.x]\nsignal = 'up'\noutside = [2, 1]", "3:11: outside must be in rising order"),
        ("[rules.x]\nsignal = 'up'\nwithin = '15m'", """3:10: within is written like "15m of deploy", not "15m\""""),
        ("[rules.x]\nsignal = 'up'\nwithin = 'x of post'", "3:10: within must be a duration"),
        ("[rules.x]\nsignal = 'up'\nwithin = '8d of post'", "3:10: within must be at most 7d"),
        (
            "[rules.x]\nsignal = 'up'\nwithin = '1m of posts'",
            "3:10: within names a mark that is none of post, deploy, event",
        ),
        (
            "[rules.x]\nsignal = 'up'\nwithin = '1m of post'\nfor = '1m'",
            "3:10: within can never be met: for = 1m takes longer",
        ),
        ("[rules.x]\nsignal = 'up'\nwithin = 15", "3:10: within must be text in quotes"),
        ("[rules.x]\nsignal = 'up'\noutside = [1, 2]\nclear = [0, 2]", "4:9: clear must lie inside outside = [1, 2]"),
        ("[rules.x]\nsignal = 'up'\nabove = inf", "3:9: above must be a finite number"),
        ("[rules.x]\nsignal = 'up'\nabove = '1'", "3:9: above must be a number, not text"),
        (
            "[rules.x]\nsignal = 'up'\nfor = 5",
            '3:7: for must be a duration in quotes like "90s" or "10m", not a number',
        ),
        ("[rules.x]\nsignal = 'up'\nfor = '5 s'", '3:7: for must be a duration: "5 s" is not a duration'),
        ("[rules.x]\nsignal = 'up'\nfor = { count = 3, of = 2 }", "3:25: for.of must be at least count = 3"),
        ("[rules.x]\nsignal = 'up'\nfor = { of = 2 }", "3:1: for: needs count"),
        ("[rules.x]\nsignal = 'up'\nseverity = 'fatal'", '3:12: severity must be one of "info", "warning", "critical"'),
        ("[rules.x]\nsignal = 'up'\nkind = 'no_data'", '3:8: kind must be one of "opportunity", "risk", "health"'),
        (
            "[rules.x]\nsignal = 'up'\nabove = 1\nexpires = '5m'",
            "4:1: expires is for proposals: the stage has no propose",
        ),
        ("[rules.x]\nsignal = 'up'\nscore = 1", "3:1: score is not supported yet"),
        ("[correlations.x]\nnone = ['a']", "1:15: all is missing: the rules that have to fire together"),
        ("[rules.x]\nsignal = 'up'\nabove = 1\n[rules.x.hours]", "3:1: above belongs into a stage"),
        ("[rules.x]\nsignal = 'up'\n[rules.x.hours]\nkep = '1s'", '4:1: hours.kep is not known: did you mean "keep"?'),
        ("[rules.x]\nsignal = 'up'\ntitle = '{a'", '3:9: title has a single brace at "{a"'),
        ("[rules.x]\nsignal = 'up'\ntitle = '{a:>9}'", "3:9: title has a single brace"),
        ("[rules.x]\nsignal = 'up'\nlabels = { rule = 'x' }", "3:10: labels cannot set rule: rtmd sets it"),
        ("[rules.x]\nsignal = 'sum by (a) (up)'\nlabels = { a = 'x' }", "3:10: labels sets a, which the signal of"),
        ("[rules.x]\nsignal = 'up'\ncoverage = 2", "3:12: coverage must be between 0 and 1"),
        ("[rules.x]\nsignal = 'up'\nnotify = 'desk'", '3:10: notify must be a list of names: ["one", "two"]'),
        ("[rules.x]\nsignal = { rate = 'a', count = 'a' }", "2:1: signal: a recipe has exactly one of"),
        ("[rules.x]\nsignal = { level = 'a', per = '1m' }\nwindow = '1m'", "2:25: signal.per belongs to rate only"),
        ("[rules.x]\nsignal = { share = 'a' }\nwindow = '1m'", "2:1: signal: share needs where"),
        (
            "[rules.x]\nsignal = { rate = 'a', where = 'x' }\nwindow = '1m'",
            "2:32: signal.where is wrong: write matchers",
        ),
        ("[rules]\nx = 3", "2:5: rules.x must be a table, not a number"),
        ("rules = 3", "1:9: rules must be a table, not a number"),
        ("[rules.'rtmd.x']\nsignal = 'up'", "1:8: names that begin with rtmd. are reserved"),
        ("[rules.'a b']\nsignal = 'up'", "1:8: a rule is named with letters"),
        (
            "[rules.x]\nsignal = 'rate(a[$window])'\nwindow = '1m'\nrecent = '2m'",
            "4:10: recent must be shorter than window",
        ),
        ("[rules.x]\nsignal = 'up'\nguard = '1'", "3:9: guard is only a number"),
    ],
)
def test_mistakes_are_named_at_their_place(text: str, problem: str) -> None:
    (found,) = problems_of(text)
    assert found.startswith(problem)


def test_every_mistake_of_a_file_is_reported_and_none_of_its_rules_is_used() -> None:
    text = "[rules.a]\nsignal = 'up'\n[rules.b]\nsignal = 'foo(x)'\nabove = 'x'\n[rules.c]\n[rules.d]\nsignal = ')'"
    loaded = load_rules({"bad.toml": text, "good.toml": "[rules.a]\nsignal = 'up'"})
    assert [(problem.line, problem.column) for problem in loaded.problems["bad.toml"]] == [
        (4, 11),
        (5, 9),
        (6, 8),
        (8, 11),
    ]
    assert list(loaded.rules.rules) == ["a"]
    assert loaded.rules.rules["a"].file == "good.toml"


def test_of_two_rules_with_one_name_the_second_in_path_order_is_wrong() -> None:
    one = "[rules.a]\nsignal = 'up'"
    loaded = load_rules(
        {"b.toml": f"\n{one}\n[rules.b]\nsignal = 'up'", "a.toml": one, "c.toml": "[rules.b]\nsignal = 'up'"}
    )
    assert list(map(str, loaded.errors)) == ['b.toml:2:8: the name "a" stands in a.toml:1 already']
    assert [rule.file for rule in loaded.rules.rules.values()] == ["a.toml", "c.toml"]


def test_disabled_rules_stand_beside_those_in_force() -> None:
    rules = load_rules({"a.toml": "[rules.b]\nsignal = 'up'\nenabled = false\n[rules.a]\nsignal = 'up'"}).rules
    assert (list(rules.rules), list(rules.disabled)) == (["a"], ["b"])
    assert (rules.disabled["b"].file, rules.disabled["b"].line) == ("a.toml", 1)


def test_a_disabled_rule_is_checked_and_keeps_its_name_but_does_not_run() -> None:
    loaded = load_rules({"a.toml": "[rules.a]\nsignal = 'up'\nenabled = false", "b.toml": "[rules.a]\nsignal = 'up'"})
    assert not loaded.rules.rules
    assert list(loaded.problems) == ["b.toml"]
    assert problems_of("[rules.a]\nsignal = ')'\nenabled = false") != []


def test_an_empty_file_has_no_rules() -> None:
    assert load_rules({"a.toml": ""}) == Loaded(load_rules({}).rules)


@pytest.mark.parametrize(
    "content",
    [
        b"[rules.a]\nsignal = '" + b"(" * 100_000 + b"up" + b")" * 100_000 + b"'",
        b".".join([b"a"] * 20_000) + b" = 1",
        b"[rules.a]\ntitle = '\xff\xfe'",
        b"[rules.a]\nabove = " + b"9" * 100_000,
        b"[rules.a]\nsignal = 'up'\nabove = 1\nabove = 2",
        b"a = " + b"[" * 200_000,
        b'a = "' + b'\\"' * 120_000,
        b"x" * 300_000,
        b"[rules.a]\nsignal = 'up'\nfor = '" + b"9" * 1000 + b"d'",
        b"[rules.a]\nsignal = { rate = 'up', where = 'a=~\"(((\"' }\nwindow = '1m'",
        b"[rules.a]\nsignal = { rate = 'up', by = ['a) or (b'] }\nwindow = '1m'",
        b"[rules.a]\nsignal = 'up'\nfor = { count = 99999999999999999999 }",
        b"[rules.a]\nsignal = 'up'\ntitle = \"{\\u0000}\"",
        b"[rules.a]\nsignal = 1979-05-27T07:32:00Z",
        b"[[rules]]\na = 1",
        b"[rules.a]\nsignal = 'up'\n[[rules.a.seconds]]\nabove = 1",
        "\n".join(f"[rules.r{number}]\nsignal='up'" for number in range(2_001)).encode(),
    ],
)
def test_hostile_files_are_refused_with_a_place(content: bytes) -> None:
    loaded = load_rules({"x.toml": content})
    assert loaded.errors
    assert all(len(problem.problem) < 600 for problem in loaded.errors)
