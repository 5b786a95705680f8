"""Escalations (semantics S10): who is told one after the other, from the firing until somebody has it.

Bookkeeping only: which step of which escalation comes when for a firing. A firing has one escalation, that of its
highest stage that names one. While somebody has the firing it stands still; when they let go it begins anew. A step
that could not be told at its time, because something muted the firing or nobody watched, is tried again at each full
minute. Time is people's: wall time.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping

from rtmd.model.policy import EscalationStep
from rtmd.model.reaction import Escalation
from rtmd.model.replace import replace
from rtmd.model.rule import MINUTE


class Escalations:
    """All escalations that are under way."""

    def __init__(self) -> None:
        self._by_firing: dict[str, Escalation] = {}
        self._steps: Mapping[str, tuple[EscalationStep, ...]] = {}
        self._due: list[tuple[int, str]] = []

    def __repr__(self) -> str:
        return f"<Escalations {len(self._by_firing)}>"

    def load(self, steps: Mapping[str, tuple[EscalationStep, ...]], wall: int) -> None:
        """Go by these; what is under way goes on where it stands."""
        self._steps = steps
        self.restore(list(self._by_firing.values()), wall)

    def restore(self, escalations: Iterable[Escalation], wall: int) -> None:
        """Take up those of an earlier run, at a time."""
        self._due.clear()
        for escalation in escalations:
            self._keep(escalation, wall)

    def get(self, firing_id: str) -> Escalation | None:
        """The escalation of a firing."""
        return self._by_firing.get(firing_id)

    def begin(self, firing_id: str, name: str, since: int, wall: int) -> Escalation:
        """From `since` on nobody has it."""
        return self._keep(Escalation(firing_id, name, since), wall)

    def drop(self, firing_id: str) -> bool:
        """It is over; False where none was under way."""
        return self._by_firing.pop(firing_id, None) is not None

    def step(self, escalation: Escalation) -> EscalationStep | None:
        """What comes next of it."""
        steps = self._steps.get(escalation.name, ())
        return steps[escalation.step] if escalation.step < len(steps) else None

    def told(self, escalation: Escalation, wall: int) -> Escalation:
        """Its next step was told."""
        return self._keep(replace(escalation, step=escalation.step + 1), wall)

    def next_due(self) -> int | None:
        """The wall time of the next step."""
        return self._due[0][0] if self._due else None

    def take_due(self, wall: int) -> Iterator[Escalation]:
        """Those whose next step has come, in order; they are due again at the next minute, unless they are `told`."""
        while self._due and self._due[0][0] <= wall:
            _, firing_id = heapq.heappop(self._due)
            escalation = self._by_firing.get(firing_id)
            step = self.step(escalation) if escalation else None
            if escalation and step and escalation.since + step.after <= wall:
                heapq.heappush(self._due, (_next_minute(wall), firing_id))
                yield escalation

    def _keep(self, escalation: Escalation, wall: int) -> Escalation:
        self._by_firing[escalation.firing_id] = escalation
        step = self.step(escalation)
        if step is not None:
            due = escalation.since + step.after
            heapq.heappush(self._due, (due if due > wall else _next_minute(wall), escalation.firing_id))
        return escalation


def _next_minute(wall: int) -> int:
    return (wall // MINUTE + 1) * MINUTE
