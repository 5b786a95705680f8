"""The frozen tree of a PromQL expression: what the gate (`rtmd.promql`) makes and the engine plans.

Two trees are equal exactly when they mean the same signal, so plans are shared by hashing them; `offset` (where
a node stands in its text, characters from 0) serves error messages only and takes no part in equality.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from rtmd.model.matcher import Matcher


@dataclass(frozen=True, slots=True)
class Number:
    """A scalar literal."""

    value: float
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant vector: the latest sample of each matching series within the 5 min lookback.

    `matchers` is sorted and has `__name__` among it when the text names a metric.
    """

    matchers: tuple[Matcher, ...]
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function over a range vector (`rate`, `avg_over_time` …): `window` in ms, left-open (at − window, at]."""

    function: str
    selector: Selector
    window: int
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`op by|without (labels) (child)`; `labels` is sorted; no grouping at all is `by ()`."""

    op: str
    child: Expr
    labels: tuple[str, ...] = ()
    without: bool = False
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Matching:
    """How the two sides of a vector-to-vector operation find each other: `on (labels)` or `ignoring (labels)`."""

    labels: tuple[str, ...] = ()
    on: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic (`+ - * / % ^`), comparison (`== != > < >= <=`, `returns_bool` with `bool`) or set operator.

    `matching` is None when one side is a scalar.
    """

    op: str
    left: Expr
    right: Expr
    matching: Matching | None = None
    returns_bool: bool = False
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Negate:
    """Unary minus."""

    child: Expr
    offset: int = field(default=0, compare=False)


Expr: TypeAlias = Number | Selector | Call | Aggregate | Binary | Negate

COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
SET_OPERATORS = frozenset({"and", "or", "unless"})


def is_scalar(expr: Expr) -> bool:
    """Whether the expression yields one number rather than a vector."""
    match expr:
        case Number():
            return True
        case Binary(left=left, right=right):
            return is_scalar(left) and is_scalar(right)
        case Negate(child=child):
            return is_scalar(child)
        case _:
            return False


def selectors(expr: Expr) -> Iterator[Selector]:
    """Every selector of the expression, left to right."""
    match expr:
        case Selector():
            yield expr
        case Call(selector=selector):
            yield selector
        case Aggregate(child=child) | Negate(child=child):
            yield from selectors(child)
        case Binary(left=left, right=right):
            yield from selectors(left)
            yield from selectors(right)
        case Number():
            pass
