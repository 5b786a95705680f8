"""Which windows become buckets, how wide, and what a rule file hears about it."""

from __future__ import annotations

import pytest
from scenarios.score import rule_set

from rtmd.model.rule import HOUR, MINUTE, SECOND, Stage
from rtmd.model.tiers import Tier, grid_for, has_buckets, tier_of, windows
from rtmd.promql import parse
from rtmd.rulefile.cost import kept, too_dear
from rtmd.rulefile.explain import explain_rule
from rtmd.rulefile.load import load_rules


def tier(text: str, grid: int) -> Tier | None:
    ((function, ranged),) = windows(parse(text))
    return tier_of(function, ranged, grid)


@pytest.mark.parametrize(
    ("text", "grid", "slots"),
    [
        ("avg_over_time(m[24h])", 5 * MINUTE, 289),
        ("rate(m[6h])", MINUTE, 361),
        ("max_over_time(m[10m])", 5 * SECOND, 121),
        ("avg_over_time(m[5m])", 10 * SECOND, 31),
        ("avg_over_time(m[3m])", MINUTE, 6),
        ("absent_over_time(m[1h])", MINUTE, 61),
        ("increase(m[1h] offset 1d)", 5 * MINUTE, 301),
        ("avg_over_time(m[1m] offset 1d)", MINUTE, 24 * 60 + 5 + 1),  # of 5 min, to see whether it is alive
    ],
)
def test_long_windows_of_functions_that_merge_become_buckets(text: str, grid: int, slots: int) -> None:
    found = tier(text, grid)
    assert found is not None
    assert (found.width, found.slots) == (grid, slots)


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("avg_over_time(m[24h])", 0),  # judged on arrival
        ("avg_over_time(m[2m])", MINUTE),
        ("avg_over_time(m[5m])", 5 * SECOND),  # would save less than seven eighths
        ("rate(m[10m])", 5 * SECOND),  # would save less than half
        ("quantile_over_time(0.9, m[24h])", 5 * MINUTE),
        ("deriv(m[24h])", 5 * MINUTE),
        ("irate(m[24h])", 5 * MINUTE),
        ("avg_over_time(m[24h] @ 100)", 5 * MINUTE),
        ("avg_over_time(m[24h] offset -1h)", 5 * MINUTE),
        ("avg_over_time(m[24h] offset 7m)", 5 * MINUTE),
        ("avg_over_time(m[61m])", 5 * MINUTE),
        ("avg_over_time(m[1m] offset 1h)", 2 * MINUTE),
    ],
)
def test_everything_else_stays_samples(text: str, grid: int) -> None:
    assert tier(text, grid) is None
    assert not has_buckets(parse(text), grid)


def test_what_stands_in_a_subquery_stays_samples() -> None:
    assert not has_buckets(parse("max_over_time(avg_over_time(m[1h])[6h:5m])"), MINUTE)
    assert has_buckets(parse("sum(avg_over_time(m[1h])) / scalar(max_over_time(m[1m]))"), MINUTE)


@pytest.mark.parametrize(
    ("base", "texts", "grid"),
    [
        (5 * SECOND, ["avg_over_time(m[10m])"], 5 * SECOND),
        (5 * SECOND, ["avg_over_time(m[1h])", "avg_over_time(m[5m])"], 10 * SECOND),
        (MINUTE, ["rate(m[6h])", "rate(m[30m])"], MINUTE),
        (MINUTE, ["rate(m[24h])", "rate(m[2h])"], 5 * MINUTE),
        (MINUTE, ["rate(m[11h])", "rate(m[55m])"], 5 * MINUTE),  # two minutes would do, but for the shorter one
        (MINUTE, ["rate(m[7d])"], 30 * MINUTE),
        (MINUTE, ["rate(m[35d])"], HOUR),
        (MINUTE, ["rate(m[1h] offset 1d)"], 5 * MINUTE),
        (MINUTE, ["deriv(m[7d])", "m"], MINUTE),
        (MINUTE, ["rate(m[25h1s])"], MINUTE),  # nothing wide enough divides it
    ],
)
def test_the_grid_is_as_wide_as_the_longest_window_asks_for(base: int, texts: list[str], grid: int) -> None:
    assert grid_for(base, map(parse, texts)) == grid


RULE = """
[rules.slow]
signal = 'avg_over_time(m[$window])'
[rules.slow.seconds]
above = 1
window = "10m"
[rules.slow.hours]
above = 1
window = "24h"
"""


def stage(text: str, place: int = -1) -> Stage:
    (rule,) = rule_set(text).rules.values()
    return rule.stages[place]


def test_a_stage_is_judged_at_multiples_of_its_buckets_unless_it_says_how_often() -> None:
    assert stage(RULE).grid == 5 * MINUTE
    assert stage(RULE, 0).grid == SECOND
    assert not stage(RULE, 0).bucket_grid
    named = stage(RULE.replace('"24h"', '"24h"\nevery = "1m"'))
    assert (named.grid, named.bucket_grid) == (MINUTE, MINUTE)
    assert [each.tiers[0].slots for each in kept(named)] == [1441]


def test_an_explanation_says_how_wide_buckets_are_and_what_they_cost() -> None:
    (rule,) = rule_set(RULE).rules.values()
    said = explain_rule(rule)
    assert "every 5m, the width of its buckets" in said
    assert "4.83 kB a series of m at 1 sample/s: 288 buckets of 5m, 24 buckets of 5m, samples of 1m10s" in said
    assert "8.22 kB a series of m at 1 sample/s: samples of 10m" in said


def test_a_window_that_would_cost_too_much_is_refused_at_its_place() -> None:
    text = "[rules.dear]\nsignal = 'quantile_over_time(0.9, m[$window]) > 1'\nwindow = '5d'\nrecent = 'off'\n"
    ((problem,),) = load_rules({"rules/dear.toml": text.encode()}).problems.values()
    assert (problem.line, problem.column) == (2, 35)
    assert "keeps every sample for 5d: 5.83 MB a series, and at most 4 MB" in problem.problem
    assert not load_rules({"rules/dear.toml": text.replace("'5d'", "'3d'").encode()}).problems


def test_buckets_reach_back_35_days() -> None:
    assert too_dear(parse("rate(m[35d])"), HOUR) is None
    refused = too_dear(parse("rate(m[36d])"), HOUR)
    assert refused is not None
    assert "at most 35d" in refused.problem
