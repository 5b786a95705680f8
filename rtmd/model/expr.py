"""The frozen tree of a PromQL expression: what the gate (`rtmd.promql`) makes and the engine plans.

Two trees are equal exactly when they mean the same signal, so plans are shared by hashing them; `offset` (where
a node stands in its text, characters from 0) serves error messages only and takes no part in equality.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from rtmd.model.functions import FUNCTIONS, Kind
from rtmd.model.matcher import Matcher


@dataclass(frozen=True, slots=True)
class Number:
    """A scalar literal."""

    value: float
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class String:
    """A string literal: an argument of some functions."""

    text: str
    offset: int = field(default=0, compare=False)


class Edge(StrEnum):
    """An end of the time that is asked for; at an instant both are that instant."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class Shift:
    """`@ at offset back`, in ms: seen from `at` (None: from where it is evaluated), and `back` earlier than that."""

    back: int = 0
    at: int | Edge | None = None


HERE = Shift()


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant vector: the latest sample of each matching series within the 5 min lookback.

    `matchers` is sorted and has `__name__` among it when the text names a metric.
    """

    matchers: tuple[Matcher, ...]
    shift: Shift = HERE
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Range:
    """The samples of a selector in (at − window, at], ms; the selector's shift is that of the range."""

    selector: Selector
    window: int
    offset: int = field(default=0, compare=False)


DEFAULT_STEP = 60_000
LOOKBACK = 300_000  # a series without a sample for this long is not alive (Prometheus)


@dataclass(frozen=True, slots=True)
class Subquery:
    """The results of `child` at every multiple of `step` ms in (at − window, at]; a range like any other."""

    child: Expr
    window: int
    step: int = DEFAULT_STEP
    shift: Shift = HERE
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `model.functions` with its arguments."""

    function: str
    arguments: tuple[Expr, ...] = ()
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`op by|without (labels) (parameter, child)`; `labels` is sorted; no grouping at all is `by ()`."""

    op: str
    child: Expr
    labels: tuple[str, ...] = ()
    without: bool = False
    parameter: Expr | None = None
    offset: int = field(default=0, compare=False)


class Many(StrEnum):
    """The side of an operation that may have several rows for one of the other side: `group_left`, `group_right`."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Matching:
    """How the two sides of a vector-to-vector operation find each other: `on (labels)` or `ignoring (labels)`.

    With `many`, results have the labels of that side, and `included` (sorted) from the other one.
    """

    labels: tuple[str, ...] = ()
    on: bool = False
    many: Many | None = None
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic (`+ - * / % ^ atan2`), comparison (`== != > < >= <=`, `returns_bool` with `bool`) or set operator.

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


Expr: TypeAlias = Number | String | Selector | Range | Subquery | Call | Aggregate | Binary | Negate

COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
SET_OPERATORS = frozenset({"and", "or", "unless"})


def over(function: str, selector: Selector, window: int, offset: int = 0) -> Call:
    """The commonest call: a function over the range of a selector."""
    return Call(function, (Range(selector, window, offset),), offset)


def kind_of(expr: Expr) -> Kind:  # noqa: PLR0911  # one a kind of node
    """What the expression yields."""
    match expr:
        case Number():
            return Kind.SCALAR
        case String():
            return Kind.STRING
        case Range() | Subquery():
            return Kind.RANGE
        case Call(function=function):
            return FUNCTIONS[function].gives if function in FUNCTIONS else Kind.VECTOR
        case Binary(left=left, right=right):
            return Kind.SCALAR if is_scalar(left) and is_scalar(right) else Kind.VECTOR
        case Negate(child=child):
            return kind_of(child)
        case _:
            return Kind.VECTOR


def is_scalar(expr: Expr) -> bool:
    """Whether the expression yields one number rather than a vector."""
    return kind_of(expr) is Kind.SCALAR


def children(expr: Expr) -> tuple[Expr, ...]:
    """What stands directly below, in the order of the text."""
    match expr:
        case Range(selector=selector):
            return (selector,)
        case Call(arguments=arguments):
            return arguments
        case Aggregate(child=child, parameter=parameter):
            return (child,) if parameter is None else (parameter, child)
        case Negate(child=child) | Subquery(child=child):
            return (child,)
        case Binary(left=left, right=right):
            return (left, right)
        case _:
            return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and everything below it, in the order of the text."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def selectors(expr: Expr) -> Iterator[Selector]:
    """Every selector of the expression, left to right."""
    return (each for each in walk(expr) if isinstance(each, Selector))
