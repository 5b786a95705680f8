"""What is allowed in a rule and yet suspicious: warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from rtmd.errors import Located
from rtmd.model.duration import show_duration
from rtmd.model.expr import Aggregate, Binary, Call, Expr, Negate, Number, children, is_scalar, selectors, walk
from rtmd.model.labels import METRIC_NAME
from rtmd.model.rule import Rule, Stage

_GROWTH = 4
_TOTALS = frozenset({"increase", "delta", "sum_over_time", "count_over_time"})
# Functions whose result grows with their argument; aggregations whose does not.
_TRUE_TO_SIZE = frozenset(
    {"abs", "ceil", "floor", "round", "sort", "sort_desc", "label_replace", "label_join", "scalar"}
)
_COUNTS = frozenset({"count", "group", "count_values"})


def lint(rules: Iterable[Rule]) -> tuple[Located, ...]:
    """Warnings about rules, in the order of files and lines."""
    return tuple(sorted(warning for rule in rules for warning in _lint_rule(rule)))


def _lint_rule(rule: Rule) -> list[Located]:
    warnings = []
    for shorter, longer in pairwise(rule.stages):
        if shorter.window and longer.window and longer.window < _GROWTH * shorter.window:
            text = (
                f"{rule.name}: the window of {longer.name} ({show_duration(longer.window)}) should be at least"
                f" {_GROWTH} times that of {shorter.name} ({show_duration(shorter.window)}) to judge it"
            )
            warnings.append(Located(rule.file, longer.line, 0, text))
    for stage in rule.stages:
        named = (f"{rule.name}: {stage.name} {problem}" for problem in _suspicions(stage))
        warnings.extend(Located(rule.file, stage.line, 0, problem) for problem in named)
    return warnings


def _suspicions(stage: Stage) -> Iterator[str]:
    if not stage.hold.duration and stage.hold.count <= 1 and len(metrics_of_operation(stage.signal)) > 1:
        yield (
            "combines two metrics with for = 0: their samples need not arrive together, so it can fire on a half-fed"
            ' moment; try for = "2s"'
        )
    recent = stage.recent_signal
    if recent and is_total(stage.signal) and numbers(stage.signal) == numbers(recent):
        yield (
            f"counts over its window and over the recent {show_duration(stage.recent or 0)} and holds both against the"
            ' same number; divide by $window, or say recent = "off"'
        )


def is_total(expr: Expr) -> bool:
    """Whether the value grows with the length of the window."""
    match expr:
        case Call(function=function, arguments=arguments):
            return function in _TOTALS or (function in _TRUE_TO_SIZE and any(map(is_total, arguments)))
        case Aggregate(op=op, child=child):
            return op not in _COUNTS and is_total(child)
        case Negate(child=child):
            return is_total(child)
        case Binary(op="+" | "-" | "*" | "/" as op, left=left, right=right):
            # The quotient of two totals is a share.
            return is_total(left) is not is_total(right) if op == "/" else is_total(left) or is_total(right)
        case _:
            return False


def numbers(expr: Expr) -> tuple[float, ...]:
    """The numbers in an expression; they change with the window where it says $window."""
    return tuple(each.value for each in walk(expr) if isinstance(each, Number))


def metrics_of_operation(expr: Expr) -> frozenset[str]:
    """The metrics that meet in vector-to-vector operations of the expression."""
    match expr:
        case Binary(left=left, right=right) if not is_scalar(left) and not is_scalar(right):
            return metrics(left) | metrics(right)
        case _:
            return frozenset().union(*map(metrics_of_operation, children(expr)))


def metrics(expr: Expr) -> frozenset[str]:
    """The metrics that an expression reads, as their name matchers read."""
    matchers = (matcher for selector in selectors(expr) for matcher in selector.matchers)
    return frozenset(matcher.value for matcher in matchers if matcher.name == METRIC_NAME)


def labels_of_result(expr: Expr) -> frozenset[str]:
    """The labels that the result is certain to name; empty where that depends on the series."""
    match expr:
        case Aggregate(labels=labels, without=False):
            return frozenset(labels)
        case Negate(child=child):
            return labels_of_result(child)
        case Binary(op=op, left=left, right=right) if op != "or":
            return labels_of_result(right if is_scalar(left) else left)
        case _:
            return frozenset()
