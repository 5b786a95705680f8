"""An expression narrowed to what one label set of its results is made of: the same for that set, of fewer series.

A label may be asked for further down where every row that takes part in the result has it with the same value: below
functions that keep labels, within the groups of an aggregation, and on the labels by which two sides match. Where that
is not certain, the expression stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from rtmd.model.expr import Aggregate, Binary, Call, Expr, Matching, Negate, Range, Selector, String, Subquery
from rtmd.model.labels import METRIC_NAME
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.replace import replace

_KEEPS = frozenset(
    {"rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "changes", "resets"}
    | {"abs", "ceil", "floor", "round", "clamp", "clamp_min", "clamp_max", "sqrt", "ln", "exp", "log2", "log10", "sgn"}
    | {f"{each}_over_time" for each in ("avg", "sum", "min", "max", "count", "last", "quantile", "stddev", "stdvar")}
)


def narrowed(expr: Expr, labels: Mapping[str, str]) -> Expr:  # noqa: PLR0911  # one a kind of node
    """The expression, reading no more than results with these labels (all of them but the name) need."""
    match expr:
        case Selector():
            return _selector(expr, labels)
        case Range():
            return replace(expr, selector=_selector(expr.selector, labels))
        case Subquery() | Negate():
            return replace(expr, child=narrowed(expr.child, labels))
        case Call(function=function) if function in _KEEPS:
            return replace(expr, arguments=tuple(narrowed(each, labels) for each in expr.arguments))
        case Aggregate():
            named = set(expr.labels)
            added = expr.parameter.text if isinstance(expr.parameter, String) else ""  # of count_values
            kept = {name: value for name, value in labels.items() if (name in named) is not expr.without}
            below = {name: value for name, value in kept.items() if name != added}
            return replace(expr, child=narrowed(expr.child, below))
        case Binary():
            shared = labels if expr.matching is None else _matched(expr.matching, labels)
            return replace(expr, left=narrowed(expr.left, shared), right=narrowed(expr.right, shared))
        case _:
            return expr


def _selector(selector: Selector, labels: Mapping[str, str]) -> Selector:
    added = {Matcher(name, MatchOp.EQUAL, value) for name, value in labels.items() if name != METRIC_NAME}
    return replace(selector, matchers=tuple(sorted({*selector.matchers, *added})))


def _matched(matching: Matching, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that both sides have in common."""
    named = set(matching.labels)
    return {
        name: value
        for name, value in labels.items()
        if (name in named) is matching.on and name not in matching.included
    }
