"""The engine: rules over series, worked through time.

`Engine` owns the plans, one `StageTable` for each stage of each rule, and the `Episodes`. Its verbs are called by
the pipeline only, with time as an argument that never goes back. `advance(at)` passes *through* every judgement
and grid point up to `at`, each at its own time, in the order (time, kind, identity): judgements first, then grid
points by rule name and stage. So it does not matter how often it is called: advance(t1); advance(t2) is
advance(t2).

Rules are exchanged whole (`load`); what a rule keeps of its state is decided stage by stage: the same plan keeps
its clocks in place, another plan takes them over by label set. A removed rule keeps its clocks for a minute, and
gets them back when it returns in time (an editor that moves files, a slip of the hand).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import TypeAlias

from msgspec import Struct, field

from rtmd.engine.episodes import Episodes
from rtmd.engine.grids import Grids, Running, by_stage
from rtmd.engine.plan import Applied, Plans
from rtmd.engine.room import Room
from rtmd.engine.stage_table import StageTable
from rtmd.engine.transition import Transition
from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.change import Change
from rtmd.model.firing import Firing, InstanceKey, InstanceState, StageRecord
from rtmd.model.labels import Labels
from rtmd.model.replace import replace
from rtmd.model.rule import GRID, ORPHANED_FOR, Rule, RuleSet, Severity, Stage, StageName


class Moved(Struct, frozen=True):
    """A stage of an instance moved, whether or not that touches a firing."""

    rule: Rule
    transition: Transition


Happening: TypeAlias = Moved | Change


class _Unclaimed(Struct):
    """Clocks of an earlier run whose rule or stage is not loaded (yet)."""

    clocks: dict[tuple[str, StageName], list[tuple[Labels, StageRecord]]] = field(default_factory=dict)
    since: int = 0


class Engine:
    """Rules at work; see the module for the order of things."""

    def __init__(self, series: SeriesTable, at: int, *, instances_per_rule: int = 10_000) -> None:
        self.plans = Plans(series)
        self.episodes = Episodes(self.clocks, self._is_blind, self.rule, self.plans.marks)
        self.evaluated_at = at
        self.changed: dict[InstanceKey, None] = {}  # instances whose clocks moved since `take_changed`
        self.failures: Counter[str] = Counter()  # evaluations in which a rule had `problems`, by rule, since the start
        self.rules: Mapping[str, Rule] = {}  # in force, by name
        self.disabled: Mapping[str, Rule] = {}  # switched off: only people want to know of them
        self._rules: dict[str, Running] = {}  # sorted
        self._orphans: dict[str, Running] = {}
        self._unclaimed = _Unclaimed()
        self._grids = Grids(self.plans)
        self._looked: dict[StageTable, str] = {}  # tables judged since `take_news`, and their rules
        self._dozing: list[StageTable] = []  # with instances that nothing fed since a gap
        self._limit = instances_per_rule
        self.room = Room(series, self.plans, at)

    def __repr__(self) -> str:
        return f"<Engine {len(self._rules)} rules, evaluated at {self.evaluated_at}, {self.episodes!r}>"

    def rule(self, name: str) -> Rule | None:
        """A rule in force, or lately removed."""
        running = self._rules.get(name) or self._orphans.get(name)
        return running.rule if running else None

    def clocks(self, key: InstanceKey) -> tuple[StageRecord, ...]:
        """The clocks of all stages of an instance, in rising order."""
        rule, labels = key
        return tuple(table.record(labels) for table in self.tables(rule))

    def values(self, key: InstanceKey) -> tuple[float | None, ...]:
        """The values that the stages of an instance saw last, in rising order."""
        rule, labels = key
        return tuple(table.value(labels) for table in self.tables(rule))

    def tables(self, rule: str) -> tuple[StageTable, ...]:
        """The stages of a rule in force (or lately removed), in rising order; none for an unknown one."""
        running = self._rules.get(rule) or self._orphans.get(rule)
        return running.tables if running else ()

    def refused(self) -> dict[str, int]:
        """How many instances a rule has no room for, where there are any (semantics S13)."""
        found: dict[str, int] = {}
        for name, table in self._tables():
            if table.signal.size > self._limit and name in self._rules:
                found[name] = max(found.get(name, 0), table.refused)
        return {name: count for name, count in found.items() if count}

    def problems(self, rule: str) -> list[str]:
        """What went wrong in a rule's latest evaluations."""
        failing = (plan for table in self.tables(rule) if table.fallible for plan in table.plans)
        return sorted({problem for plan in failing for problem in plan.problems()})

    def next_due(self) -> int | None:
        """The next judgement, grid point or end of an orphan's grace."""
        due = self._grids.next_points(self.evaluated_at)
        if self._orphans:
            due += [running.removed_at + ORPHANED_FOR for running in self._orphans.values()]
        if self._unclaimed.clocks:
            due.append(self._unclaimed.since + ORPHANED_FOR)
        for each in (self.episodes.next_judgement(), self.episodes.flapping.next_due()):
            if each is not None:
                due.append(each)
        return min(due, default=None)

    def advance(self, at: int) -> Iterator[Happening]:
        """Work through everything that is due up to `at`."""
        while (due := self.next_due()) is not None and due <= at:
            yield from self.episodes.judge_due(due)
            yield from self.episodes.flap_due(due)
            yield from self._end_orphans(due)
            if due > self.evaluated_at:
                yield from self._judge_grid(due)
            self.pass_by(due)
        self.pass_by(at)

    def pass_by(self, at: int) -> None:
        """Nothing is due any more up to `at`: time goes on."""
        self.evaluated_at = max(self.evaluated_at, at)

    def apply(self, batch: SampleBatch, at: int, *, lateness: int) -> tuple[Applied, list[Happening]]:
        """One atomic post: store it, then look eagerly at the instances it touches."""
        applied = self.plans.apply(batch, at, lateness=lateness)
        happened: list[Happening] = []
        if len(applied.touched):
            self._dozing = [table for table in self._dozing if table.wake(applied.touched, at)]
            grid = self._grids.get(GRID[StageName.SECONDS])
            for running, table in grid.due_on_arrival(applied.touched, at) if grid else ():
                happened += self._follow(running.rule, table.judge_touched(applied.touched, at))
        return applied, happened

    def load(self, rules: RuleSet, at: int) -> tuple[list[Happening], list[StageTable]]:
        """Put this rule set in force; gives what happened, and the tables whose windows are new and empty."""
        happened: list[Happening] = []
        empty: list[StageTable] = []
        gone: list[Running] = []
        started: list[Running] = []
        changed: list[tuple[Rule | None, Rule]] = []
        before, self.rules, self.disabled = self.rules, rules.rules, rules.disabled
        for name in sorted(name for name, rule in rules.rules.items() if before.get(name) is not rule):
            rule, old = rules.rules[name], self._rules.get(name)
            if old is not None and _same(old.rule, rule):
                old.rule = rule
                continue
            gone += [old] if old else []
            changed.append((self.rule(name), rule))
            running, fresh, changes = self._start(rule, old or self._orphans.pop(name, None), at)
            started.append(running)
            empty += fresh
            happened += changes
        for name in sorted(before.keys() - rules.rules.keys()):
            running = self._orphans[name] = self._rules.pop(name)
            running.removed_at = at
            gone.append(running)
        self._exchange(gone, started)
        for was, rule in changed:
            happened += self.episodes.reload(rule.name, was, rule, at)
        windowless = frozenset(empty)
        for running in started:
            for table in running.tables:
                if table.stage.eager and table not in windowless:  # empty windows have nothing to say yet
                    happened += self._follow(running.rule, table.judge_all_eagerly(at))
        return happened, empty

    def restore(self, instances: Iterable[InstanceState], firings: Iterable[Firing], at: int) -> None:
        """Take over the decisions of an earlier run; rules must be loaded, windows filled."""
        known = list(instances)
        self.episodes.flapping.restore(known)
        for firing in firings:
            self.episodes.restore(firing)
        by_stage: dict[tuple[str, StageName], list[tuple[Labels, StageRecord]]] = {}
        for instance in known:
            for record in instance.stages:
                by_stage.setdefault((instance.rule, record.name), []).append((instance.labels, record))
        for running in self._rules.values():
            for table in running.tables:
                table.adopt(by_stage.pop((running.rule.name, table.stage.name), ()), at)
        self._unclaimed = _Unclaimed(by_stage, at)

    def shift(self, at: int, until: int) -> list[Firing]:
        """Nobody judged from `at` to `until`: deadlines move, grid points in between are skipped."""
        gap = until - at
        self.plans.shift(gap)
        self._dozing.clear()
        for rule, table in self._tables():
            table.shift(gap, until)
            # Saved, or the next restart would count this gap after all.
            self.changed.update(((rule, labels), None) for labels, _ in table.records())
            self._dozing.append(table)
        for running in self._orphans.values():
            running.removed_at += gap
        self._unclaimed.since += gap
        self.evaluated_at = until
        return list(self.episodes.shift(at, until))

    def wants_room(self, at: int) -> bool:
        """Whether `make_room` may help; cheap to ask all the time."""
        return self.room.is_wanted((table for _, table in self._tables()), at)

    def make_room(self, at: int) -> int:
        """Free the ids of series that nothing feeds and no instance stands on (S13); gives how many.

        No batch may be under way whose ids were given before. What was not fed while nobody watched may yet come.
        """
        freed = 0 if self._dozing else self.room.make([table for _, table in self._tables()], at)
        if freed:
            self._grids.arrange(self._rules.values())
        return freed

    def forget(self, at: int, held: Callable[[str], bool]) -> list[Firing]:
        """Let go of what nobody can need any more, and no `held` firing; gives those that went."""
        rules = self.rules
        return self.episodes.forget(at, lambda name: rules[name].reopen if name in rules else 0, held)

    def instance(self, key: InstanceKey) -> InstanceState | None:
        """What a restart must bring back of an instance; None when it is idle."""
        firing = self.episodes.of(key)
        stages = self.clocks(key)
        clocks = any(record.active_at or record.history or record.of_feed for record in stages)
        flaps = self.episodes.flapping.of(key)
        if not clocks and not flaps and not (firing and firing.open):
            return None
        return InstanceState(*key, stages, firing.id if firing else "", flaps)

    def take_changed(self) -> list[InstanceKey]:
        """The instances whose clocks moved since the last call."""
        flapping = self.episodes.flapping
        changed = sorted(self.changed | flapping.changed)
        self.changed.clear()
        flapping.changed.clear()
        return changed

    def take_news(self) -> list[InstanceKey]:
        """The instances of which a stage that is not idle saw another value since the last call (may repeat)."""
        news = [(name, labels) for table, name in self._looked.items() for labels in table.show()]
        self._looked.clear()
        return news

    def is_orphan(self, rule: str) -> bool:
        """Whether the rule was removed and its firings wait for its return."""
        return rule in self._orphans

    def _tables(self) -> Iterator[tuple[str, StageTable]]:
        """Every table with the name of its rule, those of orphans too."""
        for running in chain(self._rules.values(), self._orphans.values()):
            for table in running.tables:
                yield running.rule.name, table

    def _judge_grid(self, at: int) -> Iterator[Happening]:
        grids = self._grids.at(at)
        due = [pair for grid in grids for pair in grid.due(at)]
        if len(grids) > 1:
            due.sort(key=by_stage)
        for running, table in due:
            self._looked[table] = running.rule.name
            yield from self._follow(running.rule, table.judge(at))
            self.changed.update(((running.rule.name, labels), None) for labels in table.moved)
        for running, table in chain.from_iterable(grid.fallible for grid in grids):
            if any(plan.failed(at) for plan in table.plans):
                self.failures[running.rule.name] += 1

    def _follow(self, rule: Rule, transitions: Iterable[Transition]) -> Iterator[Happening]:
        for transition in transitions:
            self.changed[rule.name, transition.labels] = None
            yield Moved(rule, transition)
            yield from self.episodes.follow(rule, transition)

    def _start(self, rule: Rule, old: Running | None, at: int) -> tuple[Running, list[StageTable], list[Happening]]:
        """A rule that is new or changed: its tables, those with new windows, and what ended with it."""
        tables, empty = [], []
        happened: list[Happening] = []
        for stage in rule.stages:
            table = StageTable(stage, self.plans, limit=self._limit)
            before = old.table(stage.name) if old else None
            if before is not None and old is not None and old.removed_at:
                before.shift(at - old.removed_at, at)  # nobody judged while it was gone
            elif before is not None:
                table.doze_on(before)
            clocks = [*(before.records() if before else self._unclaimed.clocks.pop((rule.name, stage.name), ()))]
            table.adopt(clocks, at)
            self.changed.update(((rule.name, labels), None) for labels, _ in clocks)
            if before is None or any(plan not in before.plans for plan in table.plans):
                empty.append(table)
            if before is not None:
                happened += self._follow(rule, table.rejudge(before.stage, at))
            if before is None or not _alike(before.stage, stage):
                happened += self.episodes.disturb(rule.name, stage.name, at, "the rule changed")
            tables.append(table)
        if old is not None:
            for table in old.tables:
                if rule.stage(table.stage.name) is None:
                    happened += self._follow(rule, table.remove(at))
                    happened += self.episodes.disturb(rule.name, table.stage.name, at, "the rule changed")
                table.release()
        return Running(rule, tuple(tables)), empty, happened

    def _exchange(self, gone: list[Running], started: list[Running]) -> None:
        known = len(self._rules)
        self._rules.update((running.rule.name, running) for running in started)
        if len(self._rules) > known:
            self._rules = dict(sorted(self._rules.items()))
        self._grids.exchange(gone, started, self._rules.values())
        if self._dozing or any(table.dozes for running in started for table in running.tables):
            self._dozing = [table for _, table in self._tables() if table.dozes]

    def _is_blind(self, key: InstanceKey, stage: StageName, at: int) -> bool:
        """Whether a stage of an instance or its judge is unfed, or not at work at all."""
        rule, labels = key
        running = self._rules.get(rule)
        judge = running.rule.following(stage) if running else None
        tables = [running.table(stage), running.table(judge.name) if judge else None] if running else [None]
        return any(table is None or table.is_blind(labels, at) for table in tables)

    def _end_orphans(self, at: int) -> Iterator[Happening]:
        for name in sorted(self._orphans):
            running = self._orphans[name]
            if at < running.removed_at + ORPHANED_FOR:
                continue
            for table in running.tables:
                yield from self._follow(running.rule, table.remove(at))
                table.release()
            del self._orphans[name]
            yield from self.episodes.reload(name, running.rule, None, at)
        if self._unclaimed.clocks and at >= self._unclaimed.since + ORPHANED_FOR:
            gone = set(self._unclaimed.clocks)
            for (rule, _), clocks in self._unclaimed.clocks.items():
                self.changed.update(((rule, labels), None) for labels, _ in clocks)
            self._unclaimed.clocks.clear()
            yield from self.episodes.close(gone, at, "rule_removed")


def _same(one: Rule, other: Rule) -> bool:
    """Whether two rules are the same but for the place they stand at."""
    return one is other or _placeless(one) == _placeless(other)


def _alike(one: Stage, other: Stage) -> bool:
    """Whether two stages judge alike, however they react."""
    return _silent(one) == _silent(other)


def _silent(stage: Stage) -> Stage:
    bare = replace(
        stage, severity=Severity.INFO, notify=None, run=(), propose=(), expires=0, escalate="", flapping=True
    )
    return replace(bare, judge=True, title="", unit="", signal_text="", guard_text="", line=0)


def _placeless(rule: Rule) -> Rule:
    return replace(rule, file="", line=0, stages=tuple(replace(stage, line=0) for stage in rule.stages))
