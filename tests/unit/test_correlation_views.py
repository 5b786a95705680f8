"""What people are shown of correlations: who takes part, of what somebody is part, and rules beside them."""

from __future__ import annotations

from scenarios.score import START, Score
from scenarios.test_correlations import RULES, backlash, meeting

from rtmd import wire
from rtmd.model.reaction import Alert, Notification, NotifyReason, Told
from rtmd.pipeline.rule_views import rule_views
from rtmd.pipeline.views import firing_view
from rtmd.receivers.body import notification_body


def view(score: Score, rule: str = "backlash") -> wire.FiringView:
    found = next(firing for firing in score.firings if firing.rule == rule)
    return firing_view(score.pipeline, found, START + round(score.second * 1000), evidence=True)


def test_a_firing_of_a_correlation_names_who_takes_part_and_who_did() -> None:
    score = meeting()
    score.push(3, 'm{brand="acme",site="2"}', 50)
    score.push(10, 'm{brand="acme",site="1"}', 0)
    score.run(12)
    shown = view(score)
    assert [(each.rule, each.labels.get("site"), each.state) for each in shown.members] == [
        ("surge", "1", "resolved"),
        ("anger", None, "firing"),
        ("surge", "2", "firing"),
    ]
    assert (shown.value, shown.unit, shown.state, shown.flags) == (2.0, "firings", "firing", [])
    (stage,) = shown.stages
    assert stage.evidence is not None
    assert [clause.name for clause in stage.evidence.clauses] == ["all", "all", "none"]


def test_those_that_take_part_name_it() -> None:
    score = meeting()
    assert [each.rule for each in view(score, "anger").part_of] == ["backlash"]
    score.push(10, 'm{brand="acme",site="1"}', 0)
    score.run(12)
    assert view(score, "anger").part_of == []


def test_a_removed_one_is_shown_as_orphaned() -> None:
    score = meeting()
    score.reload(5, RULES[: RULES.index("[correlations")])
    assert view(score).flags == ["orphaned"]


def test_it_stands_among_the_rules_with_those_that_it_joins() -> None:
    shown = {each.name: each for each in rule_views(meeting().pipeline)}["backlash"]
    assert (shown.joins, shown.stages, shown.firing, shown.kind) == (["surge", "anger"], [], 1, "risk")


def test_messages_name_the_members_and_leave_out_what_nobody_judges() -> None:
    score = meeting()
    score.push(10, 'n{brand="acme"}', 0)
    score.run(12)
    (told,) = [line for line in score.told if line[2:] == ("resolved", "backlash")]
    assert told[1] == "crisis"
    alert = Alert(backlash(score), Told.RESOLVED, 2, "")
    message = Notification("k", "crisis", START, NotifyReason.ALL_RESOLVED, (alert,))
    body = notification_body(message).decode()
    assert '"members":[{"id":' in body
    assert "not confirmed" not in body
