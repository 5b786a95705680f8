"""How silences end, who hears of it, and what nobody remembers (semantics S4, S5)."""

from __future__ import annotations

from scenarios.restart import restarted
from scenarios.score import START, Score
from scenarios.test_groups import reactions

from rtmd.model.effects import Journaled, Notify, SilenceSaved
from rtmd.model.firing import Firing
from rtmd.model.inputs import TimeGap, WallClock
from rtmd.model.silence import Lift
from rtmd.pipeline.silence_views import endings, silence_views
from rtmd.pipeline.silencing import Silencing

HOT = """
[rules.hot]
signal = 'm'
reopen = '0s'
[rules.hot.seconds]
above = 10
"""
RISES = HOT + "[rules.hot.minutes]\nabove = 10\nfor = '10s'\n"
HOUR = 3600


def told(score: Score) -> list[tuple[float, str]]:
    return [(second, what) for second, _, what, _ in score.told]


def reasons(score: Score) -> list[str]:
    return [alert.reason for each in score.of(Notify) for alert in each.notification.alerts]


# -- lift = "resolved" (S4)


def test_many_that_resolve_at_once_are_not_looked_through_for_each_of_them() -> None:
    score = Score(HOT)
    looks = []

    def firings() -> list[Firing]:
        looks.append(score.second)
        return score.pipeline.firings()

    score.pipeline.silencing = Silencing(score.pipeline.reactor.dispatch, firings, score.pipeline.firing)
    many = [f'm{{a="{number:03}"}}' for number in range(200)]
    score.push_all(1, [(series, 11) for series in many])
    silence = score.silence(2, 'rule="hot"', HOUR, lift=Lift.RESOLVED, confirmed=True).id
    looks.clear()
    score.push_all(3, [(series, 5) for series in many])
    score.run(5)
    assert score.look(silence).state == "expired"
    assert len(looks) < 10


def test_until_resolved_it_ends_with_the_last_firing_that_it_matched() -> None:
    score = Score(HOT)
    for series in ('m{a="1"}', 'm{a="2"}'):
        score.push(1, series, 11)
    silence = score.silence(2, 'rule="hot"', HOUR, lift=Lift.RESOLVED).id
    score.push(10, 'm{a="1"}', 5)
    score.run(15)
    assert score.look(silence).state == "active"
    score.push(20, 'm{a="2"}', 5)
    score.run(25)
    assert score.look(silence).state == "expired"
    assert any("lifted: all that it matched has resolved" in line.text for line in score.of(Journaled))
    score.push(30, 'm{a="1"}', 11)
    assert told(score)[-1] == (30.0, "firing")


def test_until_resolved_it_waits_for_something_to_match_and_never_longer_than_its_cap() -> None:
    score = Score(HOT)
    silence = score.silence(1, 'rule="hot"', 60, lift=Lift.RESOLVED).id
    score.push(10, "m", 5)
    assert score.look(silence).state == "active"
    score.push(20, "m", 11)
    score.run(80)
    assert score.look(silence).state == "expired"
    assert told(score) == [(66.001, "still firing")]


def test_what_rose_out_of_a_silence_until_resolved_keeps_it_for_when_it_falls_back() -> None:
    score = Score(RISES)
    score.push(1, "m", 11)
    silence = score.silence(2, 'rule="hot", stage="seconds"', HOUR, lift=Lift.RESOLVED).id
    score.feed("m", [11] * 30, start=3)
    assert score.look(silence).state == "active"
    score.feed("m", [5] * 20, start=40)
    assert score.look(silence).state == "expired"


def test_until_resolved_survives_a_restart() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    silence = score.silence(2, 'rule="hot"', HOUR, lift=Lift.RESOLVED).id
    again = restarted(score, HOT)
    again.push(5, "m", 5)
    again.run(7)
    assert again.look(silence).state == "expired"


# -- the end is announced once (S4), and what goes on after it (S5)


def test_who_knows_of_a_firing_hears_before_its_silence_ends_and_not_again_after() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    score.silence(2, 'rule="hot"', HOUR)
    score.feed("m", [11] * 61, start=3, every=60)
    assert told(score) == [(1.0, "firing"), (2 + HOUR * 0.9, "still firing")]
    assert reasons(score)[1] == "still firing; the silence by ana ends at 17:00 UTC"
    (message,) = [each.notification for each in score.of(Notify)][1:]
    assert message.reason == "silence ends"


def test_a_short_silence_is_announced_half_a_minute_before_its_end() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    score.silence(2, 'rule="hot"', 60)
    score.feed("m", [11] * 70, start=3)
    assert told(score) == [(1.0, "firing"), (32.0, "still firing")]


def test_who_does_not_know_of_it_hears_only_after_the_end() -> None:
    score = Score(HOT)
    score.silence(0.5, 'rule="hot"', 60)
    score.feed("m", [11] * 70, start=1)
    assert told(score) == [(65.501, "still firing")]
    assert reasons(score) == ["still firing, was silenced by ana until 16:01 UTC"]


def test_a_silence_that_somebody_ends_is_told_to_those_who_knew_as_well() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    silence = score.silence(2, 'rule="hot"', HOUR).id
    score.expire(10, silence)
    score.feed("m", [11] * 10, start=11)
    assert told(score) == [(1.0, "firing"), (15.0, "still firing")]


def test_what_ends_within_the_echo_is_resolved_and_nothing_else() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    silence = score.silence(2, 'rule="hot"', HOUR).id
    score.expire(10, silence)
    score.feed("m", [5] * 20, start=11)
    assert [what for _, what in told(score)] == ["firing", "resolved"]


def test_what_another_silence_goes_on_hiding_is_not_announced() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    score.silence(2, 'rule="hot"', 60)
    score.silence(3, 'rule="hot"', 600, by="bo")
    score.feed("m", [11] * 100, start=4)
    assert told(score) == [(1.0, "firing")]


def test_what_somebody_has_is_not_announced() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    score.silence(2, 'rule="hot"', 60)
    score.ack(3, score.firing.id)
    score.feed("m", [11] * 100, start=4)
    assert told(score) == [(1.0, "firing")]


def test_an_end_that_is_moved_is_announced_again() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    silence = score.silence(2, 'rule="hot"', 60).id
    score.feed("m", [11] * 38, start=3)
    score.silence(42, 'rule="hot"', 60, id=silence)
    score.feed("m", [11] * 70, start=43)
    assert [second for second, _ in told(score)] == [1.0, 32.0, 72.0]


def test_a_silence_that_ended_while_nobody_watched_is_made_up_for() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    score.silence(2, 'rule="hot"', 60)
    score.send(10, TimeGap(START + 300_000, "suspend"))
    score.feed("m", [11] * 20, start=301)
    assert [what for _, what in told(score)] == ["firing", "still firing"]


def test_a_silence_that_ends_is_announced_after_a_restart_too_and_once() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    score.silence(2, 'rule="hot"', 60)
    again = restarted(score, HOT)
    again.feed("m", [11] * 35, start=3)
    assert told(again) == [(32.0, "still firing")]
    once_more = restarted(again, HOT)
    assert told(once_more) == []


def test_an_end_that_is_near_is_shown_while_something_under_it_fires() -> None:
    score = Score(HOT)
    silence = score.silence(0.5, 'rule="hot"', 100).id
    score.run(80)
    assert not score.look(silence).ending
    score.push(81, "m", 11)
    assert score.look(silence).ending
    (line,) = endings(score.pipeline, START + 82_000)
    assert line == f'silence {silence} of ana on rule="hot" ends in 18s: 1 firing still burns'


# -- Alertmanager's two traps (S5): a resolved that is swallowed, and a silence that ends in silence


def test_trap_one_what_resolves_under_a_silence_is_told_to_whoever_was_told_that_it_fires() -> None:
    score = Score(HOT)
    score.push(1, "m", 11)
    score.silence(2, 'rule="hot"', HOUR)
    score.push(10, "m", 5)
    score.run(20)
    assert [what for _, what in told(score)] == ["firing", "resolved"]


def test_trap_one_may_be_asked_for_and_then_nobody_hears_of_it_later_either() -> None:
    score = Score(HOT, reactions("[route]\nresolved_through_silence = false"))
    score.push(1, "m", 11)
    silence = score.silence(2, 'rule="hot"', HOUR).id
    score.push(10, "m", 5)
    score.expire(20, silence)
    score.run(HOUR)
    assert [what for _, what in told(score)] == ["firing"]


def test_trap_two_what_goes_on_after_a_silence_is_told_though_its_repetition_is_hours_away() -> None:
    score = Score(RISES)
    score.push(1, "m", 11)
    score.feed("m", [11] * 60, start=2)
    silence = score.silence(70, 'rule="hot"', HOUR).id
    score.expire(80, silence)
    score.feed("m", [11] * 20, start=81)
    assert told(score)[-1] == (85.0, "still firing")


INHIBITS = """
[[inhibit]]
name = "down"
source = ['rule="site-down"']
target = ['rule="hot"']
"""
SITE = HOT + "[rules.site-down]\nsignal = 'up'\n[rules.site-down.seconds]\nbelow = 1\n"


def test_after_a_restart_what_is_inhibited_is_not_told_before_its_source_is_known_again() -> None:
    score = Score(SITE, reactions(INHIBITS))
    score.push(1, "up", 0)
    score.push(2, "m", 11)
    again = restarted(score, SITE, reactions(INHIBITS))
    again.send(3, TimeGap(START + 30_000, "restart"))
    again.push(31, "m", 11)  # the target is fed first
    again.push(33, "up", 0)
    again.run(60)
    assert told(again) == []


# -- what each silence shows, and which ones are forgotten (S4)


def test_a_silence_counts_the_messages_that_it_withheld() -> None:
    score = Score(HOT)
    silence = score.silence(0.5, 'rule="hot"', HOUR).id
    for number in range(3):
        score.push(1 + number, f'm{{a="{number}"}}', 11)
    score.run(20)
    view = score.look(silence)
    assert (view.matches_now, view.suppressed, view.lift) == (3, 3, "end")
    assert restarted(score, HOT).look(silence).suppressed == 3


def test_silences_that_nobody_remembers_are_known_by_why() -> None:
    score = Score(HOT)
    day = 86_400_000
    idle = score.silence(1, 'rule="cold"', 20 * 86_400, confirmed=True).id
    score.send(2, WallClock(day - 1_001))  # people's time moves on; the engine's need not
    assert score.look(idle).forgotten == []
    score.send(3, WallClock(day))
    assert score.look(idle).forgotten == ["has matched nothing for 24h00"]
    score.send(4, WallClock(8 * day))
    assert score.look(idle).forgotten == ["has matched nothing for 8d", "has lasted 8d"]
    score.expire(5, idle)
    assert score.look(idle).forgotten == []


def test_one_that_hides_something_critical_at_hours_counts_as_forgotten_from_its_first_minute() -> None:
    score = Score("[rules.hot]\nsignal = 'm'\n[rules.hot.hours]\nabove = 10\nfor = '0s'\nevery = '1s'\n")
    score.push(1, "m", 11)
    silence = score.silence(5, 'rule="hot"', HOUR, confirmed=True).id
    assert score.look(silence).forgotten == ["hides 1 critical at hours"]
    assert [view.id for view in silence_views(score.pipeline, START + 6_000) if view.forgotten] == [silence]


def test_what_became_of_a_silence_is_no_change_by_a_person() -> None:
    score = Score(HOT)
    silence = score.silence(0.5, 'rule="hot"', 60).id
    score.feed("m", [11] * 70, start=1)
    assert score.look(silence).version == 1
    assert len([each for each in score.of(SilenceSaved) if each.silence.id == silence]) <= 4
