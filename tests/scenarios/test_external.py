"""Alerts that others raise (Alertmanager's rules for them; semantics S1, S4 to S7, S12, S13), on virtual time."""

from __future__ import annotations

from typing import Any

import pytest
from scenarios.score import START, Score, rule_set
from scenarios.test_groups import reactions

from rtmd.alerting.exposed import exposed
from rtmd.formats.batch import SeriesTable
from rtmd.matching import parse_matchers
from rtmd.model.effects import Answered, Durable, Effect, FiringSaved, Journaled
from rtmd.model.external import ExternalPolicy, PostedAlert
from rtmd.model.firing import Firing
from rtmd.model.inputs import AlertsPosted, ReactionsLoaded, Restored, RulesLoaded, TimeGap, WallClock
from rtmd.model.labels import get, labels_of
from rtmd.model.policy import Inhibition, Policy, Route
from rtmd.model.replace import replace
from rtmd.model.rule import Kind, Severity, StageName
from rtmd.pipeline import Pipeline
from rtmd.pipeline.rule_views import rule_views
from rtmd.pipeline.views import firing_view
from rtmd.wire import pictures

RULES = "[rules.own]\nsignal = 'm'\nseconds.above = 10\n"
FAST = Policy(Route("route", "log", wait=0, interval=1_000))


def score(policy: Policy = FAST, **external: Any) -> Score:
    return Score(RULES, ReactionsLoaded(frozenset({"log"}), policy=policy, external=ExternalPolicy(**external)))


def alert(name: str = "down", *, ends: float | None = None, starts: float | None = None, **labels: str) -> PostedAlert:
    """Its times in seconds after START."""
    times = [None if second is None else START + round(second * 1000) for second in (starts, ends)]
    return PostedAlert(labels_of({"alertname": name, **labels}), (("summary", f"{name} it is"),), times[0], times[1])


def post(score: Score, second: float, *alerts: PostedAlert, sender: str = "prom") -> list[Effect]:
    return score.send(second, AlertsPosted(1, sender, alerts))


def durable(effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, Durable)]


def test_an_alert_is_told_once_however_often_it_is_posted_and_then_that_it_is_over() -> None:
    night = score()
    for second in range(0, 240, 60):
        post(night, second, alert(starts=0, ends=second + 240, site="a"))
    post(night, 250, alert(starts=0, ends=245, site="a"))
    night.run(252)
    assert night.told == [(0.0, "log", "firing", "down"), (250.0, "log", "resolved", "down")]
    firing = night.firing
    assert (firing.title, firing.kind, firing.stage, firing.severity) == (
        "down it is", Kind.HEALTH, StageName.MINUTES, Severity.WARNING,
    )  # fmt: skip
    assert (firing.resolved_at, firing.reason) == (START + 250_000, "prom says it is over")
    lines = [(line.kind, line.rule, line.text) for line in night.of(Journaled) if line.kind == "transition"]
    assert lines == [
        ("transition", "down", "minutes: opened, posted by prom"),
        ("transition", "down", "minutes: resolved, prom says it is over"),
    ]


def test_what_is_posted_again_with_nothing_new_leaves_nothing_to_write_down() -> None:
    night = score()
    alerts = [alert(starts=0, ends=240, site=str(number)) for number in range(20)]
    post(night, 0, *alerts)
    night.run(2)
    again = [replace(each, ends_at=START + 300_000) for each in alerts]
    assert [type(effect) for effect in post(night, 60, *again)] == [Answered]


def test_what_its_sender_says_anew_is_kept_and_no_transition() -> None:
    night = score()
    post(night, 0, alert())
    version = night.firing.version
    (saved,) = durable(post(night, 10, replace(alert(), annotations=(("summary", "worse"),), url="http://prom/g")))
    assert isinstance(saved, FiringSaved)
    assert (saved.firing.title, saved.firing.version) == ("worse", version)
    assert dict(saved.firing.links) == {"source": "http://prom/g"}


def test_without_an_end_it_is_over_when_it_was_not_posted_for_the_resolve_timeout() -> None:
    night = score(resolve_timeout=30_000)
    post(night, 0, alert())
    post(night, 20, alert())
    night.run(49.9)
    assert night.firing.open
    night.run(60)
    assert night.firing.resolved_at == START + 50_000
    assert night.firing.reason == "prom did not post it again in time"
    assert night.told[-1] == (50.0, "log", "resolved", "down")


def test_it_is_over_at_its_own_end() -> None:
    night = score()
    post(night, 0, alert(ends=7))
    night.run(8)
    assert night.firing.resolved_at == START + 7_000


def test_a_named_end_outlasts_one_that_is_ours() -> None:
    night = score(resolve_timeout=30_000)
    post(night, 0, alert(starts=0, ends=100))
    post(night, 10, alert(starts=5))  # until 40, ours
    night.run(99)
    assert night.firing.open
    night.run(100)
    assert night.firing.resolved_at == START + 100_000


def test_what_is_over_before_anybody_heard_of_it_is_no_firing() -> None:
    night = score()
    post(night, 10, alert(starts=0, ends=9), alert("other", starts=0, ends=10))
    assert night.firings == []


@pytest.mark.parametrize(("starts", "episodes"), [(3, [2]), (31, [1, 1])])
def test_one_that_its_sender_says_to_have_gone_on_is_the_same_firing(starts: float, episodes: list[int]) -> None:
    night = score(resolve_timeout=30_000)
    post(night, 0, alert(starts=0))
    night.run(40)
    assert not night.firing.open
    post(night, 45, alert(starts=starts, ends=100))
    assert [firing.episodes for firing in night.firings] == episodes
    assert [firing.open for firing in night.firings][-1]
    assert [what for _, _, what, _ in night.told] == ["firing", "resolved", "firing"]


def test_what_ends_and_begins_anew_at_once_is_the_same_firing() -> None:
    night = score()
    post(night, 10, alert(starts=0), alert(starts=0, ends=9), alert(starts=10))
    assert (night.firing.episodes, night.firing.open, night.firing.version) == (2, True, 3)
    assert [what for _, _, what, _ in night.told] == ["firing"]


def test_identity_is_all_labels_severity_and_stage_too() -> None:
    night = score()
    post(night, 0, alert(severity="warning"), alert(severity="page"), alert(stage="hours"), alert(stage="production"))
    seen = sorted((str(each.stage), str(each.severity), dict(each.labels).get("stage", "")) for each in night.firings)
    assert seen == [
        ("hours", "critical", "hours"),
        ("minutes", "critical", ""),
        ("minutes", "warning", ""),
        ("minutes", "warning", "production"),
    ]


def test_matchers_see_what_was_posted_and_virtual_labels_where_nothing_was() -> None:
    night = score(stage=StageName.SECONDS)
    post(night, 0, alert(severity="page", stage="production"))
    post(night, 1, alert("bare"))
    worded, bare = (dict(exposed(firing)) for firing in night.firings)
    assert worded == {
        "alertname": "down", "rule": "down", "kind": "health", "severity": "page", "stage": "production",
    }  # fmt: skip
    assert (bare["severity"], bare["stage"]) == ("info", "seconds")
    night.silence(2, "severity=page", 60)
    standing = {each.rule: firing_view(night.pipeline, each, START + 2_000).silenced_by for each in night.firings}
    assert [bool(standing[name]) for name in ("down", "bare")] == [True, False]


def test_an_annotation_moves_it_between_stages_as_another_rtmd_does() -> None:
    night = score()

    def say(second: float, stage: str) -> None:
        post(night, second, replace(alert(starts=0), annotations=(("stage", stage),)))

    say(0, "seconds")
    night.ack(1, night.firing.id)
    say(2, "hours")
    assert (night.firing.stage, night.firing.severity, night.firing.ack and night.firing.ack.raised) == (
        StageName.HOURS, Severity.CRITICAL, True,
    )  # fmt: skip
    say(4, "minutes")
    assert night.firing.stage is StageName.MINUTES
    assert [(second, what) for second, _, what, _ in night.told] == [(0.0, "firing"), (2.0, "raised")]
    assert [record.name for record in night.firing.stages if record.state.burning] == [StageName.MINUTES]


def test_routes_groups_and_inhibition_see_it_as_any_other() -> None:
    crisis = Route("route.0", "desk", parse_matchers("severity=page"), ("site",), wait=0, interval=1_000)
    root = Route("route", "log", wait=0, interval=1_000, routes=(crisis,))
    inhibition = Inhibition("site", parse_matchers("alertname=site-down"), parse_matchers("rule=own"), ("site",))
    night = score(Policy(root, inhibitions=(inhibition,)))
    post(night, 0, alert("site-down", severity="page", site="a"), alert("b", severity="page", site="a"))
    night.push(2, 'm{site="a"}', 20)
    night.push(2, 'm{site="b"}', 20)
    night.run(4)
    assert night.told == [
        (0.0, "desk", "firing", "b"), (0.0, "desk", "firing", "site-down"), (2.0, "log", "firing", "own"),
    ]  # fmt: skip


def test_an_alert_with_the_name_of_a_rule_of_ours_is_not_of_that_rule() -> None:
    night = Score(RULES.replace("seconds.above", "seconds.notify = []\nseconds.above"), reactions())
    night.push(0, "m", 20)
    post(night, 1, alert("own"))
    night.run(60)
    assert [(receiver, what) for _, receiver, what, _ in night.told] == [("log", "firing")]
    assert [view.firing for view in rule_views(night.pipeline) if view.name == "own"] == [1]
    night.reload(61, "[rules.other]\nsignal = 'm'\nseconds.above = 10\n")
    night.run(200)
    assert [firing.open for firing in night.firings if firing.origin] == [True]
    flags = [firing_view(night.pipeline, firing, START + 200_000).flags for firing in night.firings if firing.open]
    assert flags == [[], []]


def test_a_gap_gives_every_sender_the_resolve_timeout_again() -> None:
    night = score(resolve_timeout=30_000)
    post(night, 0, alert(), alert("long", ends=500))
    night.send(1, TimeGap(START + 300_000, "suspend"))
    night.run(329.9)
    assert [firing.open for firing in night.firings] == [True, True]
    night.run(330)
    assert [firing.open for firing in night.firings if firing.rule == "down"] == [False]
    night.run(500)
    assert [firing.resolved_at for firing in night.firings if firing.rule == "long"] == [START + 500_000]


def test_what_is_posted_again_after_a_gap_ends_as_its_sender_says() -> None:
    night = score()
    post(night, 0, alert(starts=0, ends=4))
    night.send(1, TimeGap(START + 50_000, "suspend"))
    post(night, 51, alert(starts=0, ends=55))
    night.run(55)
    assert night.firing.resolved_at == START + 55_000


def test_a_wall_clock_that_is_set_moves_the_end_of_what_is_people_s_time() -> None:
    night = score()
    post(night, 0, alert(ends=10))
    night.send(1, WallClock(-5_000))
    night.run(14)
    assert night.firing.open
    night.run(15)
    assert not night.firing.open


def test_what_there_is_no_room_for_is_refused_and_counted_and_the_rest_taken() -> None:
    night = score(most=2)
    effects = post(night, 0, *(alert(str(number)) for number in range(4)))
    assert [effect for effect in effects if isinstance(effect, Answered)] == [
        Answered(1, 400, error="limits.external_alerts: no room for 2 of 4 alerts")
    ]
    counts = {what: count for (kind, what), count in night.pipeline.counts.items() if kind == "alerts"}
    assert counts == {"firing": 4, "refused": 2}
    assert {firing.rule for firing in night.firings} == {"0", "1"}
    assert isinstance(post(night, 1, alert("0"))[-1], Answered)  # what is known goes on
    post(night, 2, alert("0", starts=0, ends=2))
    post(night, 3, alert("2"))
    assert {firing.rule for firing in night.firings if firing.open} == {"1", "2"}


def test_somebody_takes_it_as_any_other_and_it_is_forgotten_in_the_end() -> None:
    night = score()
    post(night, 0, alert(ends=100))
    assert night.ack(1, night.firing.id).status == 200
    post(night, 2, replace(alert(starts=0, ends=100), annotations=(("summary", "again"),)))
    assert night.firing.ack is not None
    night.run(101)
    view = pictures.firing_view(night.firing)
    assert view.origin is not None
    assert (view.origin.sender, view.origin.annotations) == ("prom", {"summary": "again"})
    night.run(3_800)
    assert night.firings == []


def after_a_restart(night: Score, second: float, until: float) -> Pipeline:
    """Another process, from what the first one saved last."""
    saved: dict[str, Firing] = {effect.firing.id: effect.firing for effect in night.of(FiringSaved)}
    at = START + round(second * 1000)
    pipeline = Pipeline(SeriesTable(), at)
    pipeline.step([night.pipeline.reactor.reactions, WallClock(0), RulesLoaded(rule_set(RULES))], at)
    pipeline.step([Restored(firings=tuple(saved.values()))], at)
    pipeline.step([TimeGap(START + round(until * 1000), "restart")], at)
    return pipeline


def test_after_a_restart_nothing_is_over_that_may_yet_be_posted_and_ends_far_ahead_are_known() -> None:
    night = score(resolve_timeout=30_000)
    post(night, 0, alert(starts=0, ends=20), alert("far", ends=60))
    post(night, 10, alert(starts=0, ends=40), alert("far", ends=600))
    pipeline = after_a_restart(night, 12, until=50)
    for second, names in [(79.9, {"down", "far"}), (80, {"far"}), (599, {"far"}), (600, set())]:
        pipeline.step([], START + round(second * 1000))
        assert {firing.rule for firing in pipeline.firings() if firing.open} == names, second


def test_what_a_later_start_knows_merges_as_before() -> None:
    night = score(resolve_timeout=30_000)
    post(night, 0, alert(starts=0, ends=100))
    pipeline = after_a_restart(night, 10, until=11)
    pipeline.step([AlertsPosted(1, "prom", (alert(starts=5),))], START + 12_000)
    (firing,) = pipeline.firings()
    heard = pipeline.externals.origin(firing)
    assert heard is not None
    assert (heard.starts_at, heard.ends_at) == (START, START + 100_000)


def test_an_alert_without_a_name_is_one_all_the_same() -> None:
    night = score()
    post(night, 0, PostedAlert(labels_of({"site": "a"})))
    assert (night.firing.rule, night.firing.title, get(exposed(night.firing), "alertname")) == ("alert", "alert", "")
