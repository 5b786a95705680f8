"""Rules whose signals look at what is absent, at the past, at ranks and at steps."""

from scenarios.score import START, Score


def rule(signal: str, stage: str) -> str:
    return f"[rules.odd]\nsignal = '''{signal}'''\nno_data = 'resolve'\n[rules.odd.seconds]\n{stage}\n"


def told(score: Score) -> list[tuple[float, str]]:
    return [(message[0], message[2]) for message in score.told]


def test_an_absence_fires_once_the_rule_has_watched_long_enough_and_ends_with_the_first_sample() -> None:
    score = Score(rule("absent_over_time(m[$window])", "window = '10s'"))
    score.run(20)
    score.push(20.5, "m", 1)
    score.run(25)
    assert told(score) == [(6.0, "firing"), (21.0, "resolved")]


def test_a_series_is_held_against_its_own_past() -> None:
    score = Score(rule("m - m offset 10s", "above = 5"))
    score.feed("m", [1] * 15 + [9] * 15)
    score.run(30)
    assert told(score) == [(15.1, "firing"), (26.0, "resolved")]


def test_the_worst_of_a_group_fires_and_the_next_worst_takes_over() -> None:
    score = Score(rule("topk(1, m)", "above = 5"))
    for second, values in enumerate([(7, 6), (7, 6), (5, 6), (5, 6)], start=1):
        for name, value in zip("ab", values, strict=True):
            score.push(second + 0.5, f'm{{i="{name}"}}', value)
    score.run(7)
    # The second one of the rule is told with what became of the first, five seconds after the message before.
    assert told(score) == [(1.5, "firing"), (6.5, "resolved"), (6.5, "firing")]
    first, second = score.firings
    assert (second.fired_at - START, (first.resolved_at or 0) - START) == (3_500, 4_000)


def test_a_condition_that_held_at_most_steps_of_a_subquery_fires() -> None:
    score = Score(rule("avg_over_time((m > bool 5)[10s:1s])", "at_least = 0.5"))
    score.feed("m", [1] * 12 + [9] * 6 + [1] * 20)
    score.run(40)
    assert [kind for _, kind in told(score)] == ["firing", "resolved"]
