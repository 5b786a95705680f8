"""What the expressions for the comparison with a real Prometheus have to cover, counted, so that it stays so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import promql_cases as cases

from rtmd.engine import evaluate, evaluate_range
from rtmd.formats.batch import is_stale
from rtmd.model.expr import HERE, Aggregate, Binary, Call, Expr, Negate, Selector, Subquery, children, walk
from rtmd.model.functions import AGGREGATIONS, FUNCTIONS
from rtmd.promql import parse

NOT_IN_2 = {"histogram_fraction"}  # of classic buckets: Prometheus 3 only
OPERATORS = ["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless", "negate"]
MODIFIERS = [
    *("by", "without", "bool", "on", "ignoring", "group_left", "group_right", "include"),
    *("subquery", "start", "end", "@time", "forward", "back"),
]
MATCHERS = ["matcher !=", "matcher =~", "matcher !~"]

TEXTS = cases.expressions()
TREES = [parse(text) for text in TEXTS]
SAMPLES = cases.samples()


def words(expr: Expr) -> Iterator[str]:
    """Functions, operators and modifiers of an expression."""
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
                    yield from ["include"] * bool(matching.included)
            case Negate():
                yield "negate"
            case Subquery():
                yield "subquery"
            case Selector(matchers=matchers):
                yield from (f"matcher {matcher.op}" for matcher in matchers)
        if isinstance(each, Selector | Subquery) and each.shift != HERE:
            back, at = each.shift.back, each.shift.at
            yield from ["back"] * (back > 0) + ["forward"] * (back < 0)
            yield from ["@time" if isinstance(at, int) else str(at)] * (at is not None)


def depth(expr: Expr) -> int:
    """How many operators, functions and aggregations stand inside each other."""
    below = max(map(depth, children(expr)), default=0)
    return below + isinstance(expr, Call | Aggregate | Binary | Negate)


def test_there_are_enough_of_them_and_each_stands_once() -> None:
    assert len(TEXTS) == len(set(TEXTS)) >= 500


def test_every_function_operator_and_modifier_stands_in_three_of_them() -> None:
    used = Counter(word for tree in TREES for word in {*words(tree)})
    wanted = {*FUNCTIONS, *AGGREGATIONS, *OPERATORS, *MODIFIERS, *MATCHERS} - NOT_IN_2
    assert {word: used[word] for word in wanted if used[word] < 3} == {}


def test_a_third_of_them_nests_three_deep() -> None:
    assert sum(depth(tree) >= 3 for tree in TREES) >= len(TREES) / 3


def test_nine_in_ten_have_a_result_at_the_instant_and_over_the_range() -> None:
    instants = [evaluate(tree, SAMPLES, cases.INSTANT) for tree in TREES]
    assert sum(result != [] for result in instants) >= 0.9 * len(TREES)
    ranges = [evaluate_range(tree, SAMPLES, *cases.RANGE) for tree in TREES]
    assert sum(result != [] for result in ranges) >= 0.9 * len(TREES)


def test_the_samples_hold_what_samples_do() -> None:
    found = Counter[str]()
    for _, times, column in SAMPLES:
        values, instants = np.array(column), np.array(times)
        stale = is_stale(values)
        found["falls"] += bool((values[1:] < values[:-1]).any())
        found["gaps"] += bool((np.diff(instants) > cases.EVERY).any())
        found["NaN"] += bool((np.isnan(values) & ~stale).any())
        found["infinite"] += bool(np.isinf(values).any())
        found["stale"] += bool(stale.any())
        found["ends early"] += times[-1] < cases.INSTANT - 300_000
    assert {what for what, count in found.items() if not count} == set()
