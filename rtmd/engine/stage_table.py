"""One stage of one rule over all its instances: flat arrays, one dense compare, then the few rows that matter.

Row i of every array belongs to row i of the stage's signal plan. At a grid point `judge` reads all rows at once
(`reading`), finds the rows whose state can change, and shows each of those one event of the protocol table. Between
grid points the engine has seconds stages look at instances that just got a sample: `judge_touched` can only start a
pending entry, or a firing when nothing has to be held (design §4).

Clocks of instances that have no row (yet) wait beside the table (`waiting`). Rows get their clocks and names when the
table has to be judged for the first time: one whose instances are all idle keeps nothing of them.

Transitions come out in order of their labels: rows are numbered as series appear, which a restart may change.
`moved` has the instances whose clocks changed at the last grid point in a way that only a restart would notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from rtmd.engine.columns import FIRING, INACTIVE, PENDING, RECOVERING, STATES, Bools, Clocks, known, mask
from rtmd.engine.dead_feeds import DeadFeeds
from rtmd.engine.plan import Plans
from rtmd.engine.protocol import Event, advance
from rtmd.engine.reading import Reader, Reading, Rows
from rtmd.engine.thresholds import beyond, falls
from rtmd.engine.transition import Transition
from rtmd.engine.unfed import Departures, patience
from rtmd.engine.waiting import Waiting
from rtmd.model.duration import show_duration
from rtmd.model.firing import Clause, Evidence, StageRecord, StageState
from rtmd.model.labels import Labels
from rtmd.model.replace import replace
from rtmd.model.rule import NoData, Stage

LEAST_KNOWN = 0.5  # of its windows, before a changed rule may end what fires (or `coverage`, where that is more)


class StageTable:
    """The instances of one stage."""

    def __init__(self, stage: Stage, plans: Plans, *, limit: int = 10_000) -> None:
        self.stage = stage
        self.moved: list[Labels] = []
        self.since = 0  # when it was put in force
        self._reader = Reader(stage, plans)
        self.signal = self._reader.signal  # its rows are the instances
        self.plans = self._reader.plans  # everything it reads: signal, recent, guard
        self.has_time = self._reader.has_time
        self.fallible = any(plan.root.fallible for plan in self.plans)
        self.beyond = beyond(stage.condition, zero=stage.no_data is NoData.ZERO)
        self._instances = self._reader.instances
        self._clocks = Clocks()
        self._waiting = Waiting(stage)
        self._departures = Departures(stage, plans.arrivals)
        self._feeds = DeadFeeds(stage, self._reader, self._departures)
        self.limit = self._room = limit
        self._judged_at = 0
        self.busy = self._feeds.busy  # not all instances are idle: it has to be judged at every grid point
        self._unfed: Bools = np.zeros(0, np.bool_)

    def __repr__(self) -> str:
        counts = f"{self.size} instances, {self.pending} pending, {self.burning} burning"
        return f"<StageTable {self.stage.name} {counts}>"

    @property
    def size(self) -> int:
        """How many instances there are."""
        return min(self.signal.size, self._room)

    @property
    def refused(self) -> int:
        """How many are over the limit: known ones are kept, new ones refused (S13)."""
        return self.signal.size - self.size

    @property
    def pending(self) -> int:
        """How many of them are pending."""
        return int(np.count_nonzero(self._clocks.state == PENDING)) if self.busy else 0

    @property
    def burning(self) -> int:
        """How many of them are firing or recovering."""
        return int(np.count_nonzero(self._clocks.state >= FIRING)) + self._waiting.burning + self._feeds.burning

    def judge(self, at: int) -> list[Transition]:
        """Work through one grid point; nobody needs to while all are idle and no row meets the condition (`fused`)."""
        self._sync()
        clocks = self._clocks
        unsettled = self._unsettled(at)
        reading = self._reader.read(at, None)
        if unsettled.any():
            reading = replace(reading, frozen=reading.frozen | (unsettled & (clocks.state >= FIRING)))
        moved = self._remember(reading, at)
        held = self._held(at)
        state = clocks.state
        ends = reading.clear & (at - clocks.keep_since >= self.stage.keep)
        changing = (
            ((state == INACTIVE) & reading.met)
            | ((state == PENDING) & (~reading.met | held))
            | ((state == FIRING) & ~reading.met)
            | ((state == RECOVERING) & (reading.met | ends))
            | ((state >= FIRING) & (clocks.rejudging_since > 0))
        ) & ~reading.frozen
        changing[self._instances.repeated] = False
        transitions = []
        for row in map(int, np.flatnonzero(changing)):
            event = self._event(row, reading, held=bool(held[row]), settled=not unsettled[row], at=at)
            if event is not None:
                transitions += self._apply(row, event, at)
        transitions += self._judge_unfed(reading, at)
        transitions += self._waiting.judge(at, patience(self.signal))
        transitions += self._feeds.judge(reading, at)
        self._judged_at = at
        self._unfed = reading.unfed
        self.moved = [self._instances.labels(row) for row in map(int, np.flatnonzero(moved))] + self._feeds.moved
        self.busy = bool(self._feeds.busy or self._waiting or (clocks.state != INACTIVE).any() or clocks.history.any())
        return sorted(transitions, key=attrgetter("labels"))

    def wake(self, series: NDArray[np.int64], at: int) -> bool:
        """These series were fed; whether any instance still dozes."""
        return self._reader.wake(series, at)

    @property
    def dozes(self) -> bool:
        """Whether any instance waits to be fed again after a gap."""
        return self._reader.dozes

    def doze_on(self, before: StageTable) -> None:
        """Its predecessor dozed: so does this one, until it is fed itself."""
        if before.dozes:
            self._reader.doze(np.ones(self.size, np.bool_), before._reader.dozing_until)

    def judge_touched(self, series: NDArray[np.int64], at: int) -> list[Transition]:
        """Eager evaluation of the instances that these series feed."""
        self._sync()
        rows = self.signal.touched(series)
        rows = rows[rows < self._clocks.size]
        return self._judge_eagerly(rows, at)

    def judge_all_eagerly(self, at: int) -> list[Transition]:
        """The same for every instance: when the rule itself is new."""
        self._sync()
        return self._judge_eagerly(np.arange(self._clocks.size), at)

    def shift(self, gap: int, until: int) -> None:
        """Nobody judged for `gap` ms until `until`: clocks move along; what was fed dozes until it is fed again."""
        fed = np.ones(self.size, np.bool_)
        fed[: self._clocks.size] = self._clocks.unfed_since == 0
        self._reader.doze(fed, until + min(gap, patience(self.signal)))
        self._clocks.shift(gap)
        self._waiting.shift(gap)
        self._feeds.shift(gap)
        self._judged_at = until

    def remove(self, at: int) -> list[Transition]:
        """The stage is gone: end whatever is not idle."""
        # By their labels: rows stand in another order after a restart.
        rows = sorted(np.flatnonzero(self._clocks.state != INACTIVE).tolist(), key=self._instances.labels)
        ended = [transition for row in rows for transition in self._apply(row, Event.REMOVE, at)]
        return ended + self._waiting.remove(at) + self._feeds.remove(at)

    def rejudge(self, old: Stage, at: int) -> list[Transition]:
        """The rule changed (S11): what burns and would not have fired yet is pending again, the rest stays for now."""
        longer = self.stage.earliest > old.earliest
        elsewhere = self.stage.looks_at != old.looks_at
        transitions = []
        if elsewhere:
            self._feeds.rejudge(at)
        for labels, record in sorted(self._records()):
            event = Event.REJUDGE if elsewhere and record.state.burning else None
            if longer and record.state is StageState.FIRING and at - (record.active_at or at) < self.stage.earliest:
                event = Event.DEFER
            row = self._instances.row_of(labels)
            if event is not None and labels in self._waiting:
                transitions.append(self._waiting.rejudge(labels, event, at))
            elif event is not None and row is not None:
                transitions += self._apply(row, event, at)
        return transitions

    def release(self) -> None:
        """Give the plans back."""
        self._reader.release()

    def adopt(self, records: Iterable[tuple[Labels, StageRecord]], at: int) -> None:
        """Take over clocks of an earlier table of this stage, or of an earlier run."""
        self.since = at
        for labels, record in records:
            self._sync()
            self.busy = True
            row = self._instances.row_of(labels)
            if record.of_feed:
                self._feeds.adopt(labels, record, at)
            elif row is not None and row < self._clocks.size:
                self._clocks.write(row, record)
            elif record.state is not StageState.INACTIVE:
                self._waiting.add(labels, record, at)

    def feeding(self) -> NDArray[np.int64]:
        """The series behind all instances that are not idle."""
        rows = np.flatnonzero((self._clocks.state != INACTIVE) | (self._clocks.history != 0))
        return self._reader.feeding(rows) if len(rows) else rows

    def renew(self, at: int) -> None:
        """Plans dropped rows: what is not idle takes its clock along, and has room whatever the limit."""
        records = [each for each in self._records() if each[0] not in self._waiting]
        self._feeds.renew(at)
        self._reader.renew()
        if any(self._instances.row_of(labels) is None for labels, _ in records):
            self._instances.sync()
        rows = [self._instances.row_of(labels) for labels, _ in records]
        self._room = max([self.limit, *(row + 1 for row in rows if row is not None)])
        self._instances.cut(self._room)
        self._clocks, self._unfed = Clocks(), np.zeros(0, np.bool_)
        if records:
            self._sync()
        for row, (labels, record) in zip(rows, records, strict=True):  # without a row: an evaluation has to find it
            self._waiting.add(labels, record, at) if row is None else self._clocks.write(row, record)

    def records(self) -> Iterator[tuple[Labels, StageRecord]]:
        """The clocks of all instances that are not idle (or have an M-of-N history), and those of feeds."""
        yield from self._records()
        yield from self._feeds.records()

    def _records(self) -> Iterator[tuple[Labels, StageRecord]]:
        clocks = self._clocks
        for row in map(int, np.flatnonzero((clocks.state != INACTIVE) | (clocks.history != 0))):
            yield self._instances.labels(row), clocks.read(row, self.stage.name)
        yield from self._waiting.records()

    def record(self, labels: Labels) -> StageRecord:
        """The clock of one instance; an idle one where it is not known."""
        row = self._instances.row_of(labels)
        if row is not None and row < self._clocks.size:
            return self._clocks.read(row, self.stage.name)
        return self._feeds.record(labels) or self._waiting.get(labels) or StageRecord(self.stage.name)

    def value(self, labels: Labels) -> float | None:
        """What the instance had last."""
        row = self._instances.row_of(labels)
        return known(self._clocks.value[row]) if row is not None and row < self._clocks.size else None

    def show(self) -> Iterator[Labels]:
        """The instances that are not idle and have another value than when this was asked before."""
        return map(self._instances.labels, self._clocks.show().tolist())

    def is_unfed(self, labels: Labels) -> bool:
        """Whether nothing fed the instance at the last grid point."""
        row = self._instances.row_of(labels)
        if labels in self._feeds:
            return True
        if row is None:
            waiting = self._waiting.get(labels)
            return waiting is None or waiting.rejudging_since is None or waiting.unfed_since is not None
        return row < len(self._unfed) and bool(self._unfed[row])

    def is_blind(self, labels: Labels, at: int) -> bool:
        """Whether nothing feeds the instance at this very moment."""
        self._sync()
        row = self._instances.row_of(labels)
        return row is None or bool(self._reader.read(at, np.array([row])).unfed[0])

    def is_warming(self, labels: Labels, at: int) -> bool:
        """Whether the instance is pending only because its window does not reach back far enough yet."""
        row = self._instances.row_of(labels)
        if row is None or row >= self._clocks.size or self._clocks.state[row] != PENDING:
            return False
        return self._reader.coverage(row, at) < self.stage.coverage

    def _sync(self) -> None:
        """Give every row of the plan a clock, and those that waited for their row their old one."""
        size = self.size
        if size == self._clocks.size:
            return
        self._clocks.grow(size)
        self._instances.sync(size)
        for labels, record in self._waiting.take(lambda labels: self._instances.row_of(labels) is not None):
            self._clocks.write(self._instances.row_of(labels) or 0, record)

    def _remember(self, reading: Reading, at: int) -> Bools:
        """What only a grid point may write; gives the rows where a restart would have to know it."""
        clocks, seen = self._clocks, ~reading.frozen
        seen[self._instances.repeated] = False
        moved = np.zeros(clocks.size, np.bool_)
        np.copyto(clocks.value, reading.values, where=seen)
        if self.stage.hold.count:
            shifted = ((clocks.history << np.uint64(1)) | reading.met) & mask(self.stage.hold.of)
            moved |= seen & (shifted != clocks.history)
            np.copyto(clocks.history, shifted, where=seen)
        if (clocks.state != INACTIVE).any():
            before = max(self._judged_at, at - self.stage.grid)  # the last grid point; after a gap, its end
            moved |= clocks.raise_peaks(reading.values, seen, falls=falls(self.stage.condition))
            moved |= clocks.stand_still(reading.frozen, before) | clocks.go_on(seen, before)
            moved |= clocks.notice_unfed(reading.unfed, at)
            moved |= self._departures.notice(clocks, self.signal, at)
        return moved

    def _held(self, at: int) -> Bools:
        """Which rows would fire now if they are met: `for` has passed, or enough grid points were true."""
        hold, clocks = self.stage.hold, self._clocks
        if hold.count:
            enough: Bools = np.bitwise_count(clocks.history & mask(hold.of)) >= hold.count
            return enough
        held: Bools = (at - clocks.active_at >= hold.duration) & (clocks.state == PENDING)
        return held if hold.duration else np.ones(clocks.size, np.bool_)

    def _unsettled(self, at: int) -> Bools:
        """The rows whose rule changed and cannot be judged anew yet: too little is known of what it looks at now."""
        since = self._clocks.rejudging_since
        unsettled = np.zeros(len(since), np.bool_)
        for row in map(int, np.flatnonzero(since)):
            needed = max(self.stage.coverage, LEAST_KNOWN)
            unsettled[row] = self._reader.known(row, at, int(since[row])) < needed
        return unsettled

    def _event(self, row: int, reading: Reading, *, held: bool, settled: bool, at: int) -> Event | None:
        """What the row saw; None: nothing that the table needs to know."""
        clocks = self._clocks
        state, rejudging = clocks.state[row], bool(clocks.rejudging_since[row])
        if reading.met[row]:
            firing = state >= FIRING or (held and self._reader.coverage(row, at) >= self.stage.coverage)
            return Event.HOLD if firing else Event.RISE
        if state == PENDING:
            collecting = self.stage.hold.count and int(clocks.history[row]) & int(mask(self.stage.hold.of))
            if collecting and self.stage.hold.of > self.stage.hold.count:
                return None
            return Event.END if not rejudging else Event.OVERRULE if settled else None
        if rejudging and reading.clear[row]:
            return Event.OVERRULE
        since = int(clocks.keep_since[row]) or at
        return Event.END if reading.clear[row] and at - since >= self.stage.keep else Event.DIP

    def _judge_eagerly(self, rows: Rows, at: int) -> list[Transition]:
        rows = rows[self._clocks.state[rows] == INACTIVE]
        if self._instances.repeated:
            rows = np.setdiff1d(rows, self._instances.repeated)
        if not len(rows):
            return []
        reading = self._reader.read(at, rows)
        instant = not self.stage.hold.duration and not self.stage.hold.count
        transitions = []
        for place in map(int, np.flatnonzero(reading.met & ~reading.frozen)):
            row = int(rows[place])
            self._clocks.value[row] = reading.values[place]
            event = Event.HOLD if instant and self._reader.coverage(row, at) >= self.stage.coverage else Event.RISE
            transitions += self._apply(row, event, at)
        return sorted(transitions, key=attrgetter("labels"))

    def _judge_unfed(self, reading: Reading, at: int) -> list[Transition]:
        """Semantics S3: pending is dropped, firing is kept for a time, or resolved when the rule says so."""
        lost = self._departures.lost(self._clocks, self.signal, reading.unfed, at)
        self._clocks.value[lost] = np.nan  # the last one is long past
        rows = map(int, np.flatnonzero(lost))
        return [transition for row in rows for transition in self._apply(row, Event.LOSE, at)]

    def _apply(self, row: int, event: Event, at: int) -> list[Transition]:
        """Show one row one event: its transition, or nothing where the state stays."""
        clocks = self._clocks
        was, rejudging = STATES[clocks.state[row]], int(clocks.rejudging_since[row])
        state, reason = advance(was, event)
        if event in (Event.REJUDGE, Event.DEFER):
            clocks.rejudging_since[row] = at
        elif state is not StageState.PENDING:
            clocks.rejudging_since[row] = 0
        if state is not was:
            clocks.enter(row, state, at)
        elif clocks.rejudging_since[row] == rejudging:
            return []
        self.busy = True
        fired = state is StageState.FIRING and not was.burning
        return [
            Transition(
                self.stage,
                self._instances.labels(row),
                was,
                event,
                reason,
                at,
                clocks.read(row, self.stage.name),
                self._evidence(row, at) if fired else None,
            )
        ]

    def _evidence(self, row: int, at: int) -> Evidence:
        return self._reader.evidence(row, at, float(self._clocks.value[row]), self._held_clause(row, at))

    def _held_clause(self, row: int, at: int) -> Clause | None:
        """How `for` was satisfied, as evidence."""
        hold = self.stage.hold
        if hold.count:
            met = (int(self._clocks.history[row]) & int(mask(hold.of))).bit_count()
            return Clause("for", f"{hold.count} of {hold.of} grid points", float(met), holds=True)
        if not hold.duration:
            return None
        seconds = (at - int(self._clocks.active_at[row])) / 1000
        return Clause("for", f"held ≥ {show_duration(hold.duration)}", seconds, holds=True)
