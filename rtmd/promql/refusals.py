"""What the gate says no to, and where: words that the allow-list does not have, and the parser's own errors.

Errors that promql-parser raises know no place; the word they quote is looked up, else they stand at the start of the
expression.
"""

from __future__ import annotations

import re
from itertools import pairwise

from rtmd.errors import PromqlError
from rtmd.model.expr import COMPARISONS, SET_OPERATORS
from rtmd.model.functions import AGGREGATIONS, EXPERIMENTAL, FUNCTIONS, NATIVE
from rtmd.promql.tokens import STRING_MARK, Gated, Kind, Token

RANGE_ALONE = "a range like [5m] can only stand inside a function such as rate()"

_MATCHING = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right", "bool"})
# Words that may stand before an opening parenthesis without being a function.
_BEFORE_PARENTHESIS = SET_OPERATORS | _MATCHING | {"atan2"}
_FILLS = frozenset({"fill", "fill_left", "fill_right"})


def refuse_unknown(tokens: tuple[Token, ...]) -> None:
    """Raise PromqlError for the first function, aggregation or modifier that is not supported."""
    for place, (token, following) in enumerate(pairwise(tokens)):
        if token.kind is not Kind.NAME or following.text != "(" or token.inside == "{":
            continue
        if place and tokens[place - 1].text == "@" and token.text.lower() in {"start", "end"}:
            continue
        problem = _objection(token.text)
        if problem:
            raise PromqlError(f"not supported: {problem}", token.offset)


def _objection(name: str) -> str:
    word = name.lower()
    if name in FUNCTIONS or word in AGGREGATIONS or word in _BEFORE_PARENTHESIS:
        return ""
    if word in _FILLS:
        return f"the {word} modifier"
    if word in {"limitk", "limit_ratio"}:
        return f"the aggregation {word} (experimental)"
    if word in EXPERIMENTAL:
        return f"the function {word} (experimental)"
    if word in NATIVE:
        return f"the function {word} (native histograms)"
    return f"the function {name[:60]}"


def explained(problem: str, gated: Gated) -> PromqlError:
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
    elif problem.endswith(("got matrix", "got: matrix")):
        problem = RANGE_ALONE
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
