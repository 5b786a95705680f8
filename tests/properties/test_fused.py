"""Stages judged together decide what each would decide alone, at every grid point and on every arrival."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from histories import SERIES, Moment, Run, decided, moments, rule_texts, same
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rtmd.engine.fused import FusedStages
from rtmd.engine.thresholds import beyond, meets
from rtmd.formats.batch import STALE
from rtmd.model.inputs import MarkMade
from rtmd.model.mark import MarkKind
from rtmd.model.rule import Comparison, Condition

NUMBERS = st.one_of(st.sampled_from([-inf, -1.0, -0.0, 0.0, 1.0, 2.0, inf]), st.floats(allow_nan=False))
CONDITIONS = st.one_of(
    st.builds(Condition, st.sampled_from(list(Comparison)[:4]), NUMBERS),
    st.builds(lambda ends: Condition(Comparison.OUTSIDE, low=min(ends), high=max(ends)), st.tuples(NUMBERS, NUMBERS)),
)
_LEVELS = st.sampled_from([
    "above = 0", "at_least = 0", "below = 0", "at_most = 0", "at_least = 7", "at_most = 1", "outside = [0, 11]", "",
])  # fmt: skip
_SIGNALS = st.sampled_from([
    "m", "n", 'm{b="x"}', '{__name__=~"m|n"}', "m offset 2s", "m > 4", "m unless n", "sum by (b) (m)", "-m",
    "avg_over_time(m[5s])", 'avg_over_time(m{b="x"}[5s])', 'avg_over_time(m{b="y"}[5s])', 'avg_over_time({i="1"}[5s])',
    "max_over_time(n[5s])", "max_over_time(n[2m])", "rate(m[8s])", 'count_values("v", m)', "absent(m)", "vector(1)",
    "quantile_over_time(scalar(n) / 10, m[5s])", "max_over_time(m[20s:2s])",
])  # fmt: skip
_VALUES = st.sampled_from([0.0, 1.0, 4.0, 7.0, 11.0, 30.0, -3.0, nan, inf, -inf, float(STALE)])


@st.composite
def plain_rules(draw: st.DrawFn, name: str) -> str:
    """A rule with one stage; what it looks at and how is anything."""
    stage = draw(st.sampled_from(["seconds", "seconds", "minutes"]))
    no_data = draw(st.sampled_from(["keep", "resolve", "zero", "fire"]))
    hold = draw(st.sampled_from(["'0s'", "'0s'", "'2s'", "{ count = 2, of = 4 }"]))
    within = draw(st.sampled_from(["off", "off", "6s of deploy"]))
    return (
        f"[rules.{name}]\nsignal = '{draw(_SIGNALS)}'\nno_data = '{no_data}'\ncoverage = 0\nwithin = '{within}'\n"
        f"[rules.{name}.{stage}]\n{draw(_LEVELS)}\nfor = {hold}\n"
    )


RULES = st.tuples(*(plain_rules(f"p{each}") for each in range(6)), rule_texts("r0")).map("\n".join)
POSTS = st.lists(
    st.tuples(st.integers(0, len(SERIES) - 1), _VALUES), min_size=1, max_size=4, unique_by=lambda it: it[0]
)
EDITS = st.sampled_from([("above = 0", "above = 5"), ("at_least = 7", "below = 4"), ("signal = 'm'", "signal = 'n'")])
MOMENTS = st.one_of(
    moments(),
    st.builds(Moment, st.integers(0, 3_000), POSTS.map(tuple)),
    st.builds(Moment, st.integers(0, 3_000), edit=EDITS),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(RULES, st.lists(MOMENTS, min_size=3, max_size=20), st.sampled_from([0, 0, 3_000, 400_000]))
def test_fused_stages_decide_what_each_decides_alone(rules: str, history: list[Moment], gap: int) -> None:
    fused, alone = Run.of(rules), Run.of(rules)
    half = len(history) // 2
    for run in (fused, alone):
        with pytest.MonkeyPatch.context() as patched:
            if run is alone:
                patched.setattr(FusedStages, "_met", lambda stages, *_: np.ones(len(stages._tables), np.bool_))
            run.play(history[:half])
            run.step(MarkMade(1, "ci", MarkKind.DEPLOY, "v2", (("b", "x"),)))
            if gap:
                run.skip(gap)
            run.play(history[half:])
            run.wait(70_000)
    same(decided(fused.effects), decided(alone.effects))
    assert fused.pipeline.engine.next_due() == alone.pipeline.engine.next_due()


@given(CONDITIONS, st.lists(st.one_of(NUMBERS, st.just(nan)), max_size=5))
@example(Condition(Comparison.ABOVE, 0.0), [0.0])
@example(Condition(Comparison.ABOVE, 1.0), [nan, 1.0000000000000002])
def test_a_condition_is_met_exactly_beyond_its_levels(condition: Condition, values: list[float]) -> None:
    low, high, _, unfed = beyond(condition, zero=True)
    assert unfed == meets(condition, np.zeros(1))[0]
    found = np.array(values, np.float64)
    passed = (found <= low) | (found >= high)
    met = meets(condition, found)
    if inf not in np.abs([condition.threshold, condition.low, condition.high]):
        assert passed.tolist() == met.tolist()
    assert not (met & ~passed).any()  # of infinities more may be looked at, never less
