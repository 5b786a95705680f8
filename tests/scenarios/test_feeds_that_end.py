"""Series that nobody feeds any more: the pod was replaced, or the feed died (semantics S3)."""

from __future__ import annotations

from scenarios.restart import restarted
from scenarios.score import START, Score

from rtmd.formats.batch import STALE
from rtmd.model.firing import Outcome
from rtmd.model.inputs import TimeGap
from rtmd.pipeline import Samples

HOT = "[rules.hot]\nsignal = 'm'\n[rules.hot.seconds]\nabove = 10\n"
STALE_MARKER = float(STALE)
KEPT = HOT.replace("signal", "no_data_limit = '24h'\nsignal")


def post(score: Score, second: float, *samples: tuple[str, float]) -> None:
    score.send(second, Samples("test", score.batch(samples, second)))


def deliver(score: Score, since: float, until: float, *hosts: str) -> None:
    """Every half minute what these hosts ("a") post besides."""
    for step in range(int((until - since) // 30) + 1):
        for host in hosts or ("a",):
            post(score, since + step * 30 + 0.1, (f'm{{pod="lives",host="{host}"}}', 1.0))


def fired(rules: str = HOT) -> Score:
    """A pod of host a fires, and is ended at 60; host b has another."""
    score = Score(rules)
    post(score, 1, ('m{pod="lives",host="b"}', 1.0))
    post(score, 1, ('m{pod="hot"}', 11.0), ('m{pod="lives",host="a"}', 1.0))
    post(score, 59.5, ('m{pod="hot"}', STALE_MARKER), ('m{pod="lives",host="a"}', 1.0))
    return score


def ends(score: Score) -> list[float]:
    return [second for second, _, what, _ in score.told if what == "resolved"]


def test_what_left_a_source_that_goes_on_is_lost_after_a_quarter_of_an_hour_and_that_is_told() -> None:
    score = fired()
    deliver(score, 70, 2_000)
    # Unfed at 60, delivered without it at 70, seen with the minute.
    assert ends(score) == [120 + 900]
    assert (score.firing.reason, score.outcomes) == ("no data", [(1_020.0, "seconds", Outcome.LOST)])


def test_what_died_with_its_source_is_kept_whoever_else_posts_to_the_same_address() -> None:
    score = fired()
    deliver(score, 70, 2_000, "b")
    assert score.firing.open


def test_a_series_that_many_post_does_not_make_them_one() -> None:
    score = fired()
    for host in "abab":
        seen = [(f'm{{pod="{each}",host="{host}"}}', 1.0) for each in ("lives", "too")]
        post(score, score.second + 1, ('m{pod="both"}', 1.0), *seen)
    deliver(score, 70, 2_000, "b")
    assert score.firing.open


def test_a_source_that_died_soon_after_begins_anew_when_it_is_back() -> None:
    score = fired()
    deliver(score, 70, 300)
    score.run(5_000)
    assert score.firing.open
    deliver(score, 5_001, 7_000)
    assert ends(score) == [5_040 + 900]


def test_after_an_outage_a_source_has_a_quarter_of_an_hour_to_bring_it_back() -> None:
    score = fired()
    deliver(score, 3_605, 4_400)
    post(score, 4_430, ('m{pod="hot"}', 11.0))
    score.run(6_000)
    assert ends(score) == []


def test_a_scrape_that_fails_is_no_delivery() -> None:
    score = fired()
    for second in range(70, 2_000, 30):
        post(score, second, ("up", 0.0), ("scrape_duration_seconds", 10.0), ("scrape_samples_scraped", 0.0))
    assert score.firing.open


def test_a_stale_marker_is_no_delivery() -> None:
    score = fired()
    deliver(score, 70, 70)
    for second in range(90, 2_000, 30):
        post(score, second, ('m{pod="lives",host="a"}', STALE_MARKER))
    assert score.firing.open


def test_an_instance_of_several_sources_has_left_when_all_of_them_go_on_without_it() -> None:
    score = Score(HOT.replace("'m'", "'sum(m)'"))
    for host in "ab":
        post(score, 1, (f'm{{pod="hot",host="{host}"}}', 11.0), (f'n{{host="{host}"}}', 1))
        post(score, 59, (f'm{{pod="hot",host="{host}"}}', STALE_MARKER), (f'n{{host="{host}"}}', 1))
    for second in range(70, 4_000, 30):
        post(score, second, ('n{host="a"}', 1))
        if second > 2_000:
            post(score, second, ('n{host="b"}', 1))
    assert ends(score) == [2_040 + 900]


def test_a_limit_that_the_rule_names_goes_for_both() -> None:
    score = fired(KEPT)
    deliver(score, 70, 3_000)
    assert score.firing.open


def test_one_that_comes_back_in_time_has_not_left() -> None:
    score = fired()
    deliver(score, 70, 900)
    post(score, 930, ('m{pod="hot"}', 11.0))
    post(score, 959.5, ('m{pod="hot"}', STALE_MARKER))
    deliver(score, 970, 3_000)
    assert ends(score) == [1_020 + 900]


def test_a_restart_between_changes_nothing_of_when_it_is_lost() -> None:
    for cut in (20, 65, 75, 500, 1_019):
        score = fired() if cut > 60 else Score(HOT)
        if cut == 20:
            post(score, 1, ('m{pod="hot"}', 11.0), ('m{pod="lives",host="a"}', 1.0))
            score.run(cut)
            score = restarted(score, HOT)
            post(score, 59.5, ('m{pod="hot"}', STALE_MARKER), ('m{pod="lives",host="a"}', 1.0))
        elif cut > 70:
            deliver(score, 70, cut)
        if cut > 60:
            score.run(max(cut, score.second))
            score = restarted(score, HOT)
        deliver(score, max(70, score.second), 1_100)
        assert ends(score)[-1:] == [1_020], cut


def test_what_nobody_watched_is_no_part_of_the_quarter_of_an_hour() -> None:
    score = fired()
    deliver(score, 70, 500)
    score.send(501, TimeGap(START + 5_000_000, "test"))
    deliver(score, 5_010, 6_500)
    assert ends(score) == [5_520]
