"""Rings that are brought up to date when something happens, against the plain reading of semantics S9, slot by slot.

The model notes each slot as it passes, weighs with fractions, and counts starts in a list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from scenarios.score import rule_set

from rtmd.engine.flapping import Flapping, Pace, pace_of
from rtmd.engine.protocol import Event
from rtmd.engine.transition import Transition
from rtmd.model.firing import InstanceState, StageRecord, StageState
from rtmd.model.rule import StageName

RULE = rule_set("[rules.r]\nsignal = 'avg_over_time(m[$window])'\n[rules.r.seconds]\nwindow = '10s'\nabove = 1").rules[
    "r"
]
STAGE = RULE.stages[0]
PACE = Pace(2_000, 200_000)
KEY = ("r", (("i", "1"),))


@dataclass
class Plain:
    """Semantics S9, read aloud."""

    states: list[bool] = field(default_factory=lambda: [False] * 21)
    burning: bool = False
    starts: list[int] = field(default_factory=list)
    flapping: bool = False

    def move(self, at: int) -> None:
        self.burning = not self.burning
        if self.burning:
            self.starts.append(at)
            self.flapping |= len([start for start in self.starts[-4:] if at - start <= PACE.spell]) == 4

    def slot(self, at: int) -> None:
        self.states = [*self.states[1:], self.burning]
        changes = [one is not other for one, other in zip(self.states, self.states[1:], strict=False)]
        share = sum((Fraction(3, 4) + Fraction(n, 38) for n, changed in enumerate(changes) if changed), Fraction()) / 20
        if self.flapping:
            young = [start for start in self.starts if at - start <= PACE.spell]
            self.flapping = share > Fraction(20, 100) or len(young) >= 3
        else:
            self.flapping = share >= Fraction(30, 100)


def transition(at: int, *, burning: bool) -> Transition:
    was, state = (StageState.INACTIVE, StageState.FIRING) if burning else (StageState.FIRING, StageState.INACTIVE)
    event = Event.HOLD if burning else Event.END
    return Transition(STAGE, KEY[1], was, event, "", at, StageRecord(StageName.SECONDS, state))


def passed(
    model: Plain, flapping: Flapping, since: int, until: int
) -> tuple[list[tuple[int, bool]], list[tuple[int, bool]]]:
    """What starts and stops by time alone, as the model and as the rings see it."""
    expected, before = [], model.flapping
    for at in range(since // PACE.slot * PACE.slot + PACE.slot, until + 1, PACE.slot):
        model.slot(at)
        if model.flapping is not before:
            expected.append((at, model.flapping))
        before = model.flapping
    return expected, [(flaps.at, flaps.flapping) for _, _, flaps in flapping.take_due(until)]


# Quick ones that starts notice, and slow ones that only slots do.
STEPS = st.one_of(st.integers(1, 9_000), st.integers(1_000, 3_000), st.integers(30_000, 300_000))


@settings(max_examples=300)
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=60))
def test_rings_see_what_slots_see(moves: list[tuple[int, bool]]) -> None:
    assert pace_of(RULE, STAGE) == PACE
    model, flapping, at = Plain(), Flapping({"r": RULE}.get), 1_000_000_000_000
    for step, restarts in [*moves, (400_000, False)]:
        expected, seen = passed(model, flapping, at, at + step)
        assert seen == expected
        at += step
        model.move(at)
        flapping.follow(RULE, transition(at, burning=model.burning))
        assert bool(flapping.stages(KEY)) is model.flapping
        if restarts:
            kept = InstanceState(*KEY, (), "", flapping.of(KEY))
            flapping = Flapping({"r": RULE}.get)
            flapping.restore([kept])
    expected, seen = passed(model, flapping, at, at + 900_000)
    assert seen == expected
    assert flapping.of(KEY) == ()
