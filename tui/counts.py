"""The figures of the header, kept up to date change by change: ten thousand firings are never counted anew."""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

from msgspec import Struct, field

from rtmd.wire import FiringView
from tui.states import Condition, to_decide, unfed

_Key = TypeVar("_Key")


class Counts(Struct):
    """Open firings by what they are; silenced ones count only as silenced."""

    severity: Counter[str] = field(default_factory=Counter)
    new: int = 0
    acked: int = 0
    silenced: int = 0
    open: int = 0
    proposals: int = 0  # that wait for a decision; they may outlive their firing
    unfed: Counter[str] = field(default_factory=Counter)  # by rule
    _ends: Counter[int] = field(default_factory=Counter)

    @property
    def next_end(self) -> int | None:
        """When the first of the silences that hide something ends (wall time)."""
        return min(self._ends) if self._ends else None

    def add(self, firing: FiringView, state: Condition, step: int = 1) -> None:
        """Count a firing in, or with -1 out again."""
        self.proposals += step * to_decide(firing)
        if state is Condition.OK:
            return
        self.open += step
        if unfed(firing):
            _shift(self.unfed, firing.rule, step)
        if state is Condition.SILENCED:
            self.silenced += step
            if firing.silenced_until is not None:
                _shift(self._ends, firing.silenced_until, step)
            return
        self.severity[firing.severity] += step
        self.new += step * (state is Condition.NEW)
        self.acked += step * (state is Condition.ACKED)


def _shift(counter: Counter[_Key], key: _Key, step: int) -> None:
    """Keys without a count leave, so that they can be looked through."""
    counter[key] += step
    if not counter[key]:
        del counter[key]
