"""The law of the pipeline: its decisions depend on inputs and their times, on nothing else.

Not on how often it is called, not on the process it runs in, not on how a hash is seeded; and on how posts are cut
only as far as eager evaluation goes, which the test of that measures.

`Touched` is left out everywhere: it tells screens what to draw again, and may be told once or twice.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from histories import EAGER_RULES, HISTORIES, LONG_PAUSES, POSTS, RULES, Moment, Post, Run, decided, lasting, same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtmd.model import effects as fx
from rtmd.model.firing import Firing, Outcome, StageRecord, StageState
from rtmd.model.replace import replace
from rtmd.model.rule import StageName
from rtmd.pipeline import WindowFilled

few = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(RULES, HISTORIES, st.integers(0, 20_000), st.integers(0, 90_000), LONG_PAUSES)
def test_two_steps_through_empty_time_are_one(
    rules: str, history: list[Moment], first: int, second: int, long: int
) -> None:
    once, twice = Run.of(rules), Run.of(rules)
    once.play(history)
    twice.play(history)
    once.answers = twice.answers = False
    effects = once.wait(first + second + long)
    split = [*twice.wait(first), *twice.wait(second + long)]
    # One step saves an instance or a firing once that two steps save twice: what lasts and what is stored is equal.
    same(lasting(effects), lasting(split))
    assert once.kept() == twice.kept()
    assert once.state() == twice.state()


@few
@given(RULES, HISTORIES, st.lists(st.integers(0, 1_000), max_size=30))
def test_wake_ups_change_nothing(rules: str, history: list[Moment], wakes: list[int]) -> None:
    quiet, nervous = Run.of(rules), Run.of(rules)
    quiet.answers = nervous.answers = False  # an answer would come at another time
    quiet.play(history)
    quiet.wait(0)  # a judgement may be due at once
    for number, moment in enumerate(history):
        early = min(wakes[number] if number < len(wakes) else 0, moment.pause)
        nervous.wait(early)
        nervous.play([replace(moment, pause=moment.pause - early)])
        nervous.wait(0)
    same(lasting(quiet.effects), lasting(nervous.effects))
    assert quiet.kept() == nervous.kept()
    assert quiet.state() == nervous.state()


@few
@given(RULES, HISTORIES, HISTORIES, st.integers(0, 2_000), LONG_PAUSES)
def test_a_restart_goes_on_byte_for_byte(
    rules: str, before: list[Moment], after: list[Moment], pause: int, long: int
) -> None:
    run = Run.of(rules)
    run.play(before)
    run.wait(pause)
    run.wait(0)
    again = run.restarted()
    again.store = Run.of(rules).store  # from here on each keeps its own
    rest = [*after, Moment(long)]
    same(decided(run.play(rest)), decided(again.play(rest)))


def _ends(firing: Firing) -> bool:
    """Something about it has begun to end: a stage, a judgement, or somebody's having it."""
    held = firing.ack is not None and not firing.ack.over
    return held or any(record.state is StageState.RECOVERING or record.rejudging_since for record in firing.stages)


def _about(effect: fx.Effect) -> str:
    """The firing that an effect is about."""
    match effect:
        case fx.Notify(notification):
            return notification.firing_ids[0]
        case fx.RunAction(run) | fx.RunSaved(run):
            return run.firing_id
        case fx.LedgerSaved(entry):
            return entry.firing_id
        case fx.Journaled():
            return effect.firing_id
        case _:
            return ""


@few
@given(RULES, HISTORIES, HISTORIES, st.integers(0, 2_000), st.sampled_from([2_000, 7_300, 70_000, 1_300_000]))
def test_nothing_happens_only_because_of_a_restart(
    rules: str, before: list[Moment], after: list[Moment], pause: int, gap: int
) -> None:
    run = Run.of(rules)
    run.play([moment for moment in before if not moment.silence])
    run.wait(pause)
    run.wait(0)
    again = run.restarted()
    again.store = Run.of(rules).store
    skipped = [decided(each.skip(gap)) for each in (run, again)]
    same(*skipped)
    quiet = min(gap, 300_000) - 1
    # What had begun to end before the gap may end after it (`keep`, a changed rule, an ack): so it would without one.
    leaving = {firing.id for firing in again.pipeline.firings() if _ends(firing)}
    # And what a group was to say by then, it says: just what the one says that was not restarted.
    groups = again.pipeline.reactor.dispatch.groups
    leaving |= {
        firing
        for group in groups
        if (group.times.due or again.at + quiet) < again.at + quiet
        for firing in group.members
    }
    effects, expected = again.wait(quiet), run.wait(quiet)
    same(*([repr(each) for each in said if isinstance(each, fx.Notify)] for said in (effects, expected)))
    silent = [effect for effect in effects if _about(effect) not in leaving]
    assert not [effect for effect in silent if isinstance(effect, fx.Notify | fx.RunAction | fx.LedgerSaved)]
    for effect in silent:
        if isinstance(effect, fx.Journaled):
            assert effect.kind == "outcome"
            assert effect.detail["reason"] in (Outcome.UNDECIDED, Outcome.HANDLED)
    same(decided(run.play(after)), decided(again.play(after)))


@settings(max_examples=25, deadline=None)
@given(EAGER_RULES, st.lists(st.tuples(st.integers(0, 4_000), POSTS), min_size=2, max_size=14))
def test_cutting_posts_changes_nothing_but_eager_entries(rules: str, posts: list[tuple[int, Post]]) -> None:
    """Held against a run in which samples are stored without being looked at on arrival.

    Clocks of minutes are equal. At every grid point clocks of seconds are equal too, but for pending entries that
    are up to one grid step older, and firings that therefore come one grid point earlier.
    """
    whole, cut, late = Run.of(rules), Run.of(rules), Run.of(rules)
    for pause, post in posts:
        end = whole.at + pause
        while whole.at < end:
            to_grid_point = min(end, (whole.at // 1000 + 1) * 1000) - whole.at
            for run in (whole, cut, late):
                run.wait(to_grid_point)
            _agree(whole, late)
            _agree(cut, late)
        whole.play([Moment(0, post)])
        cut.play([Moment(0, post)], cut=True)
        late.step(WindowFilled(late.batch(post)))
    assert whole.state()[6:] == cut.state()[6:]


def _agree(run: Run, late: Run) -> None:
    if run.at % 1000:
        return  # between two grid points eager entries may come and go
    for table, other in zip(run.pipeline.engine.tables("r0"), late.pipeline.engine.tables("r0"), strict=True):
        clocks, later = dict(table.records()), dict(other.records())
        if table.stage.name is not StageName.SECONDS:
            assert clocks == later
            continue
        idle = StageRecord(StageName.SECONDS)
        for labels in {*clocks, *later}:
            _lead(clocks.get(labels, idle), later.get(labels, idle), run.at, table.stage.hold.duration)


def _lead(clock: StageRecord, later: StageRecord, at: int, hold: int) -> None:
    match clock.state, later.state:
        case StageState.PENDING, StageState.PENDING:
            assert 0 <= (later.active_at or 0) - (clock.active_at or 0) <= 1000 or clock.still_since
        case StageState.PENDING, StageState.INACTIVE:
            assert clock.still_since  # nothing could be said of it at the grid point
        case StageState.FIRING, StageState.PENDING:
            assert later.still_since or at + 1000 - (later.active_at or 0) >= hold > 0
        case one, other:
            assert one is other
    assert clock.history == later.history


SHUFFLED = """
import hashlib, random, sys
from histories import *
from test_pipeline import SEEDED
chance = random.Random(7)
run = Run.of(SEEDED)
for number in range(120):
    post = {chance.randrange(6): chance.choice([0.0, 4.0, 11.0, 30.0]) for _ in range(4)}
    silence = (chance.choice(SILENCED), 20_000) if number % 17 == 3 else None
    run.play([Moment(chance.randrange(3_000), () if silence else tuple(post.items()), silence)])
run.skip(70_000)
run.step(RulesLoaded(rule_set(SEEDED.replace("above = 10", "above = 12"))))
run.wait(600_000)
told = [sorted(each.firing_ids) if isinstance(each, fx.Touched) else each for each in run.effects]
print(len(told), hashlib.sha256(repr(told).encode()).hexdigest())
"""
SEEDED = """
[rules.r0]
signal = 'sum by (b) (m)'
[rules.r0.seconds]
above = 10
for = '1s'
notify = ["desk", "lead", "log"]
run = ["hold"]
[rules.r0.minutes]
above = 10
for = '5s'
[rules.r1]
signal = 'm'
guard = 'n > 2'
no_data = 'zero'
[rules.r1.seconds]
below = 5
[rules.r1.hours]
below = 5
"""


def test_the_same_inputs_give_the_same_bytes_under_two_hash_seeds() -> None:
    here = Path(__file__).parent
    printed = {
        subprocess.run(
            [sys.executable, "-c", SHUFFLED],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{here}:{here.parent}:{here.parent.parent}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1, printed
    assert int(printed.pop().split()[0]) > 300
