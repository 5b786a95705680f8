"""Clocks whose instance has no row: after a restart, or a changed signal, its series may not have come yet.

Nothing can be said of them: they stand still until the row appears and takes them over, and count as MISSING until
the signal's look back has passed, then as UNFED (semantics S3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from rtmd.engine.protocol import Event, advance
from rtmd.engine.transition import Transition
from rtmd.engine.unfed import NO_DATA_LIMIT
from rtmd.model.firing import StageRecord, StageState
from rtmd.model.labels import Labels
from rtmd.model.rule import NoData, Stage


@dataclass(frozen=True, slots=True)
class _Clock:
    record: StageRecord
    since: int  # when it began to wait


class Waiting:
    """The clocks of one stage that wait for a row, by instance."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._clocks: dict[Labels, _Clock] = {}

    def __repr__(self) -> str:
        return f"<Waiting {len(self)}>"

    def __len__(self) -> int:
        return len(self._clocks)

    def __iter__(self) -> Iterator[Labels]:
        return iter(self._clocks)

    @property
    def burning(self) -> int:
        """How many of them are firing or recovering."""
        return sum(clock.record.state.burning for clock in self._clocks.values())

    def add(self, labels: Labels, record: StageRecord, at: int) -> None:
        """One more, from now on; its clocks stand still."""
        self._clocks[labels] = _Clock(replace(record, still_since=record.still_since or at), at)

    def get(self, labels: Labels) -> StageRecord | None:
        """The clock of one instance."""
        clock = self._clocks.get(labels)
        return clock.record if clock else None

    def records(self) -> Iterator[tuple[Labels, StageRecord]]:
        """All of them."""
        return ((labels, clock.record) for labels, clock in self._clocks.items())

    def take(self, found: Callable[[Labels], bool]) -> list[tuple[Labels, StageRecord]]:
        """Those whose row was found: they wait no longer."""
        return [(labels, self._clocks.pop(labels).record) for labels in [*self._clocks] if found(labels)]

    def shift(self, gap: int) -> None:
        """Nobody judged for `gap` ms."""
        self._clocks = {
            labels: _Clock(_moved(clock.record, gap), clock.since + gap) for labels, clock in self._clocks.items()
        }

    def judge(self, at: int, patience: int) -> list[Transition]:
        """End those that have been without a row for too long; they are unfed after `patience` ms."""
        ended = []
        for labels, clock in sorted(self._clocks.items()):
            unfed_since = clock.record.unfed_since or clock.since + patience
            if at >= unfed_since and self._gives_up(clock.record.state, unfed_since, at):
                ended.append(self._end(labels, Event.LOSE, at))
        return ended

    def remove(self, at: int) -> list[Transition]:
        """The stage is gone: end them all."""
        return [self._end(labels, Event.REMOVE, at) for labels in sorted(self._clocks)]

    def _gives_up(self, state: StageState, unfed_since: int, at: int) -> bool:
        if state is StageState.PENDING or self._stage.no_data is NoData.RESOLVE:
            return True
        return at - unfed_since >= NO_DATA_LIMIT

    def _end(self, labels: Labels, event: Event, at: int) -> Transition:
        was = self._clocks.pop(labels).record.state
        _, reason = advance(was, event)
        return Transition(self._stage, labels, was, event, reason, at, StageRecord(self._stage.name))


def _moved(record: StageRecord, gap: int) -> StageRecord:
    """The record with its running clocks moved by `gap`."""
    return replace(
        record,
        active_at=record.active_at and record.active_at + gap,
        keep_since=record.keep_since and record.keep_since + gap,
        unfed_since=record.unfed_since and record.unfed_since + gap,
        still_since=record.still_since and record.still_since + gap,
    )
