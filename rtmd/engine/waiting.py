"""Clocks whose instance has no row: after a restart, or a changed signal, its series may not have come yet.

Nothing can be said of them: they stand still until the row appears and takes them over, and count as MISSING until
they have stood still for as long as the signal looks back, then as UNFED (semantics S3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rtmd.engine.protocol import Event, advance
from rtmd.engine.transition import Transition
from rtmd.model.firing import StageRecord
from rtmd.model.labels import Labels
from rtmd.model.replace import replace
from rtmd.model.rule import NoData, Stage


class Waiting:
    """The clocks of one stage that wait for a row, by instance."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._records: dict[Labels, StageRecord] = {}

    def __repr__(self) -> str:
        return f"<Waiting {len(self)}>"

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Labels]:
        return iter(self._records)

    @property
    def burning(self) -> int:
        """How many of them are firing or recovering."""
        return sum(record.state.burning for record in self._records.values())

    def add(self, labels: Labels, record: StageRecord, at: int) -> None:
        """One more, from now on; its clocks stand still."""
        self._records[labels] = replace(record, still_since=record.still_since or at)

    def get(self, labels: Labels) -> StageRecord | None:
        """The clock of one instance."""
        return self._records.get(labels)

    def records(self) -> Iterator[tuple[Labels, StageRecord]]:
        """All of them."""
        return iter(self._records.items())

    def take(self, found: Callable[[Labels], bool]) -> list[tuple[Labels, StageRecord]]:
        """Those whose row was found: they wait no longer."""
        return [(labels, self._records.pop(labels)) for labels in [*self._records] if found(labels)]

    def shift(self, gap: int) -> None:
        """Nobody judged for `gap` ms."""
        self._records = {labels: shifted(record, gap) for labels, record in self._records.items()}

    def rejudge(self, labels: Labels, event: Event, at: int) -> Transition:
        """The rule changed while this one waited, or waits only because of that."""
        record = self._records[labels]
        state, reason = advance(record.state, event)
        self._records[labels] = replace(record, state=state, rejudging_since=at)
        return Transition(self._stage, labels, record.state, event, reason, at, self._records[labels])

    def judge(self, at: int, patience: int) -> list[Transition]:
        """End those that have been without a row for too long; they are unfed after `patience` ms.

        What a changed signal has not brought by then it does not have: that is the rule, not the feed.
        """
        ended = []
        for labels, record in sorted(self._records.items(), key=lambda pair: pair[0]):
            unfed_since = record.unfed_since or (record.still_since or at) + patience
            if record.rejudging_since and not record.unfed_since:
                if at >= record.rejudging_since + patience:
                    ended.append(self._end(labels, Event.OVERRULE, at))
            elif at >= unfed_since and self._gives_up(record, unfed_since, at):
                ended.append(self._end(labels, Event.LOSE, at))
        return ended

    def remove(self, at: int) -> list[Transition]:
        """The stage is gone: end them all."""
        return [self._end(labels, Event.REMOVE, at) for labels in sorted(self._records)]

    def _gives_up(self, record: StageRecord, unfed_since: int, at: int) -> bool:
        if not record.keeps_open or self._stage.no_data is NoData.RESOLVE:
            return True
        return at - unfed_since >= self._stage.no_data_limit

    def _end(self, labels: Labels, event: Event, at: int) -> Transition:
        was = self._records.pop(labels).state
        _, reason = advance(was, event)
        return Transition(self._stage, labels, was, event, reason, at, StageRecord(self._stage.name))


def shifted(record: StageRecord, gap: int) -> StageRecord:
    """The record with its running clocks moved by `gap`."""
    return replace(
        record,
        active_at=record.active_at and record.active_at + gap,
        keep_since=record.keep_since and record.keep_since + gap,
        unfed_since=record.unfed_since and record.unfed_since + gap,
        still_since=record.still_since and record.still_since + gap,
        rejudging_since=record.rejudging_since and record.rejudging_since + gap,
        left_since=record.left_since and record.left_since + gap,
    )
