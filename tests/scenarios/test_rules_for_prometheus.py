"""Rules and alerts as Prometheus' clients read them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from scenarios.score import START, Score, rule_set

from rtmd.formats.query_json import show_moment
from rtmd.model.firing import Exemplar
from rtmd.model.inputs import RulesLoaded
from rtmd.pipeline import Pipeline
from rtmd.pipeline.prometheus_views import condition_query, exemplars, rule_groups
from rtmd.promql import parse, parse_selector

SURGE = """
[rules.surge]
title = "{brand}: {value} mentions"
signal = 'sum by (brand) (m)'
labels = { desk = "social" }
links = { runbook = "https://wiki.example/surge", chat = "https://chat.example" }
[rules.surge.seconds]
above = 10
keep = "30s"
[rules.surge.minutes]
at_least = 5
for = "1m"
"""


def shown(score: Score) -> list[dict[str, Any]]:
    """The rules of the one file, as JSON."""
    [group] = msgspec.json.decode(msgspec.json.encode(rule_groups(score.pipeline)))
    assert (group["name"], group["file"], group["interval"]) == ("test", "rules/test.toml", 1.0)
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def test_each_stage_is_an_alerting_rule_with_its_alerts() -> None:
    score = Score(SURGE)
    score.push(1, 'm{brand="acme"}', 12)
    score.run(5)
    seconds, minutes = shown(score)
    assert (seconds["name"], seconds["query"], seconds["state"]) == ("surge", "sum by (brand) (m) > 10", "firing")
    assert (minutes["query"], minutes["state"]) == ("sum by (brand) (m) >= 5", "pending")
    assert (seconds["keepFiringFor"], minutes["duration"]) == (30.0, 60.0)
    labels = {"desk": "social", "kind": "health", "severity": "info", "stage": "seconds"}
    assert seconds["labels"] == labels
    links = {"runbook_url": "https://wiki.example/surge", "chat": "https://chat.example"}
    assert seconds["annotations"] == {"summary": "{brand}: {value} mentions", **links}
    assert seconds["alerts"] == [
        {
            "labels": {"alertname": "surge", "brand": "acme", **labels},
            "annotations": {"summary": "acme: 12 mentions", **links},
            "state": "firing",
            "activeAt": show_moment(START + 1_000),
            "value": "1.2e+01",
        }
    ]
    assert [alert["state"] for alert in minutes["alerts"]] == ["pending"]
    assert (seconds["lastEvaluation"], minutes["lastEvaluation"]) == (show_moment(START + 5_000),) * 2


def test_a_recovering_stage_is_firing_and_says_since_when_it_is_kept() -> None:
    score = Score(SURGE)
    score.push(1, 'm{brand="acme"}', 12)
    score.push(5, 'm{brand="acme"}', 1)
    score.run(11)
    seconds, minutes = shown(score)
    [alert] = seconds["alerts"]
    assert (seconds["state"], alert["state"]) == ("firing", "firing")
    assert alert["keepFiringSince"] == show_moment(START + 6_000)  # the first grid point that saw it
    assert (minutes["state"], minutes["alerts"]) == ("inactive", [])


def test_before_its_first_evaluation_the_health_of_a_rule_is_unknown() -> None:
    score = Score(SURGE)
    assert [rule["health"] for rule in shown(score)] == ["unknown", "unknown"]
    score.run(1)
    assert [rule["health"] for rule in shown(score)] == ["ok", "unknown"]
    assert "lastError" not in shown(score)[0]


def test_an_expression_that_fails_makes_a_rule_sick_and_says_why() -> None:
    score = Score("[rules.x]\nsignal = 'm / on (brand) n'\n[rules.x.seconds]\nabove = 1\n")
    score.push(1, 'm{brand="a"}', 1)
    score.push(1, 'n{brand="a",i="1"}', 1)
    score.push(1, 'n{brand="a",i="2"}', 1)
    score.run(3)
    [rule] = shown(score)
    assert rule["health"] == "err"
    assert "at the same time" in rule["lastError"]


def test_a_rule_without_room_for_all_its_instances_is_sick() -> None:
    score = Score("")
    score.pipeline = Pipeline(score.series, START, instances_per_rule=1)
    score.send(0, RulesLoaded(rule_set(SURGE)))
    for brand in ("a", "b", "c"):
        score.push(1, f'm{{brand="{brand}"}}', 12)
    score.run(3)
    rule = shown(score)[0]
    assert (rule["health"], len(rule["alerts"])) == ("err", 1)
    assert rule["lastError"] == "2 instances are over limits.instances_per_rule and are not judged"


@pytest.mark.parametrize(
    ("keys", "query"),
    [
        ("below = 0.5", "m < 0.5"),
        ("at_most = 2", "m <= 2"),
        ("outside = [1, 2]", "m < 1 or m > 2"),
        ("", "m"),
        ("above = 1\nguard = 'n > 20'", "m > 1 and n > 20"),
        ("outside = [1, 2]\nguard = 'n'", "(m < 1 or m > 2) and n"),
    ],
)
def test_the_query_is_the_whole_condition(keys: str, query: str) -> None:
    rule = rule_set(f"[rules.x]\nsignal = 'm'\n[rules.x.seconds]\n{keys}\n").rules["x"]
    assert condition_query(rule.stages[0]) == query
    parse(query)


def test_a_recent_window_is_part_of_the_query() -> None:
    signal = "rate(m[$window])"
    rule = rule_set(f"[rules.x]\nsignal = '{signal}'\n[rules.x.minutes]\nwindow = '10m'\nabove = 1\n").rules["x"]
    assert condition_query(rule.stages[0]) == "rate(m[10m]) > 1 and rate(m[50s]) > 1"


def test_exemplars_are_those_that_plans_keep() -> None:
    score = Score(SURGE)
    score.push(1, 'm{brand="acme"}', 12, Exemplar("again", "@kim", 12_000.0, "https://x.example"))
    score.push(2, 'm{brand="acme"}', 13, Exemplar("still", reach=7.0))
    wanted = [parse_selector('m{brand="acme"}')]
    [found] = exemplars(score.pipeline, wanted, START, START + 9_000)
    assert found.series_labels == {"__name__": "m", "brand": "acme"}
    assert [(row.labels, row.value, row.timestamp) for row in found.exemplars] == [
        ({"text": "again", "author": "@kim", "url": "https://x.example"}, "12000", START / 1000 + 1),
        ({"text": "still"}, "7", START / 1000 + 2),
    ]
    assert exemplars(score.pipeline, wanted, START + 3_000, START + 9_000) == []
    assert exemplars(score.pipeline, [parse_selector("other")], START, START + 9_000) == []
