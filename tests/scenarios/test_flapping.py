"""What comes and goes (semantics S9): told once, quiet while it lasts, told once when it is over."""

from scenarios.restart import restarted
from scenarios.score import START, Score
from scenarios.test_groups import reactions
from scenarios.test_muting import INHIBIT, RULES

from rtmd.model.action import Action
from rtmd.model.effects import InstanceDropped, Journaled, LedgerSaved
from rtmd.model.inputs import ReactionsLoaded, TimeGap
from rtmd.model.reaction import Told

# Slots of 6 s; 20 windows are 10 minutes.
RULE = """
[rules.surge]
signal = 'avg_over_time(m[$window])'
reopen = '0s'
coverage = 0
[rules.surge.seconds]
window = "30s"
above = 10
"""
SHORT = RULE.replace('"30s"', '"1s"')  # slots of 1 s, 20 windows are 20 s
QUICK = [0, 20]


def hammer(score: Score, seconds: int, *, every: int = 2, series: str = "m") -> None:
    """The value goes up and down, once in `every` seconds."""
    start = int(score.second) + 1
    for second in range(start, start + seconds):
        score.push(second + 0.5, series, QUICK[second // every % 2])


def spoken(score: Score) -> list[tuple[str, str]]:
    return [(what, rule) for _, _, what, rule in score.told]


def test_what_fires_the_fourth_time_within_twenty_windows_flaps_and_is_told_once() -> None:
    score = Score(SHORT, ReactionsLoaded(frozenset({"log"})))
    hammer(score, 60)
    assert [what for what, _ in spoken(score)].count("flapping") == 1
    assert spoken(score)[-1] == ("flapping", "surge")
    assert score.firings[-1].flaps
    assert score.firings[-1].episodes > 4


def test_when_it_is_over_that_it_resolved_is_told_once() -> None:
    score = Score(SHORT, ReactionsLoaded(frozenset({"log"})))
    hammer(score, 60)
    before = len(score.told)
    score.push(61.5, "m", 0)
    score.run(200)
    assert [(what) for what, _ in spoken(score)[before:]] == ["resolved"]
    assert "fired" in next(line.text for line in reversed(score.of(Journaled)) if line.kind == "told")
    assert not score.firings[-1].flaps


def test_when_it_is_over_and_fires_on_that_is_told_once() -> None:
    score = Score(SHORT, ReactionsLoaded(frozenset({"log"})))
    hammer(score, 60)
    before = len(score.told)
    for second in range(62, 120):
        score.push(second, "m", 20)
    assert [what for what, _ in spoken(score)[before:]] == ["still firing"]
    assert "still firing, was flapping" in next(
        line.text for line in reversed(score.of(Journaled)) if line.kind == "told"
    )


def test_states_that_change_from_slot_to_slot_flap_however_long_the_window() -> None:
    rule = RULE.replace('"30s"', '"1s"\nevery = "1s"') + '[rules.surge.minutes]\nwindow = "10m"\nabove = 1000\n'
    score = Score(rule, ReactionsLoaded(frozenset({"log"})))  # slots of 30 s; 20 windows are 20 s
    for second in range(400):
        score.push(second + 0.5, "m", QUICK[(second + 15) // 30 % 2])
    assert [line.text for line in score.of(Journaled) if line.kind == "flapping"] == [
        "seconds: flapping, 36 % of its states changed"
    ]
    assert spoken(score)[-1][0] == "flapping"


def test_what_flaps_runs_nothing_and_says_that_it_would_have() -> None:
    policy = reactions("").policy
    hold = ReactionsLoaded(frozenset({"log"}), {"hold": Action("hold", undo=("release",))}, policy)
    score = Score(f'{SHORT}run = ["hold"]', hold)
    hammer(score, 60)
    assert [undo for _, _, undo in score.runs].count(False) == 3
    last = [line for line in score.of(Journaled) if line.kind == "action"][-1]
    assert last.text == "would have run hold: flapping"


def test_a_flapping_firing_is_shown_as_such() -> None:
    score = Score(SHORT.replace("'0s'", "'1h'"), ReactionsLoaded(frozenset({"log"})))
    hammer(score, 40)
    assert "flapping" in score.flags()


def test_a_rise_breaks_through_what_flaps_below_it() -> None:
    rule = SHORT + '[rules.surge.minutes]\nwindow = "1m"\nrecent = "off"\nabove = 15\n'
    score = Score(rule, ReactionsLoaded(frozenset({"log"})))
    hammer(score, 40)
    for second in range(42, 120):
        score.push(second, "m", 20)
    assert ("raised", "surge") in spoken(score)


def test_flapping_may_be_off() -> None:
    score = Score(f'{SHORT}flapping = "off"', ReactionsLoaded(frozenset({"log"})))
    hammer(score, 60)
    assert {what for what, _ in spoken(score)} == {"firing", "resolved"}


def test_a_silence_keeps_quiet_that_it_flaps_until_it_ends() -> None:
    score = Score(SHORT, ReactionsLoaded(frozenset({"log"})))
    score.silence(0.2, 'rule="surge"', 60)
    hammer(score, 59)
    assert score.told == []
    hammer(score, 30)
    assert [what for what, _ in spoken(score)] == ["flapping"]


def test_what_was_never_told_is_not_told_when_it_calms() -> None:
    score = Score(SHORT, ReactionsLoaded(frozenset({"log"})))
    score.silence(0.2, 'rule="surge"', 3_000)
    hammer(score, 60)
    score.run(600)
    assert score.told == []
    assert all(each.entry.told in (Told.WITHHELD, Told.RESOLVED) for each in score.of(LedgerSaved))


def test_a_flapping_dependency_is_told_once_and_lets_nothing_through() -> None:
    score = Score(RULES, reactions(INHIBIT))
    score.push(1, 'up{site="a"}', 0)
    score.push(2, 'ms{site="a"}', 20)
    for second in range(10, 400, 20):
        score.push(second, 'up{site="a"}', 1)
        score.push(second + 10, 'up{site="a"}', 0)
    assert {rule for _, rule in spoken(score)} == {"site-down"}
    assert [what for what, _ in spoken(score)].count("flapping") == 1
    assert spoken(score)[-1][0] == "flapping"


def test_a_changed_window_begins_anew_and_a_removed_rule_is_told() -> None:
    score = Score(SHORT, ReactionsLoaded(frozenset({"log"})))
    hammer(score, 40)
    score.reload(42, SHORT.replace('"1s"', '"2s"'))
    assert not score.firings[-1].flaps
    score = Score(SHORT, ReactionsLoaded(frozenset({"log"})))
    hammer(score, 40)
    score.reload(42, "")
    score.run(200)
    assert spoken(score)[-1] == ("resolved", "surge")


def test_a_gap_in_which_nobody_watched_is_no_calm() -> None:
    score = Score(SHORT, ReactionsLoaded(frozenset({"log"})))
    hammer(score, 40)
    score.send(score.second, TimeGap(START + 600_000, "test"))
    score.run(601)
    assert score.firings[-1].flaps
    score.run(660)
    assert not score.firings[-1].flaps


def test_a_ring_that_says_nothing_more_is_forgotten() -> None:
    score = Score(SHORT, ReactionsLoaded(frozenset({"log"})))
    hammer(score, 4)
    score.push(6, "m", 0)
    score.run(60)
    assert isinstance([each for each in score.effects if "Instance" in type(each[1]).__name__][-1][1], InstanceDropped)
    assert not score.pipeline.engine.episodes.flapping.of(("surge", ()))


def test_every_receiver_that_heard_of_it_hears_of_its_end() -> None:
    score = Score(
        f'{SHORT}notify = ["desk", "lead"]', reactions("[receivers.desk]\nkind = 'log'\n[receivers.lead]\nkind = 'log'")
    )
    hammer(score, 60)
    score.run(300)
    for receiver in ("desk", "lead"):
        assert [what for _, to, what, _ in score.told if to == receiver][-2:] == ["flapping", "resolved"]


def test_a_restart_forgets_nothing_of_it() -> None:
    score = Score(SHORT, ReactionsLoaded(frozenset({"log"})))
    hammer(score, 60)
    again = restarted(score, SHORT)
    for each in (score, again):
        each.effects.clear()
        hammer(each, 20)
        each.run(300)
        assert [(second > 81, what) for second, _, what, _ in each.told] == [(True, "resolved")]
