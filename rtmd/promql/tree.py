"""From promql-parser's tree to ours, node by node, by an allow-list: what is not read here is refused with its place.

The parser's tree has no positions. Literals come back as placeholders that name their token (`tokens.py`); every
other node is found by walking the tokens alongside the tree, both in the order of the text: a node moves the cursor
forward to its own token. So an offset is the place of the construct itself. Lengths and modifiers (`[5m:30s]`,
`offset`, `@`) are read from the tokens alone: the parser has checked their order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import promql_parser as foreign

from rtmd.errors import MatcherError, PromqlError
from rtmd.matching import is_wildcard
from rtmd.model.expr import (
    COMPARISONS,
    DEFAULT_STEP,
    HERE,
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Edge,
    Expr,
    Many,
    Matching,
    Negate,
    Number,
    Range,
    Selector,
    Shift,
    String,
    Subquery,
    is_scalar,
    kind_of,
)
from rtmd.model.functions import AGGREGATIONS, DATES, FUNCTIONS
from rtmd.model.functions import Kind as Yields
from rtmd.model.labels import METRIC_NAME
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.replace import replace
from rtmd.promql.check import ARITHMETIC, check
from rtmd.promql.refusals import RANGE_ALONE, explained, refuse_unknown
from rtmd.promql.tokens import STRING_MARK, Kind, Token, gate

_MAX_TREE = 100  # whoever walks the tree may recurse
_FARTHEST = 1 << 52  # ms; float64 still knows each of them
_OPS = {"Equal": MatchOp.EQUAL, "NotEqual": MatchOp.NOT_EQUAL, "Re": MatchOp.REGEX, "NotRe": MatchOp.NOT_REGEX}


def parse(text: str, *, window: int | None = None) -> Expr:
    """The tree of a PromQL expression, with `$window` standing for `window` ms.

    Raises PromqlError, with an offset into `text`, for whatever is wrong, too large or not supported, and for
    `$window` without a window.
    """
    expr = parse_query(text, window=window)
    if kind_of(expr) is Yields.RANGE:
        raise PromqlError(RANGE_ALONE, expr.offset)
    return expr


def parse_query(text: str, *, window: int | None = None) -> Expr:
    """The same, and a range by itself (`m[5m]`) is fine: a query may ask for the samples as they are."""
    gated = gate(text, window=window)
    refuse_unknown(gated.tokens)
    try:
        tree = foreign.parse(gated.text)
    except ValueError as error:
        raise explained(str(error), gated) from None
    expr = _Reader(gated.tokens).expression(tree)
    check(expr)
    return expr


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """The matchers of an instant selector; PromqlError for every other expression."""
    expr = parse(text)
    if not isinstance(expr, Selector) or expr.shift != HERE:
        raise PromqlError("this is no series selector", expr.offset)
    return expr.matchers


class _Reader:
    """Walks the foreign tree and the tokens together, both in the order of the text."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self.tokens = tokens
        self.cursor = 0

    def expression(self, node: Any, depth: int = 0) -> Expr:
        if depth > _MAX_TREE:
            raise PromqlError(f"more than {_MAX_TREE} operations stand inside each other", self._here())
        read = _READERS.get(type(node))
        if read is None:
            raise PromqlError(f"not supported: {type(node).__name__}", self._here())
        return read(self, node, depth)

    def parenthesis(self, node: Any, depth: int) -> Expr:
        return self.expression(node.expr, depth)  # bounded by the gate

    def number(self, node: Any, _depth: int) -> Number:
        value = node.val
        if not math.isfinite(value):  # the words Inf and NaN
            place = self._advance(Kind.NAME, ("inf", "nan"))
            return Number(math.nan if math.isnan(value) else value, place)
        token = self.tokens[int(abs(value)) - 1]
        exact = token.number / 1000 if token.kind is Kind.DURATION else token.number
        self.cursor = max(self.cursor, int(abs(value)))
        return Number(exact if value > 0 else -exact, token.offset)

    def string(self, node: Any, _depth: int) -> String:
        place = int(node.val[1:])
        self.cursor = max(self.cursor, place)
        return String(self.tokens[place - 1].string, self.tokens[place - 1].offset)

    def selector(self, node: Any, _depth: int) -> Selector:
        selector = self._unshifted(node)
        return replace(selector, shift=self._shift())

    def range(self, node: Any, _depth: int) -> Range:
        selector = self._unshifted(node.vector_selector)
        place = self._advance(Kind.SIGN, ("[",))
        window = self._length()
        self._advance(Kind.SIGN, ("]",))
        return Range(replace(selector, shift=self._shift()), window, place)

    def subquery(self, node: Any, depth: int) -> Subquery:
        child = self.expression(node.expr, depth + 1)
        place = self._advance(Kind.SIGN, ("[",))
        window = self._length()
        self._advance(Kind.SIGN, (":",))
        step = DEFAULT_STEP if self._peek() == "]" else self._length()
        self._advance(Kind.SIGN, ("]",))
        return Subquery(child, window, step, self._shift(), place)

    def _unshifted(self, node: Any) -> Selector:
        place = self._advance(Kind.NAME, (node.name.lower(),)) if node.name else self._advance(Kind.SIGN, ("{",))
        found = node.matchers
        if found.or_matchers:
            raise PromqlError('not supported: "or" between matchers', self._find("or", place))
        matchers = [self._matcher(matcher) for matcher in found.matchers]
        if node.name:
            matchers.append(Matcher(METRIC_NAME, MatchOp.EQUAL, node.name))
        _check_matchers(matchers, place)
        self._skip_braces()
        return Selector(tuple(sorted(set(matchers))), offset=place)

    def _matcher(self, node: Any) -> Matcher:
        matcher = Matcher(self._text(node.name), _OPS[str(node.op).rpartition(".")[2]], self._text(node.value))
        try:
            is_wildcard(matcher)
        except MatcherError as error:
            raise PromqlError(str(error), self._place(node.value)) from None
        return matcher

    def _length(self) -> int:
        """The length at the cursor in ms; the cursor moves behind it."""
        token = self.tokens[self.cursor]
        self.cursor += 1
        exact = token.number if token.kind is Kind.DURATION else token.number * 1000
        length = round(exact)
        if length < 1 or abs(exact - length) > 1e-6:  # 1.001 * 1000 is not quite 1001
            raise PromqlError("a range must be at least 1ms, in whole milliseconds", token.offset)
        return length

    def _shift(self) -> Shift:
        """The modifiers at the cursor; with a fixed time an offset is folded into it."""
        back = 0
        at: int | Edge | None = None
        while self._peek() in {"offset", "@"}:
            word = self._peek()
            self.cursor += 1
            if word == "offset":
                back = self._signed()
            elif self._peek() in {"start", "end"}:
                at = Edge(self._peek())
                self._advance(Kind.SIGN, (")",))
            else:
                at = self._signed()
        return Shift(0, at - back) if isinstance(at, int) else Shift(back, at)

    def _signed(self) -> int:
        """The number or duration at the cursor in ms, perhaps behind a sign."""
        negative = self._peek() == "-"
        self.cursor += self._peek() in {"-", "+"}
        token = self.tokens[self.cursor]
        self.cursor += 1
        exact = token.number if token.kind is Kind.DURATION else token.number * 1000
        if exact > _FARTHEST:
            raise PromqlError("this lies too far away", token.offset)
        return -round(exact) if negative else round(exact)

    def call(self, node: Any, depth: int) -> Call:
        name = node.func.name
        place = self._advance(Kind.NAME, (name,))
        if name not in FUNCTIONS:
            raise PromqlError(f"not supported: the function {name}", place)
        self._advance(Kind.SIGN, ("(",))
        arguments = tuple(self.expression(argument, depth + 1) for argument in node.args)
        # What is left out is written out: equal signals are equal trees.
        if name in DATES and not arguments:
            arguments = (Call("vector", (Call("time", offset=place),), place),)
        if name == "round" and len(arguments) == 1:
            arguments = (*arguments, Number(1.0, place))
        return Call(name, arguments, place)

    def aggregate(self, node: Any, depth: int) -> Aggregate:
        op = str(node.op)
        place = self._advance(Kind.NAME, (op,))
        if op not in AGGREGATIONS:
            raise PromqlError(f"not supported: the aggregation {op}", place)
        self._skip_clause(("by", "without"))
        parameter = None if node.param is None else self.expression(node.param, depth + 1)
        child = self.expression(node.expr, depth + 1)
        self._skip_to_clause()
        if is_scalar(child):
            raise PromqlError(f"{op} needs a vector, not a number", place)
        names = () if node.modifier is None else tuple(map(self._text, node.modifier.labels))
        without = node.modifier is not None and node.modifier.type == foreign.AggModifierType.Without
        return Aggregate(op, child, tuple(sorted(set(names))), without, parameter, place)

    def negate(self, node: Any, depth: int) -> Expr:
        place = self._advance(Kind.SIGN, ("-",))
        child = self.expression(node.expr, depth + 1)
        return Number(-child.value, place) if isinstance(child, Number) else Negate(child, place)

    def binary(self, node: Any, depth: int) -> Binary:
        left = self.expression(node.lhs, depth + 1)
        op = str(node.op)
        place = self._advance(None, (op,))
        modifier = node.modifier
        self._refuse_operation(op, modifier, place)
        for clause in (("bool",), ("on", "ignoring"), ("group_left", "group_right")):
            self._skip_clause(clause)
        right = self.expression(node.rhs, depth + 1)
        returns_bool = modifier is not None and bool(modifier.return_bool)
        scalars = is_scalar(left), is_scalar(right)
        if op in SET_OPERATORS and any(scalars):
            raise PromqlError(f'"{op}" needs a vector on both sides', place)
        if op in COMPARISONS and all(scalars) and not returns_bool:
            raise PromqlError('a comparison between two numbers needs "bool"', place)
        matching = None if any(scalars) else self._matching(modifier)
        return Binary(op, left, right, matching, returns_bool, place)

    def _refuse_operation(self, op: str, modifier: Any, place: int) -> None:
        if op not in ARITHMETIC | COMPARISONS | SET_OPERATORS:
            raise PromqlError(f"not supported: the operator {op}", place)
        fills = None if modifier is None else modifier.fill_values
        if fills is not None and (fills.lhs is not None or fills.rhs is not None):
            raise PromqlError("not supported: the fill modifier", self._find("fill", place))

    def _matching(self, modifier: Any) -> Matching:
        if modifier is None:
            return Matching()
        sides = {
            Many.LEFT: foreign.VectorMatchCardinality.ManyToOne,
            Many.RIGHT: foreign.VectorMatchCardinality.OneToMany,
        }
        many = next((side for side, card in sides.items() if modifier.card == card), None)
        included = tuple(sorted(set(map(self._text, modifier.group_labels or ())))) if many else ()
        if modifier.matching is None:
            return Matching(many=many, included=included)
        on = modifier.matching.type == foreign.LabelModifierType.Include
        return Matching(tuple(sorted(set(map(self._text, modifier.matching.labels)))), on, many, included)

    def _text(self, placeholder: str) -> str:
        if not placeholder.startswith(STRING_MARK):
            return placeholder
        return self.tokens[int(placeholder[1:]) - 1].string

    def _place(self, placeholder: str) -> int:
        return self.tokens[int(placeholder[1:]) - 1].offset if placeholder.startswith(STRING_MARK) else self._here()

    def _here(self) -> int:
        return self.tokens[min(self.cursor, len(self.tokens) - 1)].offset

    def _advance(self, kind: Kind | None, words: tuple[str, ...]) -> int:
        """Move the cursor behind the next token that is one of these words; its offset."""
        for place in range(self.cursor, len(self.tokens)):
            token = self.tokens[place]
            if token.text.lower() in words and (kind is None or token.kind is kind):
                self.cursor = place + 1
                return token.offset
        return self._here()

    def _find(self, word: str, since: int = 0) -> int:
        return next((t.offset for t in self.tokens if t.offset >= since and t.text.lower().startswith(word)), since)

    def _peek(self) -> str:
        return self.tokens[self.cursor].text.lower() if self.cursor < len(self.tokens) else ""

    def _skip_braces(self) -> None:
        if self.cursor and self.tokens[self.cursor - 1].text == "{":
            self.cursor -= 1
        if self._peek() == "{":
            self._advance(Kind.SIGN, ("}",))

    def _skip_clause(self, words: tuple[str, ...]) -> None:
        if self._peek() in words:
            self.cursor += 1
            if self._peek() == "(" and words != ("bool",):
                self._advance(Kind.SIGN, (")",))

    def _skip_to_clause(self) -> None:
        """Behind an aggregation's argument: its own parenthesis, then perhaps its clause."""
        while self._peek() == ")":
            self.cursor += 1
            if self._peek() in {"by", "without"}:
                self._skip_clause(("by", "without"))
                return


_READERS: dict[type, Callable[[_Reader, Any, int], Expr]] = {
    foreign.ParenExpr: _Reader.parenthesis,
    foreign.NumberLiteral: _Reader.number,
    foreign.StringLiteral: _Reader.string,
    foreign.VectorSelector: _Reader.selector,
    foreign.MatrixSelector: _Reader.range,
    foreign.SubqueryExpr: _Reader.subquery,
    foreign.Call: _Reader.call,
    foreign.AggregateExpr: _Reader.aggregate,
    foreign.UnaryExpr: _Reader.negate,
    foreign.BinaryExpr: _Reader.binary,
}


def _check_matchers(matchers: list[Matcher], place: int) -> None:
    if sum(matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL for matcher in matchers) > 1:
        raise PromqlError("the metric name is set twice", place)
    if all(is_wildcard(matcher) for matcher in matchers):
        raise PromqlError("a selector needs a metric name or a matcher that does not match the empty string", place)
