"""From expressions to nodes: which node computes what. Equal subtrees become one node."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from rtmd.engine.archive import Archive
from rtmd.engine.bucket_leaf import BUCKET_FUNCTIONS, BucketLeaf
from rtmd.engine.catalogue import Catalogue
from rtmd.engine.functions import AGGREGATIONS, ELEMENTWISE
from rtmd.engine.groups import CountValues, Histogram, Lone, Ranked
from rtmd.engine.joins import Kept, Operation, Paired, Uncovered, United, matching_key
from rtmd.engine.leaf import Leaf, Look, Selection
from rtmd.engine.moment import Moment
from rtmd.engine.nodes import NAME, Aggregated, AnyOf, Key, Mapped, Node, Unique, negated, unchanged
from rtmd.engine.presence import FILTERED, KEPT_BY_AND, KEPT_BY_UNLESS, PRESENT, Column, column
from rtmd.engine.ranges import RANGE_FUNCTIONS
from rtmd.engine.raw import RawLeaf
from rtmd.engine.scalars import Absent, Literal, Now, Scalar, Stamped
from rtmd.engine.subquery import Stepped
from rtmd.formats.batch import SeriesTable, Values
from rtmd.matching import replaced
from rtmd.model.expr import (
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Matching,
    Negate,
    Number,
    Range,
    Selector,
    String,
    Subquery,
    is_scalar,
)
from rtmd.model.labels import METRIC_NAME, Labels, get, labels_of, only, without
from rtmd.model.matcher import MatchOp
from rtmd.model.tiers import has_buckets, tier_of

N = TypeVar("N", bound=Node)

_PI = 3.141592653589793
_PLAIN = Matching()


class Builder:
    """All nodes there are, by expression; `strict`: see `scalars`."""

    def __init__(self, table: SeriesTable, raw: RawLeaf, archive: Archive, *, strict: bool) -> None:
        self.moment = Moment()
        self.by_expr: dict[tuple[Expr, int], Node] = {}  # and the grid, where it matters
        self.expr_of: dict[Node, tuple[Expr, int]] = {}
        self.catalogue = Catalogue(table)
        self._looks: dict[Look, Look] = {}  # equal ones are one, and found quickly by who reads them together
        self._raw = raw
        self._archive = archive
        self._grid = 0
        self._strict = strict
        self._made = 0

    def root(self, expr: Expr, grid: int) -> Node:
        """The node of an expression that was checked, for a stage with this grid (0: none)."""
        before, self._grid = self._grid, grid
        try:
            return self.node(expr)
        finally:
            self._grid = before

    def node(self, expr: Expr) -> Node:
        """The node of an expression below the one that is being made."""
        key = (expr, self._grid if has_buckets(expr, self._grid) else 0)
        known = self.by_expr.get(key)
        if known is None:
            known = self.by_expr[key] = self._made_from(expr)
            self.expr_of[known] = key
        return known

    def _made_from(self, expr: Expr) -> Node:
        match expr:
            case Number(value=value):
                return self._link(Literal(value))
            case Selector():
                return self._leaf(expr, Look(expr.shift))
            case Call():
                return self._call(expr)
            case Aggregate():
                return self._aggregate(expr)
            case Negate(child=child):
                below = self.node(child)
                return self._distinct(self._link(Mapped(below, negated)), needed=below.name_varies)
            case Binary():
                return self._binary(expr)
            case Range() | Subquery() | String():
                raise AssertionError("ranges and strings are arguments")

    # -- functions

    def _call(self, expr: Call) -> Node:  # noqa: PLR0911  # one a kind of function
        name, arguments = expr.function, expr.arguments
        ranged = next((each for each in arguments if isinstance(each, Range | Subquery)), None)
        if ranged is not None:
            return self._over(expr, ranged)
        match name:
            case "time":
                return self._link(Now())
            case "pi":
                return self._link(Literal(_PI))
            case "vector":
                return self._link(Mapped(self.node(arguments[0]), unchanged))
            case "scalar":
                return self._link(Scalar(self.node(arguments[0]), strict=self._strict))
            case "absent":
                return self._link(Absent(self.node(arguments[0]), named=absent_labels(arguments[0])))
            case "timestamp":
                return self._timestamp(arguments[0])
            case "sort" | "sort_desc":
                return self._link(Mapped(self.node(arguments[0]), unchanged, keeps_name=True))
            case "label_replace" | "label_join":
                return self._relabelled(expr)
            case "histogram_quantile" | "histogram_fraction":
                return self._histogram(expr)
            case _:
                below, *parameters = map(self.node, arguments)
                change = partial(_changed, ELEMENTWISE[name])
                if name == "clamp":
                    change = partial(_clamped, change)
                return self._distinct(self._link(Mapped(below, change, tuple(parameters))), needed=below.name_varies)

    def _over(self, expr: Call, ranged: Range | Subquery) -> Node:
        absent = expr.function == "absent_over_time"
        name = "present_over_time" if absent else expr.function
        function = RANGE_FUNCTIONS[name]
        parameters = tuple(self.node(each) for each in expr.arguments if is_scalar(each))
        node: Node
        if isinstance(ranged, Range):
            tier = tier_of(expr.function, ranged, self._grid)
            function = function if tier is None else BUCKET_FUNCTIONS[name]
            look = Look(ranged.selector.shift, function, ranged.window, tier=tier)
            node = self._leaf(ranged.selector, look, parameters, distinct=not absent)
        else:
            below = self.root(ranged.child, 0)  # its steps are no grid
            node = self._link(Stepped(below, ranged, function, moment=self.moment, parameters=parameters))
            node = self._distinct(node, needed=below.name_varies and not function.keeps_name and not absent)
        return self._link(Absent(node, named=absent_labels(ranged))) if absent else node

    def _timestamp(self, vector: Expr) -> Node:
        if isinstance(vector, Selector):
            return self._leaf(vector, Look(vector.shift, stamps=True))
        below = self.node(vector)
        return self._distinct(self._link(Stamped(below)), needed=below.name_varies)

    def _relabelled(self, expr: Call) -> Node:
        child, *rest = expr.arguments
        texts = [each.text for each in rest if isinstance(each, String)]
        below = self.node(child)
        change = _label_replaced(*texts) if expr.function == "label_replace" else _label_joined(*texts)
        node = self._distinct(self._link(Relabelled(below, change)), needed=True)
        node.name_varies = below.name_varies or texts[0] == METRIC_NAME
        return node

    def _histogram(self, expr: Call) -> Node:
        *parameters, below = map(self.node, expr.arguments)
        node = Histogram(below, lambda labels: without(labels, frozenset({"le"})), tuple(parameters))
        return self._distinct(self._link(node), needed=below.name_varies)

    # -- selectors

    def _leaf(
        self, selector: Selector, look: Look, parameters: tuple[Node, ...] = (), *, distinct: bool = True
    ) -> Node:
        selection = self.catalogue.find(selector.matchers)
        look = self._looks.setdefault(look, look)
        leaf = self._link(self._reading(selection, look, parameters))
        selection.leaves.append(leaf)
        return self._distinct(leaf, needed=distinct and not (selection.name or leaf.name_varies))

    def _reading(self, selection: Selection, look: Look, parameters: tuple[Node, ...]) -> Leaf:
        if look.tier is None:
            return Leaf(selection, self._raw, self.moment, look, parameters)
        return BucketLeaf(selection, self._raw, self.moment, look, archive=self._archive, tier=look.tier)

    # -- aggregations and operators

    def _aggregate(self, expr: Aggregate) -> Node:
        below, key = self.node(expr.child), grouping(expr)
        match expr:
            case Aggregate(op="topk" | "bottomk" as op, parameter=parameter) if parameter is not None:
                keys = self._link(AnyOf(below, key))
                return self._link(Ranked(below, keys, self.node(parameter), top=op == "topk"))
            case Aggregate(op="count_values", parameter=String(text=label)):
                return self._counted(expr, below, label)
            case Aggregate(op=op, parameter=parameter):
                assert op in AGGREGATIONS  # noqa: S101  # it was checked
                return self._link(Aggregated(below, key, op, self.node(parameter) if parameter else None))

    def _counted(self, expr: Aggregate, below: Node, label: str) -> Node:
        names = expr.labels if expr.without else (*expr.labels, label)
        key = grouping(Aggregate(expr.op, expr.child, names, expr.without))
        mine = frozenset({label})
        keys = self._link(AnyOf(below, lambda labels: without(key(labels), mine)))
        return self._link(CountValues(below, keys, key, label))

    def _binary(self, expr: Binary) -> Node:
        operation = Operation(expr.op, returns_bool=expr.returns_bool)
        if is_scalar(expr.left) and not is_scalar(expr.right):
            return self._with_number(expr.right, expr.left, operation, first=True)
        if is_scalar(expr.right):
            return self._with_number(expr.left, expr.right, operation, first=False)
        left, right = self.node(expr.left), self.node(expr.right)
        matching = expr.matching or _PLAIN
        key = matching_key(matching)
        if expr.op not in SET_OPERATORS:
            return self._paired(left, right, matching, operation)
        left_keys, right_keys = self._link(AnyOf(left, key)), self._link(AnyOf(right, key))
        if expr.op == "or":
            return self._link(United(left, self._link(Uncovered(right, right_keys, left_keys))))
        table = KEPT_BY_AND if expr.op == "and" else KEPT_BY_UNLESS
        return self._link(Kept(left, left_keys, right_keys, table))

    def _paired(self, left: Node, right: Node, matching: Matching, operation: Operation) -> Node:
        swapped = matching.many == "right"
        many, one = (right, left) if swapped else (left, right)
        side, sign = "left" if swapped else "right", operation.sign
        keys = self._link(AnyOf(one, matching_key(matching)))
        lone = self._link(Lone(one, keys, f'the {side} side of "{sign}"'))
        pairs = self._link(Paired(many, lone, matching, operation))
        node = self._link(Unique(pairs, _as_it_is, f'the result of "{sign}"'))
        node.name_varies = pairs.name_varies
        return node

    def _with_number(self, vector: Expr, number: Expr, operation: Operation, *, first: bool) -> Node:
        below = self.node(vector)
        change = operation.with_number(first=first)
        node = self._link(Mapped(below, change, (self.node(number),), keeps_name=operation.filters))
        return self._distinct(node, needed=below.name_varies and not operation.filters)

    def _distinct(self, node: Node, *, needed: bool) -> Node:
        """The node, with rows that look the same now (most often without their name) made one."""
        return self._link(Unique(node, _as_it_is, "the result")) if needed else node

    def _link(self, node: N) -> N:
        node.order = self._made
        self._made += 1
        for child in node.children:
            child.parents.append(node)
        node.grow()
        return node


class Relabelled(Mapped):
    """The rows of the child under other names."""

    def __init__(self, child: Node, relabel: Key) -> None:
        super().__init__(child, unchanged, keeps_name=True)
        self._relabel = relabel

    def labels(self, row: int) -> Labels:
        """The new ones."""
        return self._relabel(super().labels(row))


def _as_it_is(labels: Labels) -> Labels:
    return labels


def grouping(expr: Aggregate) -> Key:
    """The labels of a group, from those of a member."""
    named = frozenset(expr.labels)
    if expr.without:
        return lambda labels: without(labels, named | NAME)
    return lambda labels: only(labels, named)


def absent_labels(expr: Expr) -> Labels:
    """What `absent` calls its row: the labels that the selector demands, each by one equality alone."""
    matchers = expr.matchers if isinstance(expr, Selector) else ()
    if isinstance(expr, Range):
        matchers = expr.selector.matchers
    names = [matcher.name for matcher in matchers]
    return labels_of(
        (each.name, each.value)
        for each in matchers
        if each.op is MatchOp.EQUAL and each.name != METRIC_NAME and names.count(each.name) == 1
    )


def _changed(function: Callable[..., Values], child: Column, *numbers: float) -> Column:
    return Column(function(child.values, *numbers), child.presence)


def _clamped(change: Callable[..., Column], child: Column, low: float, high: float) -> Column:
    if low <= high or low != low or high != high:  # noqa: PLR0124  # NaN is no order
        return change(child, low, high)
    presence = child.presence.copy()
    presence[presence == PRESENT] = FILTERED
    return column(child.values, presence)


def _label_replaced(target: str, template: str, source: str, pattern: str) -> Key:
    def relabel(labels: Labels) -> Labels:
        text = replaced(pattern, get(labels, source), template)
        return labels if text is None else labels_of({**dict(labels), target: text})

    return relabel


def _label_joined(target: str, separator: str, *sources: str) -> Key:
    return lambda labels: labels_of({**dict(labels), target: separator.join(get(labels, name) for name in sources)})
