"""The life of shared nodes: from the plan that wants them to the last that lets go, and from new series to new rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from rtmd.engine.archive import Archive
from rtmd.engine.build import Builder
from rtmd.engine.leaf import Leaf, Selection
from rtmd.engine.moment import Moment
from rtmd.engine.nodes import Node, grow_above
from rtmd.engine.raw import UNSEEN, RawLeaf
from rtmd.errors import PromqlError
from rtmd.formats.batch import Ids, SeriesTable, Times
from rtmd.model.expr import Expr, kind_of
from rtmd.model.functions import Kind
from rtmd.model.reach import Read, reads
from rtmd.model.tiers import LONGEST_BUCKETS, LONGEST_SAMPLES, Tier
from rtmd.promql import check

_DAY = 24 * 3_600_000


class Forest:
    """All nodes of all plans. Equal subtrees are one node; a node goes when nothing reads it any more.

    `strict` is a rule's reading of `scalar()`; see `scalars`.
    """

    def __init__(self, table: SeriesTable, raw: RawLeaf, *, strict: bool = True) -> None:
        self.archive = Archive(raw)
        self._table = table
        self._raw = raw
        self._builder = Builder(table, raw, self.archive, strict=strict)
        self._reads: dict[Node, tuple[Read, ...]] = {}  # by held node
        self._released = False

    def __repr__(self) -> str:
        made = self._builder
        return f"<Forest {len(made.by_expr)} expressions, {made.catalogue!r}>"

    @property
    def moment(self) -> Moment:
        """What `@ start()` and `@ end()` mean."""
        return self._builder.moment

    def plant(self, expr: Expr, grid: int = 0) -> Node:
        """The node of an expression, made if need be and kept until `fell`; a stage's has a grid.

        Raises PromqlError for what cannot be planned; nothing has changed then.
        """
        if kind_of(expr) is not Kind.VECTOR:
            raise PromqlError(f"this is a {kind_of(expr)}: a signal must select series", expr.offset)
        return self.query(expr, grid, longest=LONGEST_SAMPLES)

    def query(self, expr: Expr, grid: int = 0, *, longest: int) -> Node:
        """The same, and numbers are fine; `longest` is how far back samples may be wanted, ms."""
        check(expr)
        wanted = tuple(reads(expr, grid))
        for read in wanted:
            most = LONGEST_BUCKETS if read.tier else longest
            if max(read.keep, read.back if read.tier else 0) > most:
                raise PromqlError(f"this looks back too far: at most {most // _DAY}d are kept", expr.offset)
        self.bind()
        node = self._builder.root(expr, grid)
        node.held = True
        self._reads[node] = wanted
        for read in wanted:
            selection = self._builder.catalogue.selections[read.matchers]
            selection.reads.append(read)
            self._read(selection)
        return node

    def fell(self, node: Node) -> None:
        """The plan of this node is gone."""
        node.held = False
        for read in self._reads.pop(node):
            self._builder.catalogue.selections[read.matchers].reads.remove(read)
        self._released = True
        self._drop(node)

    def bind(self) -> None:
        """Give every series that is new in the table to the selectors that match it, and their nodes the rows."""
        self._raw.cover(len(self._table))
        grown = self._builder.catalogue.bind()
        if grown:
            for selection in grown:
                self._read(selection)
            leaves: Sequence[Leaf] = [leaf for selection in grown for leaf in selection.leaves]
            grow_above(leaves)

    def renumber(self, new: Ids) -> Mapping[Node, Ids | None]:
        """The table has freed ids (`new` by old one, negative: freed): nodes drop rows; gives what `shrink` does."""
        living = np.flatnonzero(new >= 0)
        self._raw.renumber(living)
        self.archive.renumber(new)
        self._builder.catalogue.renumber(new)
        nodes, fresh = set(self._reads), list(self._reads)
        while fresh:
            fresh = [child for node in fresh for child in node.children if child not in nodes]
            nodes.update(fresh)
        left: dict[Node, Ids | None] = {}
        for node in sorted(nodes, key=lambda node: node.order):
            left[node] = node.shrink(left)
        return left

    def settle(self) -> bool:
        """Stop storing what only released plans have read; whether there was any."""
        if not self._released:
            return False
        self._released = False
        self.archive.settle(self._bucketed())
        kept: Times = np.full_like(self._raw.retention, -1)
        since: Times = np.full_like(kept, UNSEEN)
        for selection in self._builder.catalogue.selections.values():
            kept[selection.series] = np.maximum(kept[selection.series], self._retention(selection))
            if selection.since is not None:
                since[selection.series] = np.minimum(since[selection.series], selection.since)
        self._raw.keep(kept, since)
        return True

    def be_patient(self, lateness: int) -> None:
        """Some source may be so late (ms): keep samples at least as long before they go to buckets."""
        if lateness > self.archive.lateness:
            self.archive.lateness = lateness
            for selection in self._builder.catalogue.selections.values():
                self._read(selection)

    def _read(self, selection: Selection) -> None:
        self._raw.read(selection.series, self._retention(selection), selection.since)
        for tier in {read.tier for read in selection.reads if read.tier is not None}:
            self.archive.cover(tier, selection.series)

    def _retention(self, selection: Selection) -> int:
        """The longest that samples are needed, ms."""
        tiers = (read.tier for read in selection.reads)
        heads = (self.archive.head(tier) for tier in tiers if tier is not None)
        return max((*(read.keep for read in selection.reads), *heads), default=0)

    def _bucketed(self) -> dict[Tier, Ids]:
        """The series that are read as buckets, by tier."""
        series: defaultdict[Tier, list[Ids]] = defaultdict(list)
        for selection in self._builder.catalogue.selections.values():
            for tier in {read.tier for read in selection.reads if read.tier is not None}:
                series[tier].append(selection.series)
        return {tier: np.unique(np.concatenate(parts)) for tier, parts in series.items()}

    def _drop(self, node: Node) -> None:
        if node.held or node.parents:
            return
        made = self._builder
        expr = made.expr_of.pop(node, None)
        if expr is not None:
            del made.by_expr[expr]
        if isinstance(node, Leaf):
            node.selection.leaves.remove(node)
            if not node.selection.leaves:
                made.catalogue.drop(node.selection)
        for child in node.children:
            child.parents.remove(node)
            self._drop(child)
