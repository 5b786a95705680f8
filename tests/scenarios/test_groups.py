"""Routes, groups and their pace (semantics S6, S8)."""

from scenarios.score import START, Score

from rtmd.config.policy import load_policy
from rtmd.errors import Located
from rtmd.model.effects import Notify
from rtmd.model.inputs import ReactionsLoaded, TimeGap
from rtmd.model.policy import Policy
from rtmd.model.reaction import Notification
from rtmd.rulefile.document import read_document
from rtmd.rulefile.table import Table

RECEIVERS = frozenset({"log", "desk", "lead", "pager"})
SECONDS = """
[rules.hot]
signal = 'm'
reopen = '0s'
[rules.hot.seconds]
above = 10
"""
MINUTES = SECONDS.replace("seconds", "minutes")
BOTH = SECONDS + "notify = ['desk']\n[rules.hot.minutes]\nabove = 10\nnotify = ['lead']\n"


def policy(text: str) -> Policy:
    """The policy of a configuration; every problem fails the test."""
    problems: list[Located] = []
    found = load_policy(Table.root(read_document(text, file="rtmd.toml"), problems), RECEIVERS)
    assert not problems, problems
    return found


def reactions(text: str = "") -> ReactionsLoaded:
    return ReactionsLoaded(RECEIVERS, policy=policy(text))


def messages(score: Score) -> list[Notification]:
    return [effect.notification for effect in score.of(Notify)]


def told(score: Score) -> list[tuple[float, str, list[str]]]:
    """Each message: when, to whom, and what of which host."""
    return [
        (
            (message.at - START) / 1000,
            message.receiver,
            [f"{alert.told} {dict(alert.firing.labels).get('host', '')}".strip() for alert in message.alerts],
        )
        for message in messages(score)
    ]


# -- the pace of a group


def test_what_fires_within_the_wait_is_told_in_one_message() -> None:
    score = Score(MINUTES)
    score.feed('m{host="a"}', [11] * 3, start=1)
    score.feed('m{host="b"}', [11] * 30, start=11)
    # a fires at 5, and the group of the minutes gathers for 15 s.
    assert told(score) == [(20.0, "log", ["firing a", "firing b"])]
    assert messages(score)[0].group == (("rule", "hot"),)


def test_a_busy_group_speaks_once_an_interval_and_a_quiet_one_at_once() -> None:
    score = Score(SECONDS)
    for second, host in [(1, "a"), (2, "b"), (3, "c"), (20, "d")]:
        score.push(second + 0.25, f'm{{host="{host}"}}', 11)
    score.run(30)
    assert told(score) == [
        (1.25, "log", ["firing a"]),
        (6.25, "log", ["firing b", "firing c"]),
        (20.25, "log", ["firing d"]),
    ]
    assert [str(message.reason) for message in messages(score)] == ["first firing", "new firing", "new firing"]
    assert [len(message.standing) for message in messages(score)] == [0, 1, 3]


def test_resolved_before_the_first_message_is_never_told() -> None:
    score = Score(MINUTES)
    score.feed("m", [11] * 4 + [5] * 40, start=1)
    assert not score.firing.open
    assert told(score) == []


def test_the_last_to_resolve_closes_the_group() -> None:
    score = Score(SECONDS)
    score.push(1.1, 'm{host="a"}', 11)
    score.push(1.2, 'm{host="b"}', 11)
    score.push(10.1, 'm{host="a"}', 5)
    score.push(20.1, 'm{host="b"}', 5)
    score.run(40)
    reasons = [(what, str(message.reason)) for (_, _, what), message in zip(told(score), messages(score), strict=True)]
    assert reasons[-2:] == [(["resolved a"], "some resolved"), (["resolved b"], "all resolved")]
    assert [message.resolved for message in messages(score)] == [False, False, False, True]
    assert list(score.pipeline.reactor.dispatch.groups) == []


def test_what_stands_is_repeated_until_somebody_has_it() -> None:
    score = Score(SECONDS)
    score.push(1.0, "m", 11)
    score.feed("m", [11] * 40, start=2, every=60)
    assert [(second, what) for second, _, what in told(score)] == [
        (1.0, ["firing"]),
        (901.0, ["still firing"]),
        (1801.0, ["still firing"]),
    ]
    assert [str(message.reason) for message in messages(score)][1:] == ["repeat", "repeat"]
    score.ack(2410, score.firing.id)  # for 15 minutes
    score.feed("m", [11] * 40, start=2411, every=60)
    # The third is not due before the ack ends; then it is announced again.
    assert [second for second, _, _ in told(score)][3:] == [3310.0, 4210.0]


def test_pace_and_grouping_are_what_the_route_says() -> None:
    text = """
    [route]
    receiver = "desk"
    group_by = ["host"]
    group_wait = "3s"
    group_interval = "10s"
    repeat_interval = "1m"
    """
    score = Score(SECONDS, reactions(text))
    for second, host, shop in [(1, "a", "x"), (2, "a", "y"), (2.5, "b", "x"), (5, "a", "z")]:
        score.push(second, f'm{{host="{host}",shop="{shop}"}}', 11)
    score.run(60)
    assert told(score) == [
        (4.0, "desk", ["firing a", "firing a"]),
        (5.5, "desk", ["firing b"]),
        (14.0, "desk", ["firing a"]),
    ]


# -- rising and resolving


def test_a_rise_leaves_the_lower_group_without_a_word_and_everyone_hears_the_end() -> None:
    score = Score(BOTH)
    score.feed("m", [11] * 30 + [5] * 160, start=1)
    assert told(score) == [
        (1.1, "desk", ["firing"]),
        (20.0, "lead", ["firing"]),
        (35.0, "desk", ["resolved"]),
        (140.0, "lead", ["resolved"]),
    ]


def test_a_receiver_of_both_stages_hears_that_it_rose() -> None:
    score = Score(BOTH.replace("'lead'", "'desk'"))
    score.feed("m", [11] * 30, start=1)
    assert told(score) == [(1.1, "desk", ["firing"]), (20.0, "desk", ["raised"])]
    assert [alert.seq for message in messages(score) for alert in message.alerts] == [1, 2]


def test_the_end_is_told_within_half_an_hour_however_long_the_interval_is() -> None:
    score = Score(SECONDS, reactions('[route]\ngroup_interval = "4h"\nrepeat_interval = "8h"'))
    score.push(1, "m", 11)
    score.push(10, "m", 5)
    score.run(4 * 3600)
    assert told(score) == [(1.0, "log", ["firing"]), (11.0 + 1800, "log", ["resolved"])]


# -- the tree


TREE = """
[route]
receiver = "log"
[[route.routes]]
match = ['shop="x"']
receiver = "desk"
continue = true
[[route.routes]]
match = ['stage="seconds"']
receiver = "lead"
[[route.routes.routes]]
match = ['host=~"b.*"']
receiver = "pager"
[[route.routes]]
match = ['host="a"']
receiver = "desk"
"""


def test_the_first_route_that_matches_takes_it_and_continue_asks_on() -> None:
    score = Score(SECONDS, reactions(TREE))
    score.push(1, 'm{host="a",shop="x"}', 11)
    score.push(2, 'm{host="b1"}', 11)
    score.push(3, 'm{host="c"}', 11)
    score.run(20)
    assert told(score) == [
        (1.0, "desk", ["firing a"]),
        (1.0, "lead", ["firing a"]),
        (2.0, "pager", ["firing b1"]),
        (6.0, "lead", ["firing c"]),
    ]


def test_a_stage_may_name_the_tree_beside_its_receivers() -> None:
    score = Score(SECONDS + "notify = ['pager', '@route']", reactions('[route]\nreceiver = "desk"'))
    score.push(1, "m", 11)
    assert {receiver for _, receiver, _ in told(score)} == {"pager", "desk"}


# -- another configuration, a restart


def test_another_tree_tells_only_those_who_do_not_know() -> None:
    score = Score(SECONDS, reactions('[route]\nreceiver = "desk"'))
    score.push(1, "m", 11)
    score.send(2, reactions('[route]\nreceiver = "desk"\ngroup_by = ["host"]'))
    score.run(20)
    assert told(score) == [(1.0, "desk", ["firing"])]
    score.send(21, reactions('[route]\nreceiver = "lead"'))
    score.run(30)
    assert told(score)[1:] == [(21.0, "lead", ["firing"])]
    score.push(40, "m", 5)
    score.run(50)
    assert sorted(told(score)[2:]) == [(41.0, "desk", ["resolved"]), (41.0, "lead", ["resolved"])]


def test_time_that_nobody_watched_repeats_nothing() -> None:
    score = Score(SECONDS)
    score.push(1.0, "m", 11)
    score.send(2, TimeGap(START + 3_600_000, "suspend"))
    score.push(3601, "m", 11)
    score.run(3700)
    assert told(score) == [(1.0, "log", ["firing"])]
