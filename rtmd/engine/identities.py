"""Rows of a plan as instances: their label sets without the metric name (semantics S1).

As in Prometheus, the name is no part of an alert's identity. Two rows that differ in nothing else are the same
instance twice, which is an error of the rule: the first one stays, the others are `repeated` and never judged.
"""

from __future__ import annotations

from itertools import takewhile

from rtmd.engine.plan import Plan
from rtmd.model.labels import METRIC_NAME, Labels, without

_NAME = frozenset({METRIC_NAME})


class Identities:
    """The instances of a plan, by row and by label set; `sync` before use."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.repeated: list[int] = []
        self._labels: list[Labels] = []
        self._rows: dict[Labels, int] = {}

    def __len__(self) -> int:
        return len(self._labels)

    def renew(self) -> None:
        """The plan has dropped rows: what is known of the others stays."""
        left = [] if self.plan.left is None else self.plan.left.tolist()
        known = list(takewhile(lambda row: row < len(self._labels), left))
        labels, self._labels = self._labels, []
        self._rows.clear()
        self.repeated.clear()
        for row in known:
            self._add(labels[row])

    def cut(self, size: int) -> None:
        """Forget all rows from this one on."""
        if len(self) <= size:
            return
        del self._labels[size:]
        self._rows = {labels: row for labels, row in self._rows.items() if row < size}
        self.repeated = [row for row in self.repeated if row < size]

    def sync(self, size: int | None = None) -> None:
        """Take in rows that the plan has got since, up to `size` of them in all."""
        for row in range(len(self._labels), self.plan.size if size is None else size):
            self._add(without(self.plan.labels(row), _NAME))

    def _add(self, labels: Labels) -> None:
        row = len(self._labels)
        self._labels.append(labels)
        if self._rows.setdefault(labels, row) != row:
            self.repeated.append(row)

    def labels(self, row: int) -> Labels:
        """Who the row is."""
        return self._labels[row]

    def row_of(self, labels: Labels) -> int | None:
        """The row of an instance, if it has one."""
        return self._rows.get(labels)
