"""The key `every`: a stage with a grid of its own."""

from __future__ import annotations

import pytest
from scenarios.score import START, Score

from rtmd.model.rule import StageName
from rtmd.rulefile import load_rules

RULE = "[rules.hot.{stage}]\nsignal = 'm'\nabove = 1\nevery = '{every}'\n"


@pytest.mark.parametrize("stage", StageName)
def test_a_stage_is_judged_at_the_multiples_of_its_own_grid_only(stage: StageName) -> None:
    score = Score(RULE.format(stage=stage, every="7s"))
    score.feed("m", [5.0] * 20, start=1)  # START is 2 s after a multiple of seven
    (firing,) = score.firings
    assert firing.fired_at % 7_000 == 0


def test_a_sample_is_judged_on_arrival_by_stages_without_it_only() -> None:
    grids = "".join(
        f"[rules.{name}.{stage}]\nsignal = 'm'\nabove = 1\n{every}"
        for name, stage, every in (("later", "minutes", "every = '1s'\n"), ("now", "seconds", ""))
    )
    score = Score(grids)
    score.push(5.3, "m", 5.0)
    assert [(firing.rule, firing.fired_at - START) for firing in score.firings] == [("now", 5_300)]
    score.run(7)
    assert {(firing.rule, firing.fired_at - START) for firing in score.firings} == {("now", 5_300), ("later", 6_000)}


def test_it_lies_between_a_second_and_a_day() -> None:
    for every, problem in (("999ms", "must be at least 1000 ms"), ("25h", "must be at most 1d")):
        (error,) = load_rules({"r.toml": RULE.format(stage="hours", every=every)}).errors
        assert f"hours.every {problem}" in str(error)


def test_without_a_result_a_rule_that_resolves_is_false() -> None:
    score = Score(
        "[rules.fast]\nsignal = 'rate(m[10s])'\nabove = 0\nno_data = 'resolve'\nevery = '5s'\n"
        "[rules.fast.labels]\nteam = 'a'"
    )
    score.feed("m", range(8), start=1)
    score.run(60)  # one sample left in the window at second 15: no rate, and no sample for 5 min is far away
    assert score.firing.resolved_at is not None
    assert score.firing.reason == "cleared"
