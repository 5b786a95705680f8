"""Random rules and random histories for properties of the pipeline, and a run that plays them.

A history is a list of moments; a run turns them into steps, stores what the steps say is durable, and answers actions
at once. Rules and moments are values, so one history can be played in several ways and the runs compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TypeAlias

import numpy as np
from fakes import FakeStore
from hypothesis import strategies as st
from scenarios.score import START, rule_set, series_labels

from rtmd.formats.batch import STALE, SampleBatch, SeriesTable
from rtmd.matching import parse_matchers
from rtmd.model import effects as fx
from rtmd.model.action import Action
from rtmd.model.firing import Firing, StageRecord
from rtmd.model.inputs import (
    AckSet,
    ActionDone,
    ReactionsLoaded,
    RulesLoaded,
    SilenceExpired,
    SilenceSet,
    TimeGap,
    WallClock,
)
from rtmd.model.reaction import RunState
from rtmd.model.replace import replace
from rtmd.pipeline import Input, Pipeline, Samples, WindowsRestored

SERIES = [f'{name}{{b="{b}",i="{i}"}}' for name in ("m", "n") for b, i in (("x", "1"), ("x", "2"), ("y", "1"))]
REACTIONS = ReactionsLoaded(frozenset({"log", "desk", "lead"}), actions={"hold": Action("hold", undo=("release",))})
SILENCED = ("rule=r0", 'b="x"', 'rule=r1,stage="seconds"')

# Shared with nothing that a later effect of the same step may replace.
LASTING = (fx.Journaled, fx.Notify, fx.LedgerSaved, fx.RunSaved, fx.RunAction, fx.SilenceSaved, fx.SilenceDropped)


Post: TypeAlias = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Moment:
    """After `pause` ms one thing happens: a post, or something a person does."""

    pause: int
    samples: Post = ()
    silence: tuple[str, int] | None = None
    expire: bool = False
    ack: bool = False
    edit: tuple[str, str] | None = None  # in the rule files: a text, and what takes its place


@st.composite
def _holds(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["'0s'", "'0s'", "'2s'", "'12s'", "{ count = 3 }", "{ count = 2, of = 4 }"]))


@st.composite
def stage_texts(draw: st.DrawFn, *, windows: Sequence[str], windowed: bool) -> str:
    """The keys of one stage."""
    lines = [draw(st.sampled_from(["above = 10", "above = 10\nclear = 6", "below = 3", "outside = [2, 12]"]))]
    lines.append(f"for = {draw(_holds())}")
    lines.append(f"keep = '{draw(st.sampled_from(['0s', '0s', '3s', '20s']))}'")
    lines.append(f"coverage = {draw(st.sampled_from([0, 0.5]))}")
    if windowed:
        lines.append(f"window = '{draw(st.sampled_from(windows))}'")
        lines.append(f"recent = '{draw(st.sampled_from(['off', '2s']))}'")
    return "\n".join(lines)


@st.composite
def rule_texts(draw: st.DrawFn, name: str = "r0") -> str:
    """One rule with one to three stages."""
    signal, guard, windowed = draw(
        st.sampled_from(
            [
                ("m", "n > 2", False),
                ("sum by (b) (m)", "max by (b) (n) > 2", False),
                ('{__name__=~"m|n"}', "", False),
                ("avg_over_time(m[$window])", "max_over_time(n[$window]) > 2", True),
                ("sum by (b) (rate(m[$window])) * 10", "", True),
            ]
        )
    )
    head = [f"[rules.{name}]", f"signal = '{signal}'"]
    if guard and draw(st.booleans()):
        head.append(f"guard = '{guard}'")
    head.append(f"no_data = '{draw(st.sampled_from(['keep', 'resolve', 'zero', 'fire']))}'")
    head.append(f"reopen = '{draw(st.sampled_from(['0s', '4s', '10m']))}'")
    chosen = draw(
        st.sampled_from([("seconds",), ("minutes",), ("seconds", "minutes"), ("seconds", "minutes", "hours")])
    )
    windows = {"seconds": ("3s", "8s"), "minutes": ("15s", "40s", "10m"), "hours": ("2m", "15m")}
    extra = {
        "seconds": 'notify = ["desk"]\nrun = ["hold"]',
        "minutes": 'notify = ["lead"]\nrun = ["hold"]',
        "hours": "",
    }
    for stage in chosen:
        text = draw(stage_texts(windows=windows[stage], windowed=windowed))
        head.append(f"[rules.{name}.{stage}]\n{text}\n{extra[stage]}")
    return "\n".join(head)


@st.composite
def eager_rules(draw: st.DrawFn) -> str:
    """A rule of which one eager step too early leaves no trace: nothing is kept, and a dead feed resolves."""
    signal = draw(st.sampled_from(["m", "sum by (b) (m)", "sum by (b) (m) > 5"]))
    hold = draw(_holds())
    return f"""
[rules.r0]
signal = '{signal}'
no_data = 'resolve'
[rules.r0.seconds]
above = 10
for = {hold}
[rules.r0.minutes]
above = 10
for = {draw(_holds())}
keep = '6s'
"""


EAGER_RULES = eager_rules()
BRAKE = """
[correlations.both]
all = ["r0", "r1"]
on = ["b"]
brake = ["hold"]
"""
RULES = st.tuples(rule_texts("r0"), rule_texts("r1"), st.sampled_from(["", "", BRAKE])).map("\n".join)
PAUSES = st.one_of(
    st.integers(1, 1500),
    st.integers(1, 1500),
    st.integers(0, 4).map(lambda n: n * 1000),
    st.sampled_from([9000, 65_000]),
)
EDITS = [
    ("for = '0s'", "for = '7s'"),
    ("for = '2s'", "for = '12s'"),
    ("for = '12s'", "for = { count = 2, of = 4 }"),
    ("above = 10", "above = 12"),
    ("clear = 6", "clear = 3"),
    ("keep = '3s'", "keep = '20s'"),
    ("window = '3s'", "window = '8s'"),
    ("window = '15s'", "window = '40s'"),
    ("n > 2", "n > 5"),
]
VALUES = st.sampled_from([0.0, 1.0, 4.0, 7.0, 11.0, 13.0, 30.0, 60.0, float(STALE)])
POSTS = st.lists(
    st.tuples(st.integers(0, len(SERIES) - 1), VALUES), min_size=1, max_size=4, unique_by=lambda pair: pair[0]
).map(tuple)


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    pause = draw(PAUSES)
    kind = draw(st.sampled_from(["post"] * 12 + ["idle", "silence", "expire", "ack", "edit"]))
    if kind == "post":
        return Moment(pause, draw(POSTS))
    if kind == "silence":
        return Moment(pause, silence=(draw(st.sampled_from(SILENCED)), draw(st.sampled_from([3000, 20_000, 90_000]))))
    if kind == "edit":
        return Moment(pause, edit=draw(st.sampled_from(EDITS)))
    return Moment(pause, expire=kind == "expire", ack=kind == "ack")


HISTORIES = st.lists(moments(), min_size=3, max_size=25)
LONG_PAUSES = st.sampled_from([0, 0, 0, 310_000])


@dataclass
class Run:
    """A pipeline in its world."""

    text: str
    at: int = START
    series: SeriesTable = field(default_factory=SeriesTable)
    store: FakeStore = field(default_factory=FakeStore)
    effects: list[fx.Effect] = field(default_factory=list)
    answers: bool = True  # actions are done as soon as a step has asked for them

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(self.series, self.at)
        self.step(REACTIONS, WallClock(0), RulesLoaded(rule_set(self.text)))

    @classmethod
    def of(cls, text: str) -> Run:
        return cls(text)

    def step(self, *inputs: Input) -> list[fx.Effect]:
        """One step at the present time; what it runs succeeds at once."""
        effects = list(self.pipeline.step(inputs, self.at).effects)
        self.store.commit(effects)  # type: ignore[arg-type]  # it takes what it knows
        self.effects += effects
        for effect in list(effects):
            if isinstance(effect, fx.RunAction) and self.answers:
                effects += self.step(ActionDone(effect.run.id, RunState.UNDONE if effect.undo else RunState.DONE))
        return effects

    def wait(self, milliseconds: int) -> list[fx.Effect]:
        """Let time pass in one step."""
        self.at += milliseconds
        return self.step()

    def batch(self, samples: Iterable[tuple[int, float]]) -> SampleBatch:
        found = [(self.series.intern(series_labels(SERIES[index])), value) for index, value in samples]
        ids = np.array([series for series, _ in found], np.int64)
        return SampleBatch(ids, np.full(len(ids), self.at), np.array([value for _, value in found], np.float64))

    def play(self, history: Iterable[Moment], *, cut: bool = False) -> list[fx.Effect]:
        """All moments in order; `cut` sends every sample as a post of its own."""
        effects: list[fx.Effect] = []
        for moment in history:
            self.at += moment.pause
            if moment.ack:
                effects += self.step()  # people see what has happened by now
            effects += self.step(*self._inputs(moment, cut=cut))
        return effects

    def restarted(self) -> Run:
        """Another process that goes on from here with what this one left on disk."""
        again = Run(self.text, self.at, store=self.store)
        again.step(WindowsRestored(self.pipeline.engine.plans.snapshot()))
        again.step(self.store.restore())
        return again

    def kept(self) -> tuple[object, ...]:
        """What is on disk, less live values: those are as of the last time that anything was saved."""
        restored = self.store.restore()
        instances = {_sober(fx.InstanceSaved(each)) for each in restored.instances}
        firings = {_sober(fx.FiringSaved(each)) for each in restored.firings}
        return instances, firings, restored.silences, restored.ledger, restored.runs

    def skip(self, gap: int) -> list[fx.Effect]:
        """Nobody watched for that long."""
        effects = self.step(TimeGap(self.at + gap, "test"))
        self.at += gap
        return effects

    def state(self) -> tuple[object, ...]:
        """Everything that later decisions depend on."""
        engine, reactor = self.pipeline.engine, self.pipeline.reactor
        clocks = {
            (rule, table.stage.name): sorted(table.records(), key=lambda pair: pair[0])
            for rule in engine.rules
            for table in engine.tables(rule)
        }
        return (
            clocks,
            engine.episodes.firings,
            engine.episodes.handled,
            reactor.dispatch.ledger._told,
            {group.key: (group.times, set(group.members)) for group in reactor.dispatch.groups},
            reactor.acting.runs._by_id,
            reactor.proposing.proposals._by_id,
            list(reactor.dispatch.silences),
            engine.evaluated_at,
            self.pipeline._next_due(),
        )

    def _inputs(self, moment: Moment, *, cut: bool) -> list[Input]:
        if moment.samples:
            posts = [[sample] for sample in moment.samples] if cut else [moment.samples]
            return [Samples("test", self.batch(post)) for post in posts]
        if moment.silence:
            matchers, length = moment.silence
            return [SilenceSet(1, "ana", parse_matchers(matchers), 0, self.at + length)]
        if moment.edit:
            self.text = self.text.replace(*moment.edit)
            return [RulesLoaded(rule_set(self.text))]
        if moment.expire:
            return [
                SilenceExpired(1, "bo", silence.id)
                for silence in sorted(self.pipeline.reactor.dispatch.silences, key=repr)
            ]
        if moment.ack:
            return [
                AckSet(1, "ana", firing.id) for firing in sorted(self.pipeline.firings(), key=lambda each: each.id)[:1]
            ]
        return []


def lasting(effects: Iterable[fx.Effect]) -> list[fx.Effect]:
    """The effects that no later one takes the place of, in order."""
    return [effect for effect in effects if isinstance(effect, LASTING)]


def same(one: Sequence[object], other: Sequence[object]) -> None:
    """Equal, or the first difference."""
    for left, right in zip_longest(one, other):
        assert left == right


def decided(effects: Iterable[fx.Effect]) -> list[str]:
    """All effects but hints for screens and wishes to the shell, byte for byte.

    Live values are no decisions: the last value that an idle or waiting stage saw is not kept for a restart.
    """
    return [repr(_sober(effect)) for effect in effects if not isinstance(effect, fx.Touched | fx.FillWanted)]


def _sober(effect: fx.Effect) -> fx.Effect:
    match effect:
        case fx.InstanceSaved(state):
            return fx.InstanceSaved(replace(state, stages=tuple(map(_without_value, state.stages))))
        case fx.FiringSaved(firing):
            return fx.FiringSaved(_valueless(firing))
        case fx.Notify(notification):
            alerts = tuple(replace(alert, firing=_valueless(alert.firing)) for alert in notification.alerts)
            return fx.Notify(replace(notification, alerts=alerts))
        case fx.RunAction(firing=Firing() as firing):
            return replace(effect, firing=_valueless(firing))
        case _:
            return effect


def _valueless(firing: Firing) -> Firing:
    return replace(firing, stages=tuple(map(_without_value, firing.stages)))


def _without_value(record: StageRecord) -> StageRecord:
    return replace(record, value=None, peak=record.peak if record.state.burning else None)
