"""The library's answers against a real Prometheus that has the same samples."""

from __future__ import annotations

import math

import httpx
import promql_cases as cases
import pytest

from rtmd.engine import evaluate, evaluate_range
from rtmd.errors import PromqlError

Key = frozenset[tuple[str, str]]

SAMPLES = cases.samples()
EXPRESSIONS = cases.expressions()


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
