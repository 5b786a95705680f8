"""A pipeline in a world, played through a random night: whole, restlessly, and cut to pieces.

The world decides by itself how actions and deliveries turn out. `World.play` steps its pipeline whenever that wants to
be stepped and whenever an input arrives. A world with a `cutter` is restless: it wakes the pipeline in between and
sends the inputs of one instant one by one. With `cuts` left it now and then puts everything on disk, throws the
pipeline away and goes on with a new one, its windows and decisions read back as a daemon would read them.

What a restart changes on purpose is no place for a cut: a program under way comes back as unknown, the grace of a
removed rule starts anew, so does the patience with clocks of a changed signal, a row that dozes after a gap is awake,
and groups that were to stay quiet after it are not (to a daemon its restart is a gap, too); what was heard again of an
alert of others, with nothing new, is forgotten; a series none of whose samples was taken (all came too late) is
forgotten. Live values are not kept either, so rows of a night that was cut are compared without them.

    python tests/properties/splits.py SEED   # one night, and what differs
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Any, get_args

import msgspec
import numpy as np
from nights import SERIES, Event, draw_night, draw_policies
from scenarios.score import START, rule_set, series_labels

from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.matching import parse_matchers
from rtmd.model import effects as fx
from rtmd.model import inputs as ins
from rtmd.model.action import Action, AtMost
from rtmd.model.external import ExternalPolicy, PostedAlert
from rtmd.model.labels import labels_of
from rtmd.model.mark import MarkKind
from rtmd.model.policy import Policy
from rtmd.model.reaction import RunState
from rtmd.model.replace import replace
from rtmd.model.rule import MINUTE, RuleSet
from rtmd.pipeline import LATENESS, Input, Pipeline, Samples, WindowFilled, WindowsRestored
from rtmd.receivers.body import notification_body
from rtmd.store.snapshot import load_windows, save_windows
from rtmd.store.state import StateStore

DURABLE = get_args(fx.Durable)
REACTIONS = ins.ReactionsLoaded(
    frozenset({"log", "desk", "lead"}),
    {"hold": Action("hold", undo=("release",), at_most=AtMost(3, MINUTE)), "brief": Action("brief")},
    external=ExternalPolicy(resolve_timeout=20_000),
)


@dataclass
class World:
    """A pipeline, its disk, and whatever is still to happen. With a `cutter` it is restless."""

    folder: Path
    rules: RuleSet
    policies: Iterator[Policy]
    events: list[Event]
    cutter: Random | None = None
    at: int = START
    cuts: int = 0  # how many more it may be thrown away and read back
    series: SeriesTable = field(default_factory=SeriesTable)
    reactions: ins.ReactionsLoaded = field(init=False)
    offset: int = 0
    posted: list[tuple[int, int, float]] = field(default_factory=list)
    unsaved: list[fx.Durable] = field(default_factory=list)
    results: list[tuple[int, int, Input]] = field(default_factory=list)
    asked: int = 0
    dozes_until: int = 0
    named: set[int] = field(default_factory=set)  # series that were posted
    taken: set[int] = field(default_factory=set)  # those with a sample that did not come too late

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(self.series, self.at)
        self.reactions = replace(REACTIONS, policy=next(self.policies))
        self.due = self.at
        self.step(self.reactions, ins.WallClock(self.offset), ins.RulesLoaded(self.rules))

    async def play(self) -> None:
        """Everything, to the end; what is durable is on disk then."""
        places = iter([*self.events, None])
        event = next(places)
        while event is not None:
            self.at = max(self.at, min(self.due, event.at, *(at for at, _, _ in self.results[:1])))
            inputs: list[Input] = []
            while self.results and self.results[0][0] <= self.at:
                inputs.append(heapq.heappop(self.results)[2])
            now = []
            while event is not None and event.at <= self.at:
                now.append(event)
                event = next(places)
            self.enter(inputs, now)
            if self.cutter and self.cuts and self.cutter.random() < (0.15 if now else 0.005):
                await self.cut()
        await self.save()

    def enter(self, results: list[Input], events: list[Event]) -> None:
        """What arrives at one instant: in one step, or in several."""
        self.step()
        inputs = [*results, *(given for event in events for given in self.inputs(event))]
        if self.cutter is None:
            self.step(*inputs)
        for given in inputs if self.cutter else []:
            self.step(given)
            self.doze()
        for event in events:
            if event.what == "gap":
                self.skip(event.number)

    def doze(self) -> None:
        """Wake-ups that nobody asked for."""
        if self.cutter and self.cutter.random() < 0.3:
            self.step()

    def step(self, *inputs: Input) -> None:
        """One step now; its durable effects wait for the disk, the world answers the others."""
        step = self.pipeline.step(inputs, self.at)
        self.due = step.next_due
        for effect in step.effects:
            if isinstance(effect, DURABLE):
                self.unsaved.append(effect)
            for arrives, result in self.answer(effect):
                self.asked += 1
                heapq.heappush(self.results, (arrives, self.asked, result))

    def answer(self, effect: fx.Effect) -> Iterator[tuple[int, Input]]:
        """What comes of an effect, and when; by its key, not by chance."""
        match effect:
            case fx.RunAction(run, undo):
                luck = fate(run.id)
                done = (RunState.UNDONE, RunState.UNDO_FAILED) if undo else (RunState.DONE, RunState.FAILED)
                yield self.at + 1 + luck % 3_000, ins.ActionDone(run.id, done[luck % 5 == 0], "said so")
            case fx.Notify(note):
                luck = fate(note.key)
                error = "no such desk" if luck % 7 == 0 else ""
                yield self.at + 1 + luck % 500, ins.DeliveryDone(note.key, note.receiver, note.firing_ids, error)
            case fx.FillWanted(since=since) if self.posted:
                known = [each for each in self.posted if each[1] >= since]
                yield self.at, WindowFilled(self.batch(known))
            case _:
                pass

    def batch(self, samples: Sequence[tuple[int, int, float]]) -> SampleBatch:
        ids = np.array([self.series.intern(series_labels(SERIES[each])) for each, _, _ in samples], np.int64)
        times, values = np.array([at for _, at, _ in samples]), np.array([value for _, _, value in samples])
        return SampleBatch(ids, times.astype(np.int64), values.astype(np.float64))

    def inputs(self, event: Event) -> list[Input]:
        """The event as the pipeline is told it."""
        match event.what:
            case "post":
                samples = [(series, self.at + ahead, value) for series, ahead, value in event.post]
                self.posted += samples
                self.named.update(series for series, _, _ in event.post)
                self.taken.update(series for series, ahead, _ in event.post if ahead >= -LATENESS)
                return [Samples("test", self.batch(samples))]
            case "rules":
                self.rules = rule_set(event.text)
                return [ins.RulesLoaded(self.rules)]
            case "wall":
                self.offset += event.number
                return [ins.WallClock(self.offset)]
            case "react":
                policy = next(self.policies) if event.number > 1 else self.reactions.policy
                self.reactions = replace(self.reactions, react=event.number != 1, policy=policy)
                return [self.reactions]
            case _:
                return list(self.asked_for(event))

    def asked_for(self, event: Event) -> Iterator[Input]:
        """What people want; who is meant is picked from what there is."""
        wall, number = self.at + self.offset, event.number
        match event.what:
            case "silence":
                starts = wall + 4_000 if number == 1 else 0
                yield ins.SilenceSet(1, "ana", parse_matchers(event.text), starts, wall + 4_001 + number, "quiet")
            case "expire":
                known = sorted(silence.id for silence in self.pipeline.reactor.dispatch.silences)
                yield from (ins.SilenceExpired(2, "bo", each) for each in known[number % 2 :])
            case "alert":
                labels, words = (
                    labels_of(pair.split("=") for pair in part.split(",")) for part in event.text.split("|")
                )
                begun = self.at // 60_000 * 60_000  # since the minute began
                alert = PostedAlert(
                    labels, words, begun + self.offset, None if number < 0 else max(begun, wall + number)
                )
                yield ins.AlertsPosted(4, "prom", (alert,))
            case "decide":
                known = sorted(each.id for each in self.pipeline.reactor.proposing.proposals.waiting())
                for each in known[:2]:
                    approved, version = number % 3 != 0, number % 2
                    yield ins.ProposalDecided(4, "ana", each, approved=approved, version=version, reason="so")
            case "hold" if self.pipeline.reactor.acting.hold:
                yield ins.HoldLifted(5, "bo")
            case "hold":
                yield ins.HoldSet(6, "ana", "stop")
            case "ack":
                known = sorted(firing.id for firing in self.pipeline.firings())[:2]
                yield from (ins.AckSet(3, "ana", each, number % 2, number, "mine") for each in known)
                if number > 1:  # and what they make of it
                    yield from (ins.VerdictGiven(5, "bo", each, real=number < 90_000) for each in known)
            case "mark":
                labels = (("b", "x"),) if number > 1_000 else ()
                yield ins.MarkMade(4, "ci", MarkKind.DEPLOY, "v1", labels, 0 if number % 2 else wall - number)
            case _:
                pass

    def skip(self, gap: int) -> None:
        """Nobody watches for that long."""
        self.step(ins.TimeGap(self.at + gap, "test"))
        self.at += gap
        self.dozes_until = self.at + gap

    async def save(self) -> StateStore:
        """Everything durable onto the disk."""
        store = StateStore(self.folder / "state.db")
        await store.commit(self.unsaved)
        self.unsaved = []
        return store

    async def cut(self) -> None:
        """Another process goes on from here with what this one left on disk."""
        if not self.whole():
            return
        self.cuts -= 1
        save_windows(self.folder, self.pipeline.engine.plans.snapshot(), self.at)
        store = await self.save()
        store.close()
        store = StateStore(self.folder / "state.db")
        self.series = SeriesTable()
        self.pipeline = Pipeline(self.series, self.at)
        self.pipeline.step([self.reactions, ins.WallClock(self.offset), ins.RulesLoaded(self.rules)], self.at)
        windows = load_windows(self.folder).windows
        assert windows is not None
        self.pipeline.step([WindowsRestored(windows)], self.at)
        self.due = self.pipeline.step([store.restore()], self.at).next_due
        store.close()

    def whole(self) -> bool:
        """Whether a restart here changes nothing on purpose."""
        externals = self.pipeline.externals
        under_way = (RunState.STARTED, RunState.UNDOING)
        runs = [run for firing in self.pipeline.firings() for run in self.pipeline.reactor.acting.runs.of(firing.id)]
        return (
            not any(run.state in under_way for run in runs)
            and not self.pipeline.engine._orphans
            and not self.pipeline.correlations._orphans
            and self.named == self.taken
            and all(externals.origin(firing) == firing.origin for firing in externals.firings.values())
            and not any(isinstance(result, WindowFilled) for _, _, result in self.results)
            and self.at >= max(self.dozes_until, self.pipeline.reactor.dispatch.groups.quiet_until)
            and not any(table._waiting for rule in self.rules.rules for table in self.pipeline.engine.tables(rule))
        )


def fate(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big")


TABLES = {
    "journal": "at, kind, rule, firing, text, detail",
    "audit": "at, by, verb, object, detail, hash",
    "outbox": "key, receiver, firings, created, doc",
    "firings": "id, doc",
    "runs": "id, doc",
    "ledger": "firing, receiver, told, seq, at, stage, why",
    "groups": "id, due, doc",
    "memberships": "firing, doc",
    "silences": "id, doc",
    "marks": "id, time, doc",
    "storms": "receiver, doc",
    "proposals": "id, doc",
    "escalations": "firing, name, since, step",
}


def on_disk(folder: Path) -> list[tuple[str, Any]]:
    """All rows, the journal, audit and outbox in the order in which they were written; and what receivers are sent."""
    connection = sqlite3.connect(folder / "state.db")
    found: list[tuple[str, Any]] = []
    for table, columns in TABLES.items():
        order = "seq" if table in ("journal", "audit", "outbox") else columns
        found += [(table, row) for row in connection.execute(f"SELECT {columns} FROM {table} ORDER BY {order}")]  # noqa: S608  # ours
    connection.close()
    store = StateStore(folder / "state.db")
    found += [("body", notification_body(row.notification)) for row in store.outbox()]
    store.close()
    return found


def blurred(row: Any) -> Any:
    """The row without live values, which are no decisions: what a stage saw last is not kept for a restart."""
    match row:
        case bytes():
            return blurred(msgspec.json.decode(row) if row.startswith(b"{") else msgspec.msgpack.decode(row))
        case str() if row.startswith('{"'):
            return blurred(msgspec.json.decode(row))
        case tuple() | list():
            return [blurred(each) for each in row]
        case dict():  # a clause of evidence keeps its value
            blur = set() if "holds" in row else {"value", "summary"}
            return {key: blurred(each) for key, each in row.items() if key not in blur}
        case _:
            return row


async def night(seed: int, scratch: Path) -> tuple[str, int, int, int]:
    """Play it whole, restlessly and in pieces: the digest of what is on disk, how many rows, cuts, and flapping."""
    rules, events = draw_night(seed)
    whole, restless, pieces = (
        World(made(scratch / f"{seed}-{name}"), rules, draw_policies(seed), events, cutter(name, seed), cuts=cuts)
        for name, cuts in (("", 0), ("restless", 0), ("pieces", 12))
    )
    for world in (whole, restless, pieces):
        await world.play()
    rows = on_disk(whole.folder)
    compare(f"night {seed}", rows, on_disk(restless.folder))
    compare(f"night {seed}, cut", blurred(rows), blurred(on_disk(pieces.folder)))
    flapped = sum(table == "journal" and row[1] == "flapping" for table, row in rows)
    return hashlib.sha256(repr(rows).encode()).hexdigest(), len(rows), 12 - pieces.cuts, flapped


def cutter(name: str, seed: int) -> Random | None:
    return Random(f"{name} {seed}") if name else None  # noqa: S311  # no secret


def compare(what: str, whole: Sequence[Any], other: Sequence[Any]) -> None:
    for left, right in zip_longest(whole, other):
        assert left == right, f"{what}: {difference(left, right)}\n  whole:  {left}\n  pieces: {right}"


def difference(one: Any, other: Any, where: str = "") -> str:
    """The first place in which two rows differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(key, one[key], other[key]) for key in one]
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        pairs = list(zip(range(len(one)), one, other, strict=True))
    else:
        return f"{where}: {one!r} and {other!r}"
    return next((difference(left, right, f"{where}.{key}") for key, left, right in pairs if left != right), "nothing")


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def main(seeds: Sequence[int], scratch: Path) -> None:
    for seed in seeds:
        print(seed, *await night(seed, scratch), flush=True)  # noqa: T201  # what the test reads


if __name__ == "__main__":
    memory = Path("/dev/shm")  # noqa: S108  # a folder below it; the nights need no disk that lasts
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        asyncio.run(main([int(word) for word in sys.argv[1:]], Path(folder)))
