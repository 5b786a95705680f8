"""Leaves read together: many small plans cost what one large one costs.

A hundred rules `avg_over_time(m{group="…"}[1m]) > …` are a hundred plans over the same kind of window. Before a grid
point is judged, their leaves are computed in one go for all their series, one pass for each kind of look, and each
leaf is left its part to find when its plan asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from rtmd.engine.leaf import Leaf, Look
from rtmd.engine.nodes import Node
from rtmd.engine.presence import Column
from rtmd.engine.subquery import Stepped
from rtmd.formats.batch import Ids


class Together:
    """The leaves below these nodes; `read` before the nodes are asked about the same instant."""

    def __init__(self, roots: Iterable[Node]) -> None:
        looks: dict[Look, dict[Leaf, None]] = {}
        for leaf in (leaf for root in roots for leaf in _plain_leaves(root)):
            looks.setdefault(leaf.look, {})[leaf] = None
        # One leaf alone gains nothing.
        self._groups = [_Group(list(leaves)) for leaves in looks.values() if len(leaves) > 1]

    def __repr__(self) -> str:
        return f"<Together {len(self._groups)} kinds>"

    def read(self, at: int) -> None:
        """Compute every group at `at`; nothing may be stored before the nodes are asked."""
        with np.errstate(all="ignore"):
            for group in self._groups:
                group.read(at)


class _Group:
    """Leaves with the same look."""

    def __init__(self, leaves: list[Leaf]) -> None:
        self._leaves = leaves
        self._series: Ids = np.empty(0, np.int64)
        self._bounds: list[tuple[int, int]] = []

    def read(self, at: int) -> None:
        if sum(leaf.size for leaf in self._leaves) != len(self._series) or not self._bounds:
            self._collect()
        column = self._leaves[0].compute(self._series, at)
        for leaf, (start, end) in zip(self._leaves, self._bounds, strict=True):
            leaf.remember(at, Column(column.values[start:end], column.presence[start:end]))

    def _collect(self) -> None:
        """Rows are only added, so that equal sums mean equal sizes."""
        self._series = np.concatenate([leaf.selection.series for leaf in self._leaves])
        ends = np.cumsum([leaf.size for leaf in self._leaves]).tolist()
        self._bounds = list(zip([0, *ends[:-1]], ends, strict=True))


def _plain_leaves(node: Node) -> Iterator[Leaf]:
    """The leaves that are read at the very instant the node is asked about, and that have no parameters."""
    if isinstance(node, Stepped):
        return
    if isinstance(node, Leaf) and not node.children:
        yield node
    for child in node.children:
        yield from _plain_leaves(child)
