"""The canonical text of a tree: what people see in evidence and `--explain`.

`parse(show(e)) == e` for every tree that the gate can make: nothing is rounded (the text of promql-parser loses
milliseconds). Parentheses stand only where they are needed.
"""

from __future__ import annotations

import json
import math
import re
from typing import assert_never

from rtmd.model.duration import show_duration
from rtmd.model.expr import (
    COMPARISONS,
    HERE,
    Aggregate,
    Binary,
    Call,
    Expr,
    Matching,
    Negate,
    Number,
    Range,
    Selector,
    Shift,
    String,
    Subquery,
)
from rtmd.model.labels import METRIC_NAME
from rtmd.model.matcher import Matcher, MatchOp

_PLAIN_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_PLAIN_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# Words that mean something to the parser, at least somewhere: as names they are quoted.
_WORDS = frozenset(
    {"and", "or", "unless", "atan2", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset"}
    | {"start", "end", "inf", "nan", "fill", "fill_left", "fill_right", "smoothed", "anchored", "step", "range"}
    | {"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "topk", "bottomk", "count_values", "quantile"}
    | {"limitk", "limit_ratio"}
)
_STRENGTH = {"^": 6, "*": 5, "/": 5, "%": 5, "atan2": 5, "+": 4, "-": 4, "and": 2, "unless": 2, "or": 1}
_STRENGTH |= dict.fromkeys(COMPARISONS, 3)


def show(expr: Expr) -> str:  # noqa: PLR0911  # one a kind of node
    """The expression as PromQL text."""
    match expr:
        case Number(value=value):
            return _number(value)
        case String(text=text):
            return _string(text)
        case Selector():
            return _selector(expr) + _shift(expr.shift)
        case Range(selector=selector, window=window):
            return f"{_selector(selector)}[{show_duration(window)}]{_shift(selector.shift)}"
        case Subquery():
            return _subquery(expr)
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(map(show, arguments))})"
        case Aggregate():
            return _aggregate(expr)
        case Negate(child=child):
            text = show(child)
            return f"-({text})" if isinstance(child, Binary | Negate | Number) else f"-{text}"
        case Binary():
            return _binary(expr)
        case _:
            assert_never(expr)


def _shift(shift: Shift) -> str:
    at = "" if shift.at is None else f" @ {shift.at}()"
    if isinstance(shift.at, int):
        sign, time = "-" if shift.at < 0 else "", abs(shift.at)
        at = f" @ {sign}{time // 1000}.{time % 1000:03}"
    return at + (f" offset {show_duration(shift.back)}" if shift.back else "")


def _subquery(expr: Subquery) -> str:
    inner = show(expr.child)
    plain = isinstance(expr.child, Selector) and expr.child.shift == HERE
    text = inner if plain or isinstance(expr.child, Call | Aggregate) else f"({inner})"
    return f"{text}[{show_duration(expr.window)}:{show_duration(expr.step)}]{_shift(expr.shift)}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return repr(value).removesuffix(".0")


def _selector(selector: Selector) -> str:
    named = [matcher for matcher in selector.matchers if matcher.name == METRIC_NAME]
    name = ""
    if len(named) == 1 and named[0].op is MatchOp.EQUAL:
        name = named[0].value if _plain(_PLAIN_NAME, named[0].value) else ""
    rest = [_matcher(matcher) for matcher in selector.matchers if not name or matcher.name != METRIC_NAME]
    return name + ("{" + ", ".join(rest) + "}" if rest or not name else "")


def _matcher(matcher: Matcher) -> str:
    return f"{_label(matcher.name)}{matcher.op}{_string(matcher.value)}"


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _label(name: str) -> str:
    return name if _plain(_PLAIN_LABEL, name) else _string(name)


def _plain(shape: re.Pattern[str], text: str) -> bool:
    return shape.fullmatch(text) is not None and text.lower() not in _WORDS


def _labels(names: tuple[str, ...]) -> str:
    return "(" + ", ".join(map(_label, names)) + ")"


def _aggregate(expr: Aggregate) -> str:
    inside = show(expr.child) if expr.parameter is None else f"{show(expr.parameter)}, {show(expr.child)}"
    if not expr.labels and not expr.without:
        return f"{expr.op}({inside})"
    word = "without" if expr.without else "by"
    return f"{expr.op} {word} {_labels(expr.labels)} ({inside})"


def _binary(expr: Binary) -> str:
    strength = _STRENGTH[expr.op]
    leans_right = expr.op == "^"
    left = _operand(expr.left, strength + leans_right)
    if leans_right and left.startswith("-"):
        left = f"({left})"  # -2 ^ 2 is -(2 ^ 2)
    right = _operand(expr.right, strength + (not leans_right))
    flag = " bool" if expr.returns_bool else ""
    return f"{left} {expr.op}{flag}{_matching(expr.matching)} {right}"


def _operand(expr: Expr, least: int) -> str:
    text = show(expr)
    return f"({text})" if isinstance(expr, Binary) and _STRENGTH[expr.op] < least else text


def _matching(matching: Matching | None) -> str:
    if matching is None or matching == Matching():
        return ""
    text = f" {'on' if matching.on else 'ignoring'} {_labels(matching.labels)}"
    return f"{text} group_{matching.many} {_labels(matching.included)}" if matching.many else text
