"""The nodes of a plan: what turns rows into rows.

Leaves are in `leaf`, numbers in `scalars`, operators between two vectors in `joins`, functions over the results of
others in `subquery`, whatever looks at several rows at once in `groups`.

A node has rows, one for each label set that its result can have. Rows are only added, so a row number is an identity,
until ids of series are freed: then `shrink` drops the rows that nothing stands behind any more. `grow` takes in what
the children have got since, in the order in which they got it. Rows come with new series, except below `count_values`,
whose rows are values: such nodes are `unsettled`, and `reveal` finds their new rows before all rows are evaluated.
Every node answers for all rows or for some: the cost of `evaluate(at, rows)` is that of these rows and what feeds them,
which is what makes judging one series on its arrival cheap. Nodes are shared between plans, and know nothing of them.

Labels drop the metric's name where Prometheus drops it. Where two rows may then look the same, or one side of a
one-to-one match may have two rows for one key, a `Unique` stands in between: where more than one of them is PRESENT
at the same instant (an error in Prometheus, which ends the evaluation), the row is MISSING for that instant, the rest
goes on, and `problems` tells.
"""

# ruff: noqa: D102  # what the methods of a node promise stands once, in Node

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from rtmd.engine.functions import AGGREGATIONS
from rtmd.engine.growing import Growing
from rtmd.engine.presence import MISSING, PAIRED, PRESENT, UNFED, Column, Levels, column
from rtmd.formats.batch import Ids
from rtmd.model.labels import METRIC_NAME, Labels, show, without

Key: TypeAlias = Callable[[Labels], Labels]
Change: TypeAlias = Callable[..., Column]  # of a column, and numbers

Left: TypeAlias = "Mapping[Node, Ids | None]"  # what `shrink` gave, for the nodes below

NAME = frozenset({METRIC_NAME})
_NO_ROWS = np.empty(0, np.int64)


def nameless(labels: Labels) -> Labels:
    """The label set without the metric's name."""
    return without(labels, NAME)


def distinct(rows: Ids) -> Ids:
    """Sorted and unique (one row, the usual case, costs nothing)."""
    return rows if len(rows) < 2 else np.unique(rows)


class Node(ABC):
    """`parents` read this node; `name_varies`: rows may differ in the metric's name alone.

    `unsettled`: evaluation may find new rows here or below; `fallible`: there may be `problems`.
    """

    name_varies = False
    unsettled = False
    fallible = False

    def __init__(self, *children: Node) -> None:
        self.children = children
        self.unsettled = any(child.unsettled for child in children)
        self.fallible = type(self).fallible or any(child.fallible for child in children)
        self.parents: list[Node] = []
        self.held = False  # by a plan
        self.order = 0  # of creation: children before parents

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.size} rows, {len(self.parents)} parents>"

    @property
    @abstractmethod
    def size(self) -> int:
        """Rows so far."""

    @abstractmethod
    def labels(self, row: int) -> Labels:
        """The label set of a row."""

    @abstractmethod
    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        """The rows (all, or these in this order; shape (n,)) at an instant."""

    @abstractmethod
    def touched(self, series: Ids) -> Ids:
        """The rows, sorted and unique, whose result depends on any of these series."""

    @abstractmethod
    def feeding(self, rows: Ids) -> Ids:
        """The series behind these rows, sorted and unique."""

    @abstractmethod
    def shrink(self, left: Left) -> Ids | None:
        """Drop rows, as the children have. Gives the old number of each row that is left, in order.

        None: rows were made anew, from the labels of the children.
        """

    def grow(self) -> None:  # noqa: B027  # most nodes have no more to do
        """Take in the rows that the children have got since."""

    def reveal(self, at: int) -> None:
        """Let rows appear that only an evaluation at `at` can find."""
        for child in self.children:
            if child.unsettled:
                child.reveal(at)

    def problems(self) -> Iterator[str]:
        """What went wrong in the latest full evaluation, here and below."""
        for child in self.children:
            yield from child.problems()


def grow_above(nodes: Iterable[Node]) -> None:
    """Let these nodes and all that read them take in new rows, children before parents."""
    above = set(nodes)
    fresh = list(above)
    while fresh:
        parents = [parent for node in fresh for parent in node.parents if parent not in above]
        above.update(parents)
        fresh = parents
    for node in sorted(above, key=lambda node: node.order):
        node.grow()


def negated(child: Column) -> Column:
    """Unary minus."""
    return Column(-child.values, child.presence)


def unchanged(child: Column) -> Column:
    """The column itself."""
    return child


def beside(presence: Levels, parameter: Column) -> Levels:
    """What becomes of rows that depend on a number."""
    level = parameter.presence[0]
    return presence if level == PRESENT else PAIRED[presence, level]


class RowByRow(Node):
    """One row for each of the child, of the child's series, perhaps with numbers that go into all of them."""

    def __init__(self, child: Node, parameters: tuple[Node, ...], *, keeps_name: bool) -> None:
        super().__init__(child, *parameters)
        self._child = child
        self._parameters = parameters
        self._keeps_name = keeps_name
        self.name_varies = keeps_name and child.name_varies

    @property
    def size(self) -> int:
        return self._child.size

    def labels(self, row: int) -> Labels:
        labels = self._child.labels(row)
        return labels if self._keeps_name else nameless(labels)

    def shrink(self, left: Left) -> Ids | None:
        return left[self._child]

    def touched(self, series: Ids) -> Ids:
        if any(len(parameter.touched(series)) for parameter in self._parameters):
            return np.arange(self.size)
        return self._child.touched(series)

    def feeding(self, rows: Ids) -> Ids:
        return self._child.feeding(rows)


class Mapped(RowByRow):
    """The rows of the child, each changed by itself, perhaps with numbers: functions, operators with a scalar."""

    def __init__(
        self, child: Node, change: Change, parameters: tuple[Node, ...] = (), *, keeps_name: bool = False
    ) -> None:
        super().__init__(child, parameters, keeps_name=keeps_name)
        self._change = change

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        child = self._child.evaluate(at, rows)
        if not self._parameters:
            return self._change(child)
        parameters = [parameter.evaluate(at) for parameter in self._parameters]
        presence = child.presence
        for parameter in parameters:
            presence = beside(presence, parameter)
        return self._change(Column(child.values, presence), *(parameter.values[0] for parameter in parameters))


class Grouped(Node):
    """One row for each distinct key of the child's rows, numbered in order of appearance."""

    def __init__(self, child: Node, key: Key, *others: Node) -> None:
        super().__init__(child, *others)
        self._child = child
        self._key = key
        self._forget()

    def _forget(self) -> None:
        self._keys: list[Labels] = []
        self._rows: dict[Labels, int] = {}
        self._members: list[array[int]] = []
        self._group = Growing()

    @property
    def size(self) -> int:
        return len(self._keys)

    @property
    def group(self) -> Ids:
        """The row of each row of the child."""
        return self._group.view

    def row_of(self, key: Labels) -> int:
        """The row of a key, or −1."""
        return self._rows.get(key, -1)

    def members(self, rows: Ids) -> tuple[Ids, Ids]:
        """The child's rows behind these rows, and beside each its place in `rows`."""
        if len(rows) == 1:
            members = np.array(self._members[rows[0]], np.int64)
            return members, np.zeros(len(members), np.int64)
        parts = [np.array(self._members[row], np.int64) for row in rows]
        counts = np.fromiter(map(len, parts), np.int64, len(parts))
        return np.concatenate([_NO_ROWS, *parts]), np.repeat(np.arange(len(parts)), counts)

    def labels(self, row: int) -> Labels:
        return self._keys[row]

    def grow(self) -> None:
        for row in range(len(self._group), self._child.size):
            key = self._key(self._child.labels(row))
            group = self._rows.setdefault(key, len(self._keys))
            if group == len(self._keys):
                self._keys.append(key)
                self._members.append(array("q"))
            self._members[group].append(row)
            self._group.append(group)

    def shrink(self, left: Left) -> Ids | None:
        rows = left[self._child]
        if rows is None:
            self._forget()
            self.grow()
            return None
        groups, first, group = np.unique(self.group[rows], return_index=True, return_inverse=True)
        order = np.argsort(first)  # of appearance
        group = np.argsort(order)[group]
        self._group = Growing(group)
        self._keys = [self._keys[row] for row in groups[order].tolist()]
        self._rows = {key: row for row, key in enumerate(self._keys)}
        ends = np.cumsum(np.bincount(group, minlength=len(groups)))
        members = np.argsort(group, kind="stable").tolist()
        self._members = [array("q", members[a:b]) for a, b in pairwise([0, *ends.tolist()])]
        return groups[order]

    def touched(self, series: Ids) -> Ids:
        return distinct(self.group[self._child.touched(series)])

    def feeding(self, rows: Ids) -> Ids:
        return self._child.feeding(self.members(rows)[0])

    def _gather(self, at: int, rows: Ids | None) -> tuple[Column, Ids, int]:
        """The members of these rows, for each the group it belongs to, and how many groups there are."""
        if rows is None:
            return self._child.evaluate(at), self.group, self.size
        members, place = self.members(rows)
        return self._child.evaluate(at, members), place, len(rows)


def highest(members: Levels, group: Ids, groups: int) -> Levels:
    """The highest presence in each group; UNFED where it is empty."""
    levels = np.full(groups, UNFED)
    np.maximum.at(levels, group, members)
    return levels


class Aggregated(Grouped):
    """`sum by (…)` and its kind: over the PRESENT members only; `quantile` has a parameter."""

    def __init__(self, child: Node, key: Key, operation: str, parameter: Node | None = None) -> None:
        super().__init__(child, key, *((parameter,) if parameter else ()))
        self._operation = AGGREGATIONS[operation]
        self._parameter = parameter

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        members, group, groups = self._gather(at, rows)
        levels = highest(members.presence, group, groups)
        there = members.presence == PRESENT
        numbers = []
        if self._parameter is not None:
            parameter = self._parameter.evaluate(at)
            levels = beside(levels, parameter)
            numbers = [float(parameter.values[0])]
        if there.all():
            values = self._operation(members.values, group, groups, *numbers)
        else:
            values = self._operation(members.values[there], group[there], groups, *numbers)
        return column(values, levels)

    def touched(self, series: Ids) -> Ids:
        if self._parameter is not None and len(self._parameter.touched(series)):
            return np.arange(self.size)
        return super().touched(series)


class AnyOf(Grouped):
    """Whether anything in the group is there; the values mean nothing."""

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        members, group, groups = self._gather(at, rows)
        return Column(np.full(groups, np.nan), highest(members.presence, group, groups))


class Unique(Grouped):
    """The one member that is PRESENT; where several are, the row is MISSING and a problem."""

    fallible = True

    def __init__(self, child: Node, key: Key, role: str) -> None:
        super().__init__(child, key)
        self._role = role
        self._conflicts = _NO_ROWS

    def evaluate(self, at: int, rows: Ids | None = None) -> Column:
        if self.size == self._child.size:  # one member each: groups are numbered as the members are
            return self._child.evaluate(at, rows)
        members, group, groups = self._gather(at, rows)
        there = members.presence == PRESENT
        values = np.full(groups, np.nan)
        values[group[there]] = members.values[there]
        levels = highest(members.presence, group, groups)
        crowded = np.bincount(group[there], minlength=groups) > 1
        levels[crowded] = MISSING
        if rows is None:
            self._conflicts = np.flatnonzero(crowded)
        return column(values, levels)

    def shrink(self, left: Left) -> Ids | None:
        self._conflicts = _NO_ROWS
        return super().shrink(left)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for row in self._conflicts:
            yield f"{self._role}: several series are {show(self._keys[row])} at the same time"
