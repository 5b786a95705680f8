"""promql-parser's tree to ours, by an allow-list: what is not named here is refused, never given another meaning.

The parser's nodes carry no positions. Literals come back as placeholders that name their token (`tokens.py`); every
other node is found by walking the tokens alongside the tree, both in the order of the text: a node moves the cursor
forward to its own token. So an offset is the place of the construct itself. Errors that the parser itself raises
know no place; the word they quote is looked up, else they stand at the start of the expression.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import promql_parser as foreign

from rtmd.errors import MatcherError, PromqlError
from rtmd.matching import is_wildcard
from rtmd.model.expr import (
    COMPARISONS,
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Matching,
    Negate,
    Number,
    Selector,
    is_scalar,
)
from rtmd.model.labels import METRIC_NAME
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.promql.tokens import STRING_MARK, Gated, Kind, Token, gate

FUNCTIONS = frozenset({"rate", "increase", "delta"}) | {
    f"{word}_over_time" for word in ("last", "avg", "min", "max", "sum", "count")
}
AGGREGATIONS = frozenset({"sum", "avg", "min", "max", "count"})

_OPERATORS = frozenset("+-*/%^") | COMPARISONS | SET_OPERATORS
# Words that may stand before an opening parenthesis without being a function.
_BEFORE_PARENTHESIS = SET_OPERATORS | {"by", "without", "on", "ignoring", "group_left", "group_right", "bool", "atan2"}
_FILLS = frozenset({"fill", "fill_left", "fill_right"})
_OTHER_AGGREGATIONS = frozenset(
    {"topk", "bottomk", "quantile", "stddev", "stdvar", "group", "count_values", "limitk", "limit_ratio"}
)
_RANGE_ALONE = "a range like [5m] can only stand inside a function such as rate()"
_MAX_TREE = 100  # whoever walks the tree may recurse
_OPS = {"Equal": MatchOp.EQUAL, "NotEqual": MatchOp.NOT_EQUAL, "Re": MatchOp.REGEX, "NotRe": MatchOp.NOT_REGEX}


def parse(text: str, *, window: int | None = None) -> Expr:
    """The tree of a PromQL expression, with `$window` standing for `window` ms.

    Raises PromqlError, with an offset into `text`, for whatever is wrong, too large or not supported, and for
    `$window` without a window.
    """
    gated = gate(text, window=window)
    _refuse_functions(gated.tokens)
    try:
        tree = foreign.parse(gated.text)
    except ValueError as error:
        raise _explained(str(error), gated) from None
    return _Reader(gated.tokens).expression(tree)


def _refuse_functions(tokens: tuple[Token, ...]) -> None:
    known = FUNCTIONS | AGGREGATIONS | _BEFORE_PARENTHESIS
    for token, following in pairwise(tokens):
        word = token.text.lower()
        if token.kind is not Kind.NAME or following.text != "(" or token.inside == "{":
            continue
        if word in _OTHER_AGGREGATIONS:
            raise PromqlError(f"not supported: the aggregation {word}", token.offset)
        if word in _FILLS:
            raise PromqlError(f"not supported: the {word} modifier", token.offset)
        if token.text not in known and word not in known - FUNCTIONS:
            raise PromqlError(f"not supported: the function {token.text[:60]}", token.offset)


def _explained(problem: str, gated: Gated) -> PromqlError:
    """The parser's own error with the best place there is, and our words where its words mislead."""
    if problem.startswith("comparisons between scalars"):
        return PromqlError('a comparison between two numbers needs "bool"', _scalar_comparison(gated))
    quoted = re.search(r"'([^']+)'", problem)
    word = quoted[1] if quoted else "[" if "matrix" in problem else ""
    place = next((token.offset for token in gated.tokens if word and token.text.lower() == word), 0)
    if problem == "invalid promql query":
        problem = "this is not a PromQL expression"
    elif problem.startswith("expected type matrix"):
        problem = f"{word}() needs a selector with a range, like {word}(metric[5m])"
    elif problem.endswith("got matrix"):
        problem = _RANGE_ALONE
    # Placeholders must not be shown as if somebody had written them.
    shown = re.sub(rf"{STRING_MARK}(\d+)", lambda found: gated.tokens[int(found[1]) - 1].string, problem)
    return PromqlError(shown[:300], place)


def _scalar_comparison(gated: Gated) -> int:
    """The place of the first comparison that the parser refuses even when all others say bool."""
    comparisons = [token for token in gated.tokens if token.text in COMPARISONS and token.inside != "{"]
    between_literals = (
        token.offset
        for token in comparisons
        for before, after in _neighbours(gated.tokens, token)
        if before.kind is Kind.NUMBER and after.kind is Kind.NUMBER
    )
    return next(between_literals, comparisons[0].offset if comparisons else 0)


def _neighbours(tokens: tuple[Token, ...], token: Token) -> list[tuple[Token, Token]]:
    place = tokens.index(token)
    return [(tokens[place - 1], tokens[place + 1])] if 0 < place < len(tokens) - 1 else []


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
            raise self._refused(node)
        return read(self, node, depth)

    def parenthesis(self, node: Any, depth: int) -> Expr:
        return self.expression(node.expr, depth)  # bounded by the gate

    def _refused(self, node: Any) -> PromqlError:
        match node:
            case foreign.MatrixSelector():
                place = self._find("[")
                return PromqlError(_RANGE_ALONE, place)
            case foreign.SubqueryExpr():
                return PromqlError("not supported: a subquery ([range:step])", self._find("["))
            case foreign.StringLiteral():
                place = next((token.offset for token in self.tokens if token.kind is Kind.STRING), 0)
                return PromqlError("not supported: a string as a value", place)
            case _:
                return PromqlError(f"not supported: {type(node).__name__}", self._here())

    def number(self, node: Any, _depth: int) -> Number:
        value = node.val
        if not math.isfinite(value):  # the words Inf and NaN
            place = self._advance(Kind.NAME, ("inf", "nan"))
            return Number(math.nan if math.isnan(value) else value, place)
        token = self.tokens[int(abs(value)) - 1]
        exact = token.number / 1000 if token.kind is Kind.DURATION else token.number
        self.cursor = max(self.cursor, int(abs(value)))
        return Number(exact if value > 0 else -exact, token.offset)

    def selector(self, node: Any, _depth: int) -> Selector:
        place = self._advance(Kind.NAME, (node.name.lower(),)) if node.name else self._advance(Kind.SIGN, ("{",))
        found = node.matchers
        if found.or_matchers:
            raise PromqlError('not supported: "or" between matchers', self._find("or", place))
        matchers = [self._matcher(matcher) for matcher in found.matchers]
        if node.name:
            matchers.append(Matcher(METRIC_NAME, MatchOp.EQUAL, node.name))
        _check_matchers(matchers, place)
        self._skip_braces()
        if node.offset is not None:
            raise PromqlError("not supported: the offset modifier", self._find("offset", place))
        if node.at is not None:
            raise PromqlError("not supported: the @ modifier", self._find("@", place))
        return Selector(tuple(sorted(set(matchers))), place)

    def _matcher(self, node: Any) -> Matcher:
        matcher = Matcher(self._text(node.name), _OPS[str(node.op).rpartition(".")[2]], self._text(node.value))
        try:
            is_wildcard(matcher)
        except MatcherError as error:
            raise PromqlError(str(error), self._place(node.value)) from None
        return matcher

    def call(self, node: Any, _depth: int) -> Call:
        name = node.func.name
        place = self._advance(Kind.NAME, (name,))
        if name not in FUNCTIONS:
            raise PromqlError(f"not supported: the function {name}", place)
        if len(node.args) != 1 or not isinstance(node.args[0], foreign.MatrixSelector):
            raise PromqlError(f"{name}() needs a selector with a range, like {name}(metric[5m])", place)
        ranged = node.args[0]
        selector = self.selector(ranged.vector_selector, 0)
        token = self.tokens[ranged.range.microseconds // 1000 + ranged.range.seconds * 1000 - 1]
        exact = token.number if token.kind is Kind.DURATION else token.number * 1000
        length = round(exact)
        if length < 1 or abs(exact - length) > 1e-6:  # 1.001 * 1000 is not quite 1001
            raise PromqlError("a range must be at least 1ms, in whole milliseconds", token.offset)
        return Call(name, selector, length, place)

    def aggregate(self, node: Any, depth: int) -> Aggregate:
        op = str(node.op)
        place = self._advance(Kind.NAME, (op,))
        if op not in AGGREGATIONS or node.param is not None:
            raise PromqlError(f"not supported: the aggregation {op}", place)
        self._skip_clause(("by", "without"))
        child = self.expression(node.expr, depth + 1)
        self._skip_to_clause()
        if is_scalar(child):
            raise PromqlError(f"{op} needs a vector, not a number", place)
        names = () if node.modifier is None else tuple(map(self._text, node.modifier.labels))
        without = node.modifier is not None and node.modifier.type == foreign.AggModifierType.Without
        return Aggregate(op, child, tuple(sorted(set(names))), without, place)

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
        self._skip_clause(("bool",))
        self._skip_clause(("on", "ignoring"))
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
        if op not in _OPERATORS:
            raise PromqlError(f"not supported: the operator {op}", place)
        if modifier is None:
            return
        one_sided = (foreign.VectorMatchCardinality.ManyToOne, foreign.VectorMatchCardinality.OneToMany)
        if modifier.card in one_sided or modifier.group_labels:
            word = "group_right" if modifier.card == one_sided[1] else "group_left"
            raise PromqlError(f"not supported: {word} (many-to-one matching)", self._find(word, place))
        fills = modifier.fill_values
        if fills is not None and (fills.lhs is not None or fills.rhs is not None):
            raise PromqlError("not supported: the fill modifier", self._find("fill", place))

    def _matching(self, modifier: Any) -> Matching:
        if modifier is None or modifier.matching is None:
            return Matching()
        on = modifier.matching.type == foreign.LabelModifierType.Include
        return Matching(tuple(sorted(set(map(self._text, modifier.matching.labels)))), on)

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
    foreign.VectorSelector: _Reader.selector,
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
