"""Plans: signals compiled to shared trees of nodes over one raw leaf, and buckets for long windows.

Every subtree exists once, however many rules contain it: trees are found by the expression itself, and by the grid of
the stage where it says what is kept as buckets (`model.tiers`; no grid: samples throughout). A selector is
bound to its series when it is planned and whenever a new series appears; selectors are looked up by metric name, so
that a new series costs the selectors of its metric only. A series is stored as long, and for as long back, as some
plan reads it; what a released plan alone had read is forgotten with the next samples, so that rules can be exchanged
in one go without losing windows.

All of this is synchronous and knows no clock: `at` is engine time and never goes backwards.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from rtmd.engine.arrivals import Arrivals
from rtmd.engine.buckets import SavedBuckets
from rtmd.engine.forest import Forest
from rtmd.engine.leaf import Leaf, leaves_below
from rtmd.engine.marks import Marks
from rtmd.engine.moment import Moment
from rtmd.engine.nodes import Node
from rtmd.engine.presence import Column
from rtmd.engine.raw import AHEAD, NEVER, UNSEEN, RawLeaf, Stored
from rtmd.engine.subquery import Stepped
from rtmd.formats.batch import Ids, PlacedExemplar, SampleBatch, SeriesTable, Times, Values
from rtmd.model.expr import Expr
from rtmd.model.firing import Exemplar
from rtmd.model.labels import Labels
from rtmd.model.reach import earliest, lookback, reach
from rtmd.model.replace import replace
from rtmd.model.tiers import LATENESS, LONGEST_SAMPLES, has_buckets

__all__ = ["LATENESS", "Applied", "Column", "Plan", "Plans", "WindowSnapshot"]

_EXEMPLARS_KEPT = 20
_EXEMPLARS_SHOWN = 5


class Applied(Struct, frozen=True):
    """What became of a batch.

    `accepted` samples were taken (also those of series that no plan reads: they are not stored); `drops` counts the
    others by reason: late, future, duplicate, refused (no series id). `touched` has each stored series that got a
    sample, once.
    """

    accepted: int
    drops: Counter[str]
    touched: Ids


class WindowSnapshot(Struct, frozen=True):
    """All windows as columns: of series i, `counts[i]` samples of the flat `times` and `values`.

    `firsts[i]` is the time of its first sample ever. Series of `buckets` are places in `labels`; `lateness` is the
    largest in force. `senders[i]` fed it last (negative: unknown), and delivered something at `delivered[i]`.
    """

    labels: list[Labels]
    counts: NDArray[np.int64]
    times: Times
    values: Values
    firsts: Times
    lateness: int = LATENESS
    buckets: list[SavedBuckets] = field(default_factory=list)
    senders: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    delivered: Times = field(default_factory=lambda: np.empty(0, np.int64))


class _Evidence:
    """The latest exemplars of each series that is read."""

    def __init__(self, raw: RawLeaf) -> None:
        self.raw = raw
        self._placed: defaultdict[int, deque[PlacedExemplar]] = defaultdict(partial(deque, maxlen=_EXEMPLARS_KEPT))

    def take(self, placed: PlacedExemplar) -> None:
        """One more; the oldest of its series may go for it."""
        self._placed[placed.series].append(placed)

    def best(self, series: Ids, since: int) -> list[Exemplar]:
        """The exemplars of these series no older than `since`, by falling reach, at most 5, no text twice."""
        known = self._placed
        found = [placed for each in series.tolist() if each in known for placed in known[each] if placed.time >= since]
        found.sort(key=lambda placed: (-placed.exemplar.reach, -placed.time, placed.series))
        distinct: dict[str, Exemplar] = {}
        for placed in found:
            distinct.setdefault(placed.exemplar.text, placed.exemplar)
        return list(distinct.values())[:_EXEMPLARS_SHOWN]

    def all(self) -> Iterator[tuple[int, Sequence[PlacedExemplar]]]:
        """Everything, series by series."""
        return ((series, tuple(placed)) for series, placed in self._placed.items())

    def renumber(self, new: Ids) -> None:
        """Ids were freed (`new` by old one): series that are left keep theirs."""
        known = [(int(new[series]), found) for series, found in self._placed.items() if new[series] >= 0]
        self._placed.clear()
        for series, found in known:
            self._placed[series].extend(replace(placed, series=series) for placed in found)

    def forget(self, retention: Times) -> None:
        """Drop those of series that nobody reads."""
        for series in [each for each in self._placed if not retention[each]]:
            del self._placed[series]


class Plan:
    """One signal. Rows are only added, and keep their numbers until `Plans.free`."""

    def __init__(self, expr: Expr, grid: int, root: Node, *, moment: Moment, evidence: _Evidence) -> None:
        self.expr = expr
        self.grid = grid  # 0 where it does not matter
        self.root = root
        self.leaves = tuple(_leaves(root))
        self.is_leaf = self.leaves == (root,)
        self.holders = 0
        self._moment = moment
        self._evidence = evidence
        self._watched: int | None = None  # since when
        self._evaluated_at: int | None = None  # in full
        self._rows: dict[Labels, int] = {}
        self.left: Ids | None = None  # rows that the last `shrink` left, by their old numbers

    def __repr__(self) -> str:
        return f"<Plan {self.size} rows, {self.holders} holders, {self.window()} ms>"

    def shrink(self, left: Ids | None) -> None:
        """Ids were freed: these old rows are left, or all were made anew (None)."""
        self.left = left
        self._rows.clear()

    @property
    def size(self) -> int:
        """Rows so far."""
        return self.root.size

    def labels(self, row: int) -> Labels:
        """The label set of a row."""
        return self.root.labels(row)

    def row_of(self, labels: Labels) -> int | None:
        """The row of a label set, if there is one."""
        for row in range(len(self._rows), self.size):
            self._rows[self.root.labels(row)] = row
        return self._rows.get(labels)

    def evaluate(self, at: int, rows: NDArray[np.int64] | None = None) -> Column:
        """The signal at an instant: all rows, or these rows in this order."""
        self._moment.be(at, at)
        with np.errstate(all="ignore"):
            if rows is None:
                self._watched = at if self._watched is None else self._watched
                self._evaluated_at = at
                if self.root.unsettled:
                    self.root.reveal(at)
            return self.root.evaluate(at, rows)

    def touched(self, series: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows, sorted, whose result depends on any of these series."""
        return self.root.touched(series)

    def feeding(self, row: int) -> NDArray[np.int64]:
        """The ids of the series behind a row, sorted."""
        return self.root.feeding(np.array([row]))

    def first(self, row: int) -> int | None:
        """The time of the first sample of the oldest series behind a row, of those that its windows may have.

        A row without series (`vector(1)`, `absent()` of what never was) is as old as the first evaluation.
        """
        series = self.feeding(row)
        if not len(series):
            return self._watched
        firsts = self._evidence.raw.first[series]
        for leaf in set(leaves_below(self.root)):
            firsts = np.maximum(firsts, leaf.known_since(series))
        oldest = int(firsts.min())
        return None if oldest == UNSEEN else oldest

    def fed_at(self, row: int, at: int) -> int:
        """The time of the newest sample behind a row that is still here; `at` where none is."""
        _, times, _ = self._evidence.raw.between(self.feeding(row), NEVER, at)
        return int(times.max()) if len(times) else at

    def exemplars(self, row: int, since: int) -> list[Exemplar]:
        """Evidence no older than `since` behind a row: by falling reach, at most 5, no text twice."""
        return self._evidence.best(self.feeding(row), since)

    def window(self) -> int:
        """How far back the signal looks, in ms; an instant selector looks back 5 min, a fixed `@` does not count."""
        return lookback(self.expr)

    def known(self, row: int, at: int) -> float:
        """How much of the past that the signal needs of a row it has seen, 0 to 1."""
        needed = reach(self.expr)
        first = self.first(row)
        return 1.0 if not needed else 0.0 if first is None else min(at - first, needed) / needed

    def since(self, at: int) -> int:
        """The time of the oldest sample that the signal reads at an instant."""
        return earliest(self.expr, at)

    def failed(self, at: int) -> bool:
        """Whether there were problems in the full evaluation at this instant."""
        return self.root.fallible and self._evaluated_at == at and any(True for _ in self.root.problems())

    def problems(self) -> list[str]:
        """What went wrong in the latest full evaluation: label sets that several series had at the same time."""
        return sorted(set(self.root.problems())) if self.root.fallible else []


def _leaves(node: Node) -> Iterator[Leaf]:
    """The leaves that are read at the very instant the node is asked about, and that have no parameters."""
    if isinstance(node, Stepped):
        return
    if isinstance(node, Leaf) and not node.children:
        yield node
    for child in node.children:
        yield from _leaves(child)


class Plans:
    """All plans over one table of series, and the samples they read; the marks that stages look at beside them."""

    def __init__(self, series: SeriesTable) -> None:
        self._table = series
        self._raw = RawLeaf()
        self._forest = Forest(series, self._raw)
        self._evidence = _Evidence(self._raw)
        self._plans: dict[tuple[Expr, int], Plan] = {}
        self.arrivals = Arrivals(series)
        self.marks = Marks()

    def __repr__(self) -> str:
        return f"<Plans {len(self._plans)} plans, {self._raw}, {self._forest.archive}>"

    def plan(self, expr: Expr, grid: int = 0) -> Plan:
        """The plan of an expression, shared with everybody who asked for an equal one; `release` it once each.

        With a grid (ms) it is exact at the multiples of that alone, and long windows are cheaper. Raises PromqlError
        (with the offset of the node) for what cannot be planned.
        """
        key = (expr, grid if has_buckets(expr, grid) else 0)
        plan = self._plans.get(key)
        if plan is None:
            root = self._forest.plant(*key)
            plan = self._plans[key] = Plan(*key, root, moment=self._forest.moment, evidence=self._evidence)
        plan.holders += 1
        return plan

    def release(self, plan: Plan) -> None:
        """One holder less; with the last one go the nodes and, at the next samples, the windows only it had read."""
        plan.holders -= 1
        if not plan.holders:
            del self._plans[plan.expr, plan.grid]
            self._forest.fell(plan.root)

    @property
    def moment(self) -> Moment:
        """What all plans share of the instant they are asked about."""
        return self._forest.moment

    def apply(self, batch: SampleBatch, at: int, *, lateness: int = LATENESS) -> Applied:
        """Take one post or scrape at engine time `at`, atomically; new series become rows.

        Samples older than at − lateness (ms) or more than 30 s ahead of `at` are dropped, and so are samples of a
        time that their series already has.
        """
        self._ready(at)
        known = batch.ids >= 0
        self.arrivals.note(batch.ids if known.all() else batch.ids[known])
        lateness = min(lateness, LONGEST_SAMPLES)
        self._forest.be_patient(lateness)
        drops: Counter[str] = Counter()
        ids, times, values = self._acceptable(batch, max(at - lateness, self._forest.archive.sealed + 1), at, drops)
        accepted = len(ids)
        self.arrivals.deliver(ids, values)
        read = self._raw.retention[ids] > 0
        if not read.all():
            ids, times, values = ids[read], times[read], values[read]
        stored = self._raw.store(ids, times, values) if len(ids) else Stored(ids, 0)
        if stored.duplicates:
            drops["duplicate"] = stored.duplicates
        self._witness(batch.exemplars, at - lateness, at + AHEAD)
        return Applied(accepted - stored.duplicates, drops, stored.series)

    def fill(self, batch: SampleBatch) -> None:
        """Take history: any age and order, merged with what is there; what is there, or earlier in the batch, wins.

        Give all history at once: every call costs a pass over all windows it touches.
        """
        self._ready(None, newest=int(batch.times.max(initial=0)))
        known = batch.ids >= 0
        known[known] = self._raw.retention[batch.ids[known]] > 0
        ids, times, values = batch.ids[known], batch.times[known], batch.values[known]
        if len(ids):
            at = max(self._raw.horizon, int(times.max()) - AHEAD)
            self._forest.archive.fill(ids, times, values, at)
            self._raw.fill(ids, times, values)
        self._witness(batch.exemplars, None, None)

    def exemplars(self) -> Iterator[tuple[Labels, Sequence[PlacedExemplar]]]:
        """The latest exemplars of every series that is read, in order of arrival."""
        return ((self._table.labels(series), placed) for series, placed in self._evidence.all())

    def snapshot(self) -> WindowSnapshot:
        """A copy of all windows."""
        series, counts, times, values = self._raw.columns()
        labels = [self._table.labels(each) for each in series.tolist()]
        archive = self._forest.archive
        buckets = [saved.among(series) for saved in archive.saved()]
        firsts, senders = self._raw.first[series], self.arrivals.senders(series)
        return WindowSnapshot(labels, counts, times, values, firsts, archive.lateness, buckets, *senders)

    def restore(self, snapshot: WindowSnapshot) -> None:
        """Merge the windows of a snapshot, as far as the present plans read them."""
        series = np.array([self._table.intern(labels) for labels in snapshot.labels], np.int64)
        self._ready(None)
        self._forest.be_patient(snapshot.lateness)
        self._forest.archive.restore(replace(each, series=series[each.series]) for each in snapshot.buckets)
        if len(snapshot.senders):
            self.arrivals.restore(series, snapshot.senders, snapshot.delivered)
        self.fill(SampleBatch(np.repeat(series, snapshot.counts), snapshot.times, snapshot.values))
        known = series >= 0
        self._raw.seen(series[known], snapshot.firsts[known])

    def shift(self, gap: int) -> None:
        """Nobody watched for `gap` ms: that nothing came meanwhile says nothing about the series."""
        self.arrivals.shift(gap)

    def free(self, at: int, held: Ids, *, least: float) -> int:
        """Free the ids of series that nobody fed for longer than anybody looks back, but for those that are `held`.

        Nothing happens, and 0 is the answer, where that would free less than this share of them. Otherwise all others
        have new ids, in the same order, and plans new rows: whoever remembers rows has to look again.
        """
        self._ready(at)
        patience = self._raw.patience()
        living = ~self.arrivals.silent(np.maximum(patience, self._forest.archive.patience(len(patience))))
        living[held] = True
        living[self._table.held()] = True
        freed = int(np.count_nonzero(~living))
        if not freed or freed < least * len(living):
            return 0
        new = self._table.renumber(living)
        left = self._forest.renumber(new)
        for plan in self._plans.values():
            plan.shrink(left[plan.root])
        self.arrivals.renumber(np.flatnonzero(living))
        self._evidence.renumber(new)
        return freed

    def tidy(self) -> None:
        """Free what nobody needs and lay windows side by side; worth a few ms every minute or so."""
        self._ready(None)
        self._raw.tidy()

    @property
    def size(self) -> int:
        """Bytes of all windows."""
        return self._raw.size + self._forest.archive.size

    def _ready(self, at: int | None, *, newest: int = 0) -> None:
        self._forest.bind()
        self.arrivals.cover(len(self._table), at or newest)
        if self._forest.settle():
            self._evidence.forget(self._raw.retention)
        if at is not None:
            self._forest.archive.seal(at)
            self._raw.advance(at)

    def _acceptable(self, batch: SampleBatch, oldest: int, at: int, drops: Counter[str]) -> tuple[Ids, Times, Values]:
        ids, times, values = batch.ids, batch.times, batch.values
        if not len(ids) or (times.min() >= oldest and times.max() <= at + AHEAD and ids.min() >= 0):
            return ids, times, values
        reasons = {"refused": ids < 0, "late": times < oldest, "future": times > at + AHEAD}
        fine = np.ones(len(ids), np.bool_)
        for reason, bad in reasons.items():
            if dropped := int((bad & fine).sum()):
                drops[reason] = dropped
            fine &= ~bad
        return ids[fine], times[fine], values[fine]

    def _witness(self, exemplars: tuple[PlacedExemplar, ...], oldest: int | None, newest: int | None) -> None:
        for placed in exemplars:
            if placed.series < 0 or not self._raw.retention[placed.series]:
                continue
            if (oldest is None or placed.time >= oldest) and (newest is None or placed.time <= newest):
                self._evidence.take(placed)
