"""Reading a stage's plans at one instant: signal, recent window and guard, boiled down to a few truths a row.

What a reading says of a row, in this order:

1. frozen: no result while data may still come (MISSING), or nothing feeds it any more (UNFED): no event; `for` and
   `keep` stand still. A recent window or guard without a result freezes a row only where the signal itself is met.
2. met: present, held against the threshold over `window` and over `recent`, the guard has a result, and `within` the
   time after a mark.
3. clear: not met, and beyond the clear level (filtered, a false guard and no mark always are; default: not met).

`no_data = "zero"` enters here: what nothing feeds is 0, in the signal and in the recent window alike. So does
`"resolve"`: no result is a false condition, as in Prometheus, and clear; with a `keep` that goes for what nothing
feeds too, while without one it ends at once, as lost (`stage_table`).

After a time that nobody watched a row dozes: it is frozen until one of its series is fed again, or has had as long
to be fed as was missed (where no result is a false condition, it has to have a result again, too). So a restart alone
neither fires nor ends anything, and a dead feed is not a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rtmd.engine.columns import Bools
from rtmd.engine.covered import Covered
from rtmd.engine.identities import Identities
from rtmd.engine.plan import Column, Plan, Plans
from rtmd.engine.presence import Presence
from rtmd.engine.thresholds import clears, meets
from rtmd.engine.unfed import patience
from rtmd.model.display import number
from rtmd.model.duration import show_duration
from rtmd.model.firing import Clause, Evidence
from rtmd.model.rule import NoData, Stage

Rows: TypeAlias = NDArray[np.int64]


class Reading(Struct, frozen=True):
    """What the stage saw in some rows at one instant: parallel arrays."""

    values: NDArray[np.float64]
    met: Bools
    clear: Bools
    frozen: Bools
    unfed: Bools
    dozing: Bools


class Reader:
    """The plans of one stage; rows are those of its signal."""

    def __init__(self, stage: Stage, plans: Plans) -> None:
        self.stage = stage
        grid = stage.bucket_grid
        self.instances = Identities(plans.plan(stage.signal, grid))
        self._plans = plans
        recent = plans.plan(stage.recent_signal, grid) if stage.recent_signal else None
        guard = plans.plan(stage.guard, grid) if stage.guard else None
        self._recent = _Beside(self.instances, recent) if recent else None
        self._guard = _Beside(self.instances, guard) if guard else None
        self._covered = Covered(stage.within, self.instances, plans.marks) if stage.within else None
        self._dozing: Bools = np.zeros(0, np.bool_)
        self._fed: Bools = np.zeros(0, np.bool_)  # since it dozes
        self.dozing_until = 0

    @property
    def signal(self) -> Plan:
        """The plan whose rows are the instances."""
        return self.instances.plan

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Everything it reads: signal, recent, guard."""
        return (self.signal, *(beside.plan for beside in (self._recent, self._guard) if beside))

    def release(self) -> None:
        """Give the plans back."""
        for plan in self.plans:
            self._plans.release(plan)

    @property
    def dozes(self) -> bool:
        """Whether any row says nothing until it is fed again."""
        return len(self._dozing) > 0 and bool(self._dozing.any())

    def has_time(self, at: int) -> bool:
        """Whether `within` lets it be judged now: after some mark, whatever its labels."""
        return self.stage.within is None or self._plans.marks.is_open(self.stage.within, at)

    def feeding(self, rows: Rows) -> Rows:
        """The series behind these rows, and behind what stands beside them."""
        beside = [each.feeding(rows) for each in (self._recent, self._guard) if each]
        return np.concatenate([self.signal.root.feeding(rows), *beside])

    def renew(self) -> None:
        """The plans have other rows; no row dozes at such a moment."""
        self.instances.renew()
        for beside in (self._recent, self._guard):
            if beside:
                beside.renew()
        if self._covered:
            self._covered.renew()
        self.doze(np.zeros(0, np.bool_), 0)

    def doze(self, rows: Bools, until: int) -> None:
        """Let these rows (a mask) say nothing until `until`, or until they are fed."""
        self._dozing, self.dozing_until = rows, until
        self._fed = np.zeros(len(rows), np.bool_)

    def wake(self, series: NDArray[np.int64], at: int) -> bool:
        """These series were fed; whether any row still dozes."""
        rows = self.signal.touched(series)
        self._fed[rows[rows < len(self._fed)]] = True
        if self.stage.no_data is not NoData.RESOLVE:
            self._dozing &= ~self._fed
        return at < self.dozing_until and bool(self._dozing.any())

    def read(self, at: int, rows: Rows | None) -> Reading:
        """The truths of these rows (None: all instances)."""
        stage, size = self.stage, len(self.instances)
        values, presence = self._fill(self.signal.evaluate(at, rows), size)
        met = meets(stage.condition, values) & (presence == Presence.PRESENT)
        blind = np.zeros(len(values), np.bool_)
        blocked = np.zeros(len(values), np.bool_)
        passes = met
        if self._recent is not None and met.any():
            aside, seen = self._fill(self._recent.evaluate(at, rows, absent=Presence.MISSING), size)
            passes = passes & meets(stage.condition, aside) & (seen == Presence.PRESENT)
            blind |= seen <= Presence.MISSING
        if self._guard is not None:
            seen = self._guard.evaluate(at, rows, absent=Presence.FILTERED).presence
            passes = passes & (seen == Presence.PRESENT)
            blocked = (seen == Presence.FILTERED) | ((seen == Presence.UNFED) & (stage.no_data is NoData.ZERO))
            blind |= (seen <= Presence.MISSING) & ~blocked
        if self._covered is not None:
            covered = self._covered.at(at, rows)
            passes = passes & covered
            blocked = blocked | ~covered
        over = self._over(presence)
        clear = clears(stage.condition, values, met=passes) | (presence == Presence.FILTERED) | blocked | over
        missing = (presence <= Presence.MISSING) & ~over
        dozing = self._dozing_among(at, rows, presence)
        frozen = ((missing | (met & blind)) & ~blocked) | dozing
        return Reading(values, passes, clear & ~passes, frozen, (presence == Presence.UNFED) & ~dozing, dozing)

    def _clauses(self, row: int, at: int, value: float) -> Iterator[Clause]:
        """What was read of a row that is met, as evidence."""
        stage = self.stage
        yield Clause("window", f"{stage.signal_text} {stage.condition}", value, holds=True)
        if self._recent is not None:
            text = f"the same over {show_duration(stage.recent or 0)} {stage.condition}"
            yield Clause("recent", text, self._recent.value(row, at), holds=True)
        if self._guard is not None:
            yield Clause("guard", stage.guard_text, self._guard.value(row, at), holds=True)
        mark = self._plans.marks.latest(stage.within, self.instances.labels(row), at) if stage.within else None
        if mark is not None:
            since = (self._plans.marks.wall(at) - mark.time) / 1000
            yield Clause("within", f"{stage.within}: {mark.text}", since, holds=True)

    def coverage(self, row: int, at: int) -> float:
        """How much of the window the oldest feeding series reaches back over, 0 to 1."""
        window = self.stage.window
        if not window or not self.stage.coverage:
            return 1.0
        first = self.signal.first(row)
        return 0.0 if first is None else min(at - first, window) / window

    def evidence(self, row: int, at: int, value: float, held: Clause | None) -> Evidence:
        """The evaluation as it was, clause by clause, with the loudest exemplars of the window."""
        stage = self.stage
        clauses = [*self._clauses(row, at, value), *([held] if held else [])]
        if stage.window and stage.coverage:
            text = f"window covered ≥ {number(stage.coverage)}"
            clauses.append(Clause("coverage", text, self.coverage(row, at), holds=True))
        since = at - max(stage.window or 0, self.signal.window())
        return Evidence(at, tuple(clauses), tuple(self.signal.exemplars(row, since)))

    def known(self, row: int, at: int, since: int) -> float:
        """How much of what the plans need to know of a row they do, 0 to 1, where they are read since `since`.

        A guard or recent window without that row may only be new: it is waited for as long as for any other sample.
        """
        known = [self.signal.known(row, at)]
        for beside in (self._recent, self._guard):
            partner = beside.partner(row) if beside else None
            if beside and partner is not None:
                known.append(beside.plan.known(partner, at))
            elif beside and at - since < patience(beside.plan):
                return 0.0
        return min(known)

    def _over(self, presence: NDArray[np.uint8]) -> Bools:
        """The rows whose lack of a result is a false condition."""
        if self.stage.no_data is not NoData.RESOLVE:
            return np.zeros(len(presence), np.bool_)
        over: Bools = presence <= Presence.MISSING if self.stage.keep else presence == Presence.MISSING
        return over

    def _dozing_among(self, at: int, rows: Rows | None, presence: NDArray[np.uint8]) -> Bools:
        """Which of these rows doze; one whose lack of a result would mean something wakes with its first result."""
        dozing = np.zeros(len(self.instances), np.bool_)
        if at >= self.dozing_until:
            return dozing if rows is None else dozing[rows]
        dozing[: len(self._dozing)] = self._dozing
        fed = np.zeros(len(dozing), np.bool_)
        fed[: len(self._fed)] = self._fed
        if rows is not None:
            return dozing[rows] & ~(fed[rows] & (presence > Presence.MISSING))
        awake = fed & (presence > Presence.MISSING)
        self._dozing &= ~awake[: len(self._dozing)]
        return dozing & ~awake

    def _fill(self, column: Column, size: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """The column cut to the known instances, with `no_data = "zero"` applied."""
        values, presence = column.values[:size], column.presence[:size]
        if self.stage.no_data is NoData.ZERO:
            unfed = presence == Presence.UNFED
            values = np.where(unfed, 0.0, values)
            presence = np.where(unfed, np.uint8(Presence.PRESENT), presence)
        return values, presence


class _Beside:
    """A second plan read in the rows of a first: recent or guard beside the signal."""

    def __init__(self, signal: Identities, plan: Plan) -> None:
        self.plan = plan
        self._signal = signal
        self._theirs = Identities(plan)
        self._rows = np.empty(0, np.int64)

    def feeding(self, rows: Rows) -> Rows:
        """The series behind the partners of these rows."""
        self._match()
        theirs = self._rows[rows]
        return self.plan.root.feeding(theirs[theirs >= 0])

    def renew(self) -> None:
        """Both plans have other rows."""
        self._theirs.renew()
        self._rows = np.empty(0, np.int64)

    def evaluate(self, at: int, rows: Rows | None, *, absent: Presence) -> Column:
        """The plan's column in these rows of the signal; `absent` where it has no such row."""
        self._match()
        theirs = self._rows if rows is None else self._rows[rows]
        found = theirs >= 0
        # Row by row costs much more than all rows at once.
        column = self.plan.evaluate(at).take(theirs[found]) if rows is None else self.plan.evaluate(at, theirs[found])
        if found.all():
            return column
        values = np.full(len(theirs), np.nan)
        presence = np.full(len(theirs), absent, np.uint8)
        values[found] = column.values
        presence[found] = column.presence
        return Column(values, presence)

    def value(self, row: int, at: int) -> float | None:
        """The value in one row of the signal, None without a result."""
        column = self.evaluate(at, np.array([row]), absent=Presence.MISSING)
        return float(column.values[0]) if column.presence[0] == Presence.PRESENT else None

    def partner(self, row: int) -> int | None:
        """The row beside a row of the signal."""
        self._match()
        partner = int(self._rows[row])
        return None if partner < 0 else partner

    def _match(self) -> None:
        """Find the partner of every new row; look again for lonely ones only when the other plan has grown."""
        known, size = len(self._rows), len(self._signal)
        lonely: list[int] = []
        if len(self._theirs) != self.plan.size:
            self._theirs.sync()
            lonely = [int(row) for row in np.flatnonzero(self._rows < 0)]
        if size > known:
            self._rows = np.concatenate([self._rows, np.full(size - known, -1, np.int64)])
        for row in [*lonely, *range(known, size)]:
            partner = self._theirs.row_of(self._signal.labels(row))
            self._rows[row] = -1 if partner is None else partner
