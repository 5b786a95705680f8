"""Open firings as Alertmanager's clients are shown them: where they are told, and what mutes them."""

from __future__ import annotations

from scenarios.score import START, Score
from scenarios.test_groups import reactions
from scenarios.test_muting import INHIBIT, RULES

from rtmd.model.labels import get
from rtmd.model.standing import Standing
from rtmd.pipeline.standing_views import standing_groups, standings


def seen(score: Score) -> list[Standing]:
    return standings(score.pipeline, START + round(score.second * 1000))


def test_a_standing_firing_names_its_receivers_and_what_mutes_it() -> None:
    score = Score(RULES, reactions(INHIBIT))
    score.push(1, 'up{site="a"}', 0)
    score.push(2, 'ms{site="a"}', 20)
    silence = score.silence(3, 'stage="seconds", rule="slow"', 600)
    source, victim = sorted(seen(score), key=lambda each: each.firing.rule)
    assert (source.receivers, source.silenced_by, source.inhibited_by) == (("log",), (), None)
    assert (victim.silenced_by, victim.inhibited_by) == ((silence.id,), source.firing)
    assert (get(victim.labels, "stage"), get(victim.labels, "alertname")) == ("seconds", "slow")
    groups = standing_groups(score.pipeline, START + 3_000)
    assert [(dict(group.key.labels), [each.firing.rule for each in group.members]) for group in groups] == [
        ({"rule": "site-down"}, ["site-down"]),
        ({"rule": "slow"}, ["slow"]),
    ]


def test_what_has_resolved_or_is_in_shadow_does_not_stand() -> None:
    score = Score(RULES.replace("[rules.slow]", "[rules.slow]\nshadow = true"))
    score.push(1, 'up{site="a"}', 0)
    score.push(1, 'ms{site="a"}', 20)
    assert [each.firing.rule for each in seen(score)] == ["site-down"]
    score.push(5, 'up{site="a"}', 1)
    score.run(8)
    assert seen(score) == []
    assert standing_groups(score.pipeline, START + 8_000) == []


def test_a_group_names_the_calendars_that_close_its_route() -> None:
    text = '[route]\nreceiver = "log"\n[[route.routes]]\nmatch = [\'rule="slow"\']\n{}\n[calendars.x]\ntimes = ["{}"]'
    always, never = "00:00-24:00", "00:00-00:01"
    for key, times, muted_by in [
        ('mute = ["x"]', always, ("x",)),
        ('mute = ["x"]', never, ()),
        ('active = ["x"]', always, ()),
        ('active = ["x"]', never, ("x",)),
    ]:
        score = Score(RULES, reactions(text.format(key, times)))
        score.push(2, 'ms{site="b"}', 20)
        (group,) = standing_groups(score.pipeline, START + 2_000)
        assert group.muted_by == muted_by, (key, times)
