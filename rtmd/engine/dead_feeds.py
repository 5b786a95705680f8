"""`no_data = "fire"`: an instance whose feed dies makes a firing of its own, until it is fed again (semantics S3).

That firing is of an instance too: the labels of the one that lost its feed, and `kind="no_data"` (a `kind` that was
there becomes `exported_kind`, as in Prometheus). What the condition made of the instance goes on beside it, as with
`keep`.

Only a feed that was seen alive can die: a series that ended long before the rule was written says nothing. So every
feed that is alive is remembered, by a clock of its own (`of_feed`) that is inactive while it lives, fires when it is
dead, and is given up when nobody fed it for as long as a stage is kept without data. Such a clock survives a restart,
with or without a row; rows that doze after a time that nobody watched are neither alive nor dead.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rtmd.engine.columns import Bools
from rtmd.engine.protocol import Event, advance
from rtmd.engine.reading import Reader, Reading
from rtmd.engine.transition import Transition
from rtmd.engine.unfed import Departures, patience
from rtmd.engine.waiting import shifted
from rtmd.model.firing import Clause, Evidence, StageRecord, StageState
from rtmd.model.labels import Labels, labels_of
from rtmd.model.replace import replace
from rtmd.model.rule import Kind, NoData, Stage


class DeadFeeds:
    """The feeds of the instances of one stage, by the labels of the firing that each would make."""

    def __init__(self, stage: Stage, reader: Reader, departures: Departures) -> None:
        self.watches = stage.no_data is NoData.FIRE
        self.moved: list[Labels] = []  # what a restart has to know, of the last grid point
        self._stage = stage
        self._reader = reader
        self._departures = departures
        self._names: list[Labels] = []  # by row
        self._rows: dict[Labels, int] = {}
        self._alive: Bools = np.zeros(0, np.bool_)  # by row: it was, when it was seen last
        self._rowless: dict[Labels, int] = {}  # was alive, and has had no row since then
        self._dead: dict[Labels, StageRecord] = {}

    def __repr__(self) -> str:
        return f"<DeadFeeds {self._stage.name} {len(self._dead)} dead, {np.count_nonzero(self._alive)} alive>"

    def __contains__(self, labels: Labels) -> bool:
        return labels in self._dead

    @property
    def burning(self) -> int:
        """How many are dead."""
        return len(self._dead)

    @property
    def busy(self) -> bool:
        """Whether it has to see every grid point."""
        return self.watches or bool(self._dead)

    def records(self) -> Iterator[tuple[Labels, StageRecord]]:
        """The clocks of all feeds that are or were alive."""
        living = StageRecord(self._stage.name, of_feed=True)
        for row in map(int, np.flatnonzero(self._alive)):
            yield self._names[row], living
        yield from ((labels, living) for labels in self._rowless)
        yield from self._dead.items()

    def record(self, labels: Labels) -> StageRecord | None:
        """The clock of one feed, if it has one."""
        row = self._rows.get(labels)
        if labels in self._rowless or (row is not None and self._alive[row]):
            return StageRecord(self._stage.name, of_feed=True)
        return self._dead.get(labels)

    def adopt(self, labels: Labels, record: StageRecord, at: int) -> None:
        """Take over the clock of a feed from an earlier table, or from an earlier run."""
        if record.state.burning:
            self._dead[labels] = record
        elif self.watches:
            self._rowless[labels] = at

    def renew(self, at: int) -> None:
        """The plan has other rows."""
        self._rowless.update((self._names[row], at) for row in map(int, np.flatnonzero(self._alive)))
        self._names.clear()
        self._rows.clear()
        self._alive = np.zeros(0, np.bool_)

    def shift(self, gap: int) -> None:
        """Nobody watched for `gap` ms."""
        self._rowless = {labels: since + gap for labels, since in self._rowless.items()}
        self._dead = {labels: shifted(record, gap) for labels, record in self._dead.items()}

    def rejudge(self, at: int) -> None:
        """The signal is another one: what was alive in the old one need not be there at all."""
        self._rowless.clear()
        self._alive[:] = False
        self._dead = {labels: replace(record, rejudging_since=at) for labels, record in self._dead.items()}

    def remove(self, at: int) -> list[Transition]:
        """The stage is gone."""
        return [self._end(labels, Event.REMOVE, at) for labels in sorted(self._dead)]

    def judge(self, reading: Reading, at: int) -> list[Transition]:
        """See who died, who is fed again, and who has been dead for too long."""
        self.moved = []
        if not self.watches:
            return [self._end(labels, Event.OVERRULE, at) for labels in sorted(self._dead)]
        self._sync()
        fed = ~reading.unfed & ~reading.dozing
        fed[self._reader.instances.repeated] = False
        fresh, died = fed & ~self._alive, self._alive & reading.unfed
        self._alive = (self._alive | fed) & ~died
        transitions = [self._die(self._names[row], row, at) for row in map(int, np.flatnonzero(died))]
        for row in map(int, np.flatnonzero(fresh)):
            labels = self._names[row]
            if labels in self._dead:
                transitions.append(self._end(labels, Event.FEED, at))
            else:
                self.moved.append(labels)
        late = at - patience(self._reader.signal)
        transitions += [self._die(labels, None, at) for labels, since in [*self._rowless.items()] if since <= late]
        for labels, record in [*self._dead.items()]:
            event = self._outlasts(labels, record, reading, at)
            if event is not None:
                transitions.append(self._end(labels, event, at))
        return transitions

    def _sync(self) -> None:
        """Give every new row its name, and what it was before it had this row."""
        instances, known = self._reader.instances, len(self._names)
        for row in range(known, len(instances)):
            self._names.append(name_of_feed(instances.labels(row)))
            self._rows.setdefault(self._names[row], row)
        fresh = [self._rowless.pop(name, 0) > 0 for name in self._names[known:]]
        self._alive = np.append(self._alive, np.array(fresh, np.bool_))

    def _die(self, labels: Labels, row: int | None, at: int) -> Transition:
        since = self._rowless.pop(labels, at) if row is None else self._reader.signal.fed_at(row, at)
        state, reason = advance(StageState.INACTIVE, Event.STARVE)
        record = StageRecord(self._stage.name, state, active_at=since, unfed_since=at, of_feed=True)
        self._dead[labels] = record
        evidence = Evidence(at, (Clause("feed", f"a sample of {self._stage.signal_text}", None, holds=False),))
        return Transition(self._stage, labels, StageState.INACTIVE, Event.STARVE, reason, at, record, evidence)

    def _end(self, labels: Labels, event: Event, at: int) -> Transition:
        was = self._dead.pop(labels).state
        _, reason = advance(was, event)
        return Transition(self._stage, labels, was, event, reason, at, StageRecord(self._stage.name))

    def _outlasts(self, labels: Labels, record: StageRecord, reading: Reading, at: int) -> Event | None:
        """What ends a dead one that is not fed, if anything does; notes what has changed about it."""
        row = self._rows.get(labels)
        if record.rejudging_since and row is None:
            over = at - record.rejudging_since >= patience(self._reader.signal)
            return Event.OVERRULE if over else None
        unfed_since, left = record.unfed_since or at, record.left_since or 0
        if at - unfed_since >= self._stage.no_data_limit:
            return Event.LOSE
        if row is None or not reading.unfed[row]:
            return None
        known = replace(record, rejudging_since=None)
        if self._departures.due(at):
            series = self._reader.signal.feeding(row)
            if self._departures.over(series, left, at):
                return Event.LOSE
            since = self._departures.since(series, unfed_since=unfed_since, left_since=left, at=at)
            known = replace(known, left_since=since or None)
        if known != record:
            self._dead[labels] = known
            self.moved.append(labels)
        return None


def name_of_feed(labels: Labels) -> Labels:
    """The labels of the firing that an instance makes when its feed dies."""
    renamed = [("exported_kind" if name == "kind" else name, text) for name, text in labels]
    return labels_of({**dict(renamed), "kind": str(Kind.NO_DATA)})
