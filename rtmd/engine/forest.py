"""From expressions to shared nodes, and from new series to new rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from rtmd.engine.functions import AGGREGATIONS, ARITHMETIC, COMPARISONS, FUNCTIONS
from rtmd.engine.joins import Kept, Matched, Operation, Uncovered, United, matching_key, result_key
from rtmd.engine.leaf import Leaf, Selection
from rtmd.engine.nodes import NAME, Aggregated, AnyOf, Change, Key, Mapped, Node, Unique, negated
from rtmd.engine.presence import KEPT_BY_AND, KEPT_BY_UNLESS
from rtmd.engine.raw import LONGEST, RawLeaf
from rtmd.errors import MatcherError, PromqlError
from rtmd.formats.batch import SeriesTable, Times
from rtmd.matching import compile_matchers
from rtmd.model.expr import (
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
from rtmd.model.labels import METRIC_NAME, Labels, get, only, without

N = TypeVar("N", bound=Node)

_PLAIN = Matching()
_DAY = 24 * 3_600_000


class Forest:
    """All nodes of all plans. Equal subtrees are one node; a node goes when nothing reads it any more."""

    def __init__(self, table: SeriesTable, raw: RawLeaf) -> None:
        self._table = table
        self._raw = raw
        self._by_expr: dict[Expr, Node] = {}
        self._expr_of: dict[Node, Expr] = {}
        self._selections: dict[Selector, Selection] = {}
        self._by_name: defaultdict[str, list[Selection]] = defaultdict(list)  # "": selectors without a name
        self._bound = 0
        self._made = 0
        self._released = False

    def __repr__(self) -> str:
        return f"<Forest {len(self._by_expr)} expressions, {len(self._selections)} selectors, {self._bound} series>"

    def plant(self, expr: Expr) -> Node:
        """The node of an expression, made if need be and kept until `fell`.

        Raises PromqlError for what cannot be planned; nothing has changed then.
        """
        if is_scalar(expr):
            raise PromqlError("this is a number: a signal must select series", expr.offset)
        _check(expr)
        self.bind()
        node = self._node(expr)
        node.held = True
        return node

    def fell(self, node: Node) -> None:
        """The plan of this node is gone."""
        node.held = False
        self._drop(node)

    def bind(self) -> None:
        """Give every series that is new in the table to the selectors that match it, and their nodes the rows."""
        self._raw.cover(len(self._table))
        grown: dict[Selection, None] = {}
        for series, labels in self._table.since(self._bound):
            name = get(labels, METRIC_NAME)
            for selection in (*self._by_name.get(name, ()), *(self._by_name.get("", ()) if name else ())):
                if selection.matches(labels):
                    selection.add(series)
                    grown[selection] = None
        self._bound = len(self._table)
        if grown:
            for selection in grown:
                self._read(selection)
            self._grow(leaf for selection in grown for leaf in selection.leaves)

    def settle(self) -> bool:
        """Stop storing what only released plans have read; whether there was any."""
        if not self._released:
            return False
        self._released = False
        kept: Times = np.full_like(self._raw.retention, -1)
        for selection in self._selections.values():
            kept[selection.series] = np.maximum(kept[selection.series], selection.retention)
        self._raw.keep(kept)
        return True

    def _read(self, selection: Selection) -> None:
        self._raw.read(selection.series, selection.retention)

    def _grow(self, leaves: Iterable[Node]) -> None:
        above = set(leaves)
        fresh = list(above)
        while fresh:
            parents = [parent for node in fresh for parent in node.parents if parent not in above]
            above.update(parents)
            fresh = parents
        for node in sorted(above, key=lambda node: node.order):
            node.grow()

    # -- making nodes

    def _node(self, expr: Expr) -> Node:
        known = self._by_expr.get(expr)
        if known is None:
            known = self._by_expr[expr] = self._made_from(expr)
            self._expr_of[known] = expr
        return known

    def _made_from(self, expr: Expr) -> Node:
        match expr:
            case Selector():
                return self._leaf(expr, None, 0)
            case Call(function=function, selector=selector, window=window):
                return self._leaf(selector, function, window)
            case Aggregate(op=op, child=child):
                return self._link(Aggregated(self._node(child), _grouping(expr), op))
            case Negate(child=child):
                below = self._node(child)
                return self._distinct(self._link(Mapped(below, negated)), needed=below.name_varies)
            case Binary():
                return self._binary(expr)
            case Number():
                raise AssertionError("numbers are folded into their operators")

    def _leaf(self, selector: Selector, function: str | None, window: int) -> Node:
        selection = self._selections.get(selector) or self._selection(selector)
        leaf = self._link(Leaf(selection, self._raw, FUNCTIONS[function] if function else None, window))
        selection.leaves.append(leaf)
        self._read(selection)
        return self._distinct(leaf, needed=not (selection.name or leaf.name_varies))

    def _selection(self, selector: Selector) -> Selection:
        selection = Selection(self._table, selector)
        for series, labels in self._table.since(0):
            if selection.name in ("", get(labels, METRIC_NAME)) and selection.matches(labels):
                selection.add(series)
        self._selections[selector] = selection
        self._by_name[selection.name].append(selection)
        return selection

    def _binary(self, expr: Binary) -> Node:
        operation = Operation(expr.op, returns_bool=expr.returns_bool)
        if is_scalar(expr.left):
            return self._with_number(expr.right, operation.with_number(_number(expr.left), first=True), operation)
        if is_scalar(expr.right):
            return self._with_number(expr.left, operation.with_number(_number(expr.right), first=False), operation)
        left, right = self._node(expr.left), self._node(expr.right)
        matching = expr.matching or _PLAIN
        key = matching_key(matching)
        if expr.op not in SET_OPERATORS:
            firsts = Unique(left, result_key(matching, operation), f'the left side of "{expr.op}"')
            seconds = Unique(right, key, f'the right side of "{expr.op}"')
            return self._link(Matched(self._link(firsts), self._link(seconds), key, operation))
        left_keys, right_keys = self._link(AnyOf(left, key)), self._link(AnyOf(right, key))
        if expr.op == "or":
            return self._link(United(left, self._link(Uncovered(right, right_keys, left_keys))))
        table = KEPT_BY_AND if expr.op == "and" else KEPT_BY_UNLESS
        return self._link(Kept(left, left_keys, right_keys, table))

    def _with_number(self, vector: Expr, change: Change, operation: Operation) -> Node:
        below = self._node(vector)
        node = self._link(Mapped(below, change, keeps_name=operation.filters))
        return self._distinct(node, needed=below.name_varies and not operation.filters)

    def _distinct(self, node: Node, *, needed: bool) -> Node:
        """The node, with rows that look the same now that their names are gone made one."""
        return self._link(Unique(node, _as_it_is, "without the metric's name")) if needed else node

    def _link(self, node: N) -> N:
        node.order = self._made
        self._made += 1
        for child in node.children:
            child.parents.append(node)
        node.grow()
        return node

    def _drop(self, node: Node) -> None:
        if node.held or node.parents:
            return
        self._by_expr.pop(self._expr_of.pop(node, Number(0)), None)
        if isinstance(node, Leaf):
            self._released = True
            node.selection.leaves.remove(node)
            if not node.selection.leaves:
                del self._selections[node.selection.selector]
                self._by_name[node.selection.name].remove(node.selection)
        for child in node.children:
            child.parents.remove(node)
            self._drop(child)


def _as_it_is(labels: Labels) -> Labels:
    return labels


def _grouping(expr: Aggregate) -> Key:
    named = frozenset(expr.labels)
    if expr.without:
        return lambda labels: without(labels, named | NAME)
    return lambda labels: only(labels, named)


def _number(expr: Expr) -> float:
    """A tree of numbers, folded."""
    match expr:
        case Number(value=value):
            return value
        case Negate(child=child):
            return -_number(child)
        case Binary(op=op, left=left, right=right):
            return Operation(op).number(_number(left), _number(right))
        case _:
            raise AssertionError(f"not a number: {expr}")


def _check(expr: Expr) -> None:
    """Raise PromqlError for what has no plan."""
    match expr:
        case Number():
            pass
        case Selector(matchers=matchers):
            try:
                compile_matchers(matchers)
            except MatcherError as error:
                raise PromqlError(str(error), expr.offset) from error
        case Call(function=function, selector=selector, window=window):
            if function not in FUNCTIONS:
                raise PromqlError(f"the function {function} is not supported", expr.offset)
            if not 0 < window <= LONGEST:
                raise PromqlError(f"a window must be longer than 0 and at most {LONGEST // _DAY}d", expr.offset)
            _check(selector)
        case Aggregate(op=op, child=child):
            if op not in AGGREGATIONS:
                raise PromqlError(f"the aggregation {op} is not supported", expr.offset)
            _check_vector(child, expr)
        case Negate(child=child):
            _check(child)
        case Binary():
            _check_binary(expr)


def _check_binary(expr: Binary) -> None:
    _check(expr.left)
    _check(expr.right)
    scalars = is_scalar(expr.left), is_scalar(expr.right)
    if expr.op in SET_OPERATORS:
        _check_vector(expr.left, expr)
        _check_vector(expr.right, expr)
    elif expr.op not in ARITHMETIC and expr.op not in COMPARISONS:
        raise PromqlError(f"the operator {expr.op} is not supported", expr.offset)
    elif expr.op in COMPARISONS and all(scalars) and not expr.returns_bool:
        raise PromqlError('a comparison between two numbers needs "bool"', expr.offset)
    elif not any(scalars) and not Operation(expr.op, returns_bool=expr.returns_bool).filters:
        matching = expr.matching or _PLAIN
        if matching.on and METRIC_NAME in matching.labels:
            raise PromqlError(f"on ({METRIC_NAME}) is supported for filters only: the result has no name", expr.offset)


def _check_vector(expr: Expr, parent: Expr) -> None:
    if is_scalar(expr):
        raise PromqlError("a vector belongs here, not a number", parent.offset)
    _check(expr)
