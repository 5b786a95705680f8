"""The library's answers against a real Prometheus that has the same samples (issue 3)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import httpx
import promql_cases as cases
import pytest

from rtmd.engine import evaluate, evaluate_range
from rtmd.errors import PromqlError
from rtmd.model.expr import HERE, Aggregate, Binary, Call, Expr, Negate, Selector, Subquery, children, walk
from rtmd.model.functions import AGGREGATIONS, FUNCTIONS
from rtmd.promql import parse

NOT_IN_2 = {"histogram_fraction"}  # of classic buckets: Prometheus 3 only

Key = frozenset[tuple[str, str]]

SAMPLES = cases.samples()
EXPRESSIONS = cases.expressions()


def test_the_expressions_are_what_they_should_be() -> None:
    trees = [parse(text) for text in EXPRESSIONS]
    assert len(trees) >= 300
    used = Counter(word for tree in trees for word in {*words(tree)})
    wanted = {*FUNCTIONS, *AGGREGATIONS, "offset", "@", "subquery", "bool", "on", "ignoring"} - NOT_IN_2
    wanted |= {
        "group_left",
        "group_right",
        "and",
        "or",
        "unless",
        "by",
        "without",
        "negate",
        "atan2",
        "^",
        "%",
        "start",
    }
    assert {word for word in wanted if used[word] < 3} == set()
    assert sum(depth(tree) >= 3 for tree in trees) >= 100
    results = [evaluate(tree, SAMPLES, cases.INSTANT) for tree in trees]
    assert sum(result != [] for result in results) >= 0.9 * len(results)


def words(expr: Expr) -> Iterator[str]:
    for each in walk(expr):
        match each:
            case Call(function=function):
                yield function
            case Aggregate(op=op, labels=labels, without=without):
                yield op
                yield from ["without"] * without + ["by"] * bool(labels and not without)
            case Binary(op=op, matching=matching, returns_bool=returns_bool):
                yield op
                yield from ["bool"] * returns_bool
                if matching is not None:
                    yield "on" if matching.on else "ignoring" if matching.labels else "plain"
                    yield f"group_{matching.many}"
            case Negate():
                yield "negate"
            case Subquery():
                yield "subquery"
        if isinstance(each, Selector | Subquery) and each.shift != HERE:
            yield from ["offset"] * bool(each.shift.back) + ["@"] * (each.shift.at is not None) + [f"{each.shift.at}"]


def depth(expr: Expr) -> int:
    """How many operators, functions and aggregations stand inside each other."""
    below = max(map(depth, children(expr)), default=0)
    return below + isinstance(expr, Call | Aggregate | Binary | Negate)


def compared(mine: dict[Key, float], theirs: dict[Key, float]) -> str:
    """What differs, or nothing."""
    if set(mine) != set(theirs):
        here, there = sorted(map(sorted, {*mine} - {*theirs})), sorted(map(sorted, {*theirs} - {*mine}))
        return f"only here: {here}, only there: {there}"
    pairs = {key: (value, theirs[key]) for key, value in mine.items() if not same(value, theirs[key])}
    return "; ".join(f"{dict(key)}: {here!r} instead of {there!r}" for key, (here, there) in pairs.items())


def same(here: float, there: float) -> bool:
    return (math.isnan(here) and math.isnan(there)) or math.isclose(here, there, rel_tol=1e-9)


def ask(client: httpx.Client, path: str, **params: object) -> dict[str, object]:
    answer = client.post(path, data={name: str(value) for name, value in params.items()})
    found: dict[str, object] = answer.json()
    return found


def instant(client: httpx.Client, text: str, at: int) -> dict[Key, float] | None:
    """Values by labels; a number has none; None for an error."""
    answer = ask(client, "/api/v1/query", query=text, time=at / 1000)
    if answer["status"] != "success":
        return None
    data = answer["data"]
    if data["resultType"] == "scalar":
        return {frozenset(): float(data["result"][1])}
    return {frozenset(row["metric"].items()): float(row["value"][1]) for row in data["result"]}


def ours(text: str, at: int) -> dict[Key, float]:
    found = evaluate(text, SAMPLES, at)
    if isinstance(found, list):
        return {frozenset(labels.items()): value for labels, value in found}
    return {frozenset(): float(found)}


@pytest.mark.prometheus
def test_every_expression_has_the_value_that_prometheus_gives(prometheus: httpx.Client) -> None:
    wrong = {}
    for text in EXPRESSIONS:
        theirs = instant(prometheus, text, cases.INSTANT)
        problem = "an error there" if theirs is None else compared(ours(text, cases.INSTANT), theirs)
        if problem:
            wrong[text] = problem
    assert not wrong, "\n".join(f"{text}: {problem}" for text, problem in wrong.items())


@pytest.mark.prometheus
def test_every_expression_over_time_has_the_values_that_prometheus_gives(prometheus: httpx.Client) -> None:
    start, end, step = cases.RANGE
    wrong = {}
    for text in EXPRESSIONS:
        answer = ask(
            prometheus, "/api/v1/query_range", query=text, start=start / 1000, end=end / 1000, step=step / 1000
        )
        if answer["status"] != "success":
            wrong[text] = "an error there"
            continue
        theirs = {
            frozenset([*line["metric"].items(), ("at", str(round(time * 1000)))]): float(value)
            for line in answer["data"]["result"]
            for time, value in line["values"]
        }
        mine = {
            frozenset([*labels.items(), ("at", str(time))]): value
            for labels, times, values in evaluate_range(text, SAMPLES, start, end, step)
            for time, value in zip(times, values, strict=True)
        }
        problem = compared(mine, theirs)
        if problem:
            wrong[text] = problem[:600]
    assert not wrong, "\n".join(f"{text}: {problem}" for text, problem in wrong.items())


@pytest.mark.prometheus
def test_what_prometheus_calls_an_error_is_one(prometheus: httpx.Client) -> None:
    for text in cases.ERRORS:
        assert instant(prometheus, text, cases.INSTANT) is None, text
        with pytest.raises(PromqlError):
            evaluate(text, SAMPLES, cases.INSTANT)
