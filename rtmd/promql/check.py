"""Whether a tree means something: kinds of arguments, matchers, patterns, lengths. For trees made by hand, too.

What the text's parser has checked already is checked here again: the engine relies on nothing else.
"""

from __future__ import annotations

from rtmd.errors import MatcherError, PromqlError
from rtmd.matching import check_pattern, compile_matchers
from rtmd.model.expr import (
    COMPARISONS,
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Negate,
    Range,
    Selector,
    Subquery,
    children,
    is_scalar,
    kind_of,
)
from rtmd.model.functions import AGGREGATIONS, FUNCTIONS, Kind

ARITHMETIC = frozenset({*"+-*/%^", "atan2"})
MAX_STEPS = 11_000  # of a subquery; also what Prometheus allows a graph


def check(expr: Expr) -> None:
    """Raise PromqlError, with the offset of the node, for the first thing that means nothing."""
    for child in children(expr):
        check(child)
    match expr:
        case Selector():
            _check_selector(expr)
        case Range(window=window) if window < 1:
            raise PromqlError("a range must be at least 1ms", expr.offset)
        case Subquery():
            _check_subquery(expr)
        case Call():
            _check_call(expr)
        case Aggregate():
            _check_aggregate(expr)
        case Negate(child=child) if kind_of(child) not in {Kind.SCALAR, Kind.VECTOR}:
            raise PromqlError(f"a {kind_of(child)} cannot be negated", expr.offset)
        case Binary():
            _check_binary(expr)


def _check_selector(expr: Selector) -> None:
    try:
        compile_matchers(expr.matchers)
    except MatcherError as error:
        raise PromqlError(str(error), expr.offset) from error


def _check_subquery(expr: Subquery) -> None:
    if kind_of(expr.child) is not Kind.VECTOR:
        raise PromqlError(f"a subquery needs a vector, not a {kind_of(expr.child)}", expr.offset)
    if expr.window < 1 or expr.step < 1:
        raise PromqlError("range and step of a subquery must be at least 1ms", expr.offset)
    if expr.window // expr.step > MAX_STEPS:
        raise PromqlError(f"a subquery has at most {MAX_STEPS:,} steps", expr.offset)


def _check_call(expr: Call) -> None:
    name, arguments = expr.function, expr.arguments
    signature = FUNCTIONS.get(name)
    if signature is None:
        raise PromqlError(f"not supported: the function {name}", expr.offset)
    if not signature.accepts(len(arguments)):
        raise PromqlError(f"{name}() has {len(arguments)} arguments", expr.offset)
    for place, argument in enumerate(arguments):
        if kind_of(argument) is not signature.kind(place):
            raise PromqlError(f"{name}() needs a {signature.kind(place)} here", argument.offset)
    texts = [str(getattr(argument, "text", "")) for argument in arguments]
    if name == "label_replace":
        _check_label(texts[1], arguments[1])
        try:
            check_pattern(texts[4])
        except MatcherError as error:
            raise PromqlError(str(error), arguments[4].offset) from error
    if name == "label_join":
        for place in (1, *range(3, len(arguments))):
            _check_label(texts[place], arguments[place])


def _check_label(name: str, place: Expr) -> None:
    if not name:
        raise PromqlError("a label name must not be empty", place.offset)


def _check_aggregate(expr: Aggregate) -> None:
    if expr.op not in AGGREGATIONS:
        raise PromqlError(f"not supported: the aggregation {expr.op}", expr.offset)
    if kind_of(expr.child) is not Kind.VECTOR:
        raise PromqlError(f"{expr.op} needs a vector, not a {kind_of(expr.child)}", expr.offset)
    wanted, given = AGGREGATIONS[expr.op], expr.parameter
    if (given and kind_of(given)) != wanted:
        raise PromqlError(f"{expr.op} needs {f'a {wanted}' if wanted else 'nothing'} before its vector", expr.offset)
    if expr.op == "count_values":
        _check_label(str(getattr(given, "text", "")), given or expr)


def _check_binary(expr: Binary) -> None:
    kinds = kind_of(expr.left), kind_of(expr.right)
    scalars = is_scalar(expr.left), is_scalar(expr.right)
    matching = expr.matching
    if not {*kinds} <= {Kind.SCALAR, Kind.VECTOR}:
        raise PromqlError(f'"{expr.op}" needs numbers and vectors', expr.offset)
    if expr.op in SET_OPERATORS:
        if any(scalars):
            raise PromqlError(f'"{expr.op}" needs a vector on both sides', expr.offset)
        if matching and matching.many:
            raise PromqlError(f'"{expr.op}" has no group_{matching.many}', expr.offset)
    elif expr.op not in ARITHMETIC and expr.op not in COMPARISONS:
        raise PromqlError(f"not supported: the operator {expr.op}", expr.offset)
    elif expr.op in COMPARISONS and all(scalars) and not expr.returns_bool:
        raise PromqlError('a comparison between two numbers needs "bool"', expr.offset)
