"""The event night comes true: brute force over its samples against the demo's own rules, seed by seed.

The first judge here is written from the semantics alone (Prometheus' rate with extrapolation, for, clear, keep,
coverage, grid), so that story and engine cannot be wrong together; the second is the pipeline itself.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rtmd.formats.batch import SeriesTable
from rtmd.model.action import Action
from rtmd.model.effects import RunAction
from rtmd.model.firing import Firing, Outcome, StageRecord
from rtmd.model.inputs import ActionDone, ReactionsLoaded, RulesLoaded
from rtmd.model.labels import Labels, get, labels_of
from rtmd.model.reaction import RunState
from rtmd.model.replace import replace
from rtmd.model.rule import GRID, Kind, Severity, StageName
from rtmd.pipeline import Pipeline, Samples
from rtmd.replay import card as cards
from rtmd.replay.story import LENGTH, PLAIN, TICK, TICKS, TOGETHER, Story, plain_alerts
from rtmd.rulefile import load_rules

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "rtmd/shipped/demo"
RULES = tomllib.loads((DEMO / "rules/event-night.toml").read_text())["rules"]
MS = {"s": 1_000, "m": 60_000}
Key = tuple[str, str]
# Positions of the start on the minute grid: the hours stage is judged at full minutes only.
OFFSETS = (0, 1, 7_300, 19_999, 31_250, 44_444, 59_999)


def ms(text: str) -> int:
    return int(float(text[:-1]) * MS[text[-1]])


class Told:
    """The whole story as counters, shape (ticks, series), with the series' labels."""

    def __init__(self, story: Story, table: SeriesTable) -> None:
        batches = list(story.until(story.ends))
        self.start = story.start
        self.values = np.vstack([batch.values for _, batch in batches])
        self.labels = [table.labels(int(series)) for series in batches[0][1].ids]

    def lanes(self, metric: str, **labels: str) -> list[int]:
        wanted = {"__name__": metric, **labels}
        return [lane for lane, of in enumerate(self.labels) if all(get(of, name) == v for name, v in wanted.items())]

    def increase(self, window: int, at: int) -> np.ndarray:
        """Prometheus' increase of every series over (at − window, at]."""
        last = min((at - self.start) // TICK, TICKS - 1)
        first = max(0, (at - window - self.start) // TICK + 1)
        if last <= first:
            return np.full(self.values.shape[1], np.nan)
        begin, end = self.start + first * TICK, self.start + last * TICK
        rise = self.values[last] - self.values[first]
        to_start = begin - (at - window)
        to_start = to_start if to_start < TICK * 1.1 else TICK / 2
        to_end = at - end if at - end < TICK * 1.1 else TICK / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            to_zero = np.where(rise > 0, (end - begin) * self.values[first] / rise, np.inf)
        return rise * (end - begin + np.minimum(to_start, to_zero) + to_end) / (end - begin)

    def signal(self, rule: str, window: int, at: int) -> dict[Key, float]:
        rises = self.increase(window, at)
        if rule == "negative-share":
            parts = {
                brand: (rises[self.lanes("replies_total", brand=brand)].sum(), rises[lane])
                for brand in ("biscuit", "fizz", "volt")
                for lane in self.lanes("replies_total", brand=brand, tone="neg")
            }
            return {(brand, ""): part / whole for brand, (whole, part) in parts.items() if whole >= 20}
        metric, only = ("mentions_total", {}) if rule == "mention-surge" else ("replies_total", {"tone": "neg"})
        lanes = self.lanes(metric, **only)
        return {
            (get(self.labels[lane], "brand"), get(self.labels[lane], "topic")): float(rises[lane]) / window * 1000
            for lane in lanes
        }


def judge(told: Told, rule: str, name: StageName, slack: float) -> dict[Key, list[tuple[int, int]]]:
    """The firings of one stage: per key (fired, ended) in ms since the start; still firing: ended = LENGTH."""
    stage = RULES[rule][name]
    window, grid = ms(stage["window"]), GRID[name]
    recent = ms(stage["recent"]) if "recent" in stage else window
    hold, keep = ms(stage.get("for", "0s")), ms(stage.get("keep", "0s"))
    above, clear = stage["above"] * slack, stage["clear"] * slack
    since: dict[Key, int] = {}
    false_since: dict[Key, int] = {}
    open_: dict[Key, int] = {}
    done: dict[Key, list[tuple[int, int]]] = {}
    for at in range(-(-told.start // grid) * grid, told.start + LENGTH, grid):
        if at - told.start < window / 2:  # coverage
            continue
        long, short = told.signal(rule, window, at), told.signal(rule, recent, at)
        for key in long.keys() | since.keys() | open_.keys():
            value = long.get(key, 0.0)
            holds = value > above and short.get(key, 0.0) > above
            if key in open_:
                if holds or value > clear:
                    false_since.pop(key, None)
                elif at - false_since.setdefault(key, at) >= keep:
                    done.setdefault(key, []).append((open_.pop(key), at - told.start))
            elif not holds:
                since.pop(key, None)
            elif at - since.setdefault(key, at) >= hold:
                open_[key] = at - told.start
                del since[key]
    for key, fired in open_.items():
        done.setdefault(key, []).append((fired, LENGTH))
    return done


def told_story(seed: int, start: int) -> tuple[Story, Told]:
    table = SeriesTable()
    return Story(seed, start, table), Told(Story(seed, start, table), table)


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize(("seed", "slack"), [(1, 1.0), (1, 0.93), (1, 1.07), (2, 1.0), (3, 1.0), (40, 1.0)])
def test_exactly_the_designed_stages_fire_in_time_for_their_outcomes(seed: int, offset: int, slack: float) -> None:
    _, told = told_story(seed, 1_800_000_000_000 + offset)
    seconds, minutes, hours = (judge(told, "mention-surge", name, slack) for name in StageName)

    # 1. The bots: within ten seconds, once, and the longer windows never agree: a false start.
    assert set(seconds) == {("fizz", "product"), ("biscuit", "blackout"), ("volt", "product")}
    ((fired, ended),) = seconds["fizz", "product"]
    assert 4_000 < fired < 9_500
    assert ended < 20_000

    # 2. The black-out: each stage fires before the one below it is judged: confirmed twice.
    ((noticed, _),) = seconds["biscuit", "blackout"]
    assert set(minutes) == {("biscuit", "blackout"), ("volt", "product")}
    assert set(hours) == {("biscuit", "blackout")}
    ((confirmed, _),) = minutes["biscuit", "blackout"]
    ((lasting, _),) = hours["biscuit", "blackout"]
    assert 28_000 < noticed < confirmed <= noticed + 35_000
    assert confirmed < lasting < confirmed + 90_000

    # 3. The joke: held at once, over before the minutes stage agrees, judged within the story: handled.
    assert set(judge(told, "reply-flood", StageName.MINUTES, slack)) == set()
    flood = judge(told, "reply-flood", StageName.SECONDS, slack)
    assert set(flood) == {("fizz", "")}
    ((fired, ended),) = flood["fizz", ""]
    assert 70_000 < fired < 76_000
    assert ended < 92_000

    # 4. The backlash: a risk at minutes, and resolved in time for the card.
    shares = judge(told, "negative-share", StageName.MINUTES, slack)
    assert set(shares) == {("volt", "")}
    ((fired, ended),) = shares["volt", ""]
    assert 100_000 < fired < 130_000
    assert ended < LENGTH

    # 5. The talk about the same brand: it surges before the backlash, and proposes a post only when the brake is on.
    ((noticed, _),) = seconds["volt", "product"]
    ((confirmed, over),) = minutes["volt", "product"]
    assert 103_000 < noticed < confirmed <= noticed + 35_000
    assert fired < confirmed
    assert over < LENGTH


@pytest.mark.parametrize("seed", range(8))
def test_a_plain_threshold_would_have_rung_many_times(seed: int) -> None:
    assert 15 <= plain_alerts(Story(seed, 0, SeriesTable()), LENGTH) <= 40


def test_the_plain_threshold_is_the_number_of_the_first_stage() -> None:
    surge, flood = RULES["mention-surge"]["seconds"]["above"], RULES["reply-flood"]["seconds"]["above"]
    assert {"mentions_total": surge, "replies_total": flood} == PLAIN


def test_the_same_seed_tells_the_same_bytes_however_it_is_asked() -> None:
    whole = [(at, batch.values.tobytes(), batch.exemplars) for at, batch in Story(3, 0, SeriesTable()).until(LENGTH)]
    story, pieces = Story(3, 0, SeriesTable()), []
    for at in (*range(0, LENGTH, 777), LENGTH):
        pieces += [(due, batch.values.tobytes(), batch.exemplars) for due, batch in story.until(at)]
    assert pieces == whole
    assert story.next_at is None
    other = next(Story(4, 0, SeriesTable()).until(0))[1]
    assert other.values.tobytes() != whole[0][1]


def test_counters_never_fall_and_batches_come_in_order() -> None:
    _, told = told_story(5, 12_345)
    assert (np.diff(told.values, axis=0) >= 0).all()
    times = [at for at, _ in Story(5, 12_345, SeriesTable()).until(12_345 + LENGTH)]
    assert times == list(range(12_345, 12_345 + LENGTH, TICK))


def test_evidence_shows_who_made_the_burst() -> None:
    table = SeriesTable()
    story = Story(1, 0, table)
    list(story.until(3_999))
    authors = {
        placed.exemplar.author
        for _, batch in story.until(8_000)
        for placed in batch.exemplars
        if {("brand", "fizz"), ("topic", "product")} <= set(table.labels(placed.series))
    }
    assert len(authors) == 3
    assert all(author.startswith("fizzfan_") for author in authors)


def played(start: int) -> dict[tuple[str, str], tuple[Outcome | None, ...]]:
    """The outcomes of the stages, by (rule, brand), when the pipeline plays the story with actions that succeed."""
    table = SeriesTable()
    story, pipeline = Story(1, start, table), Pipeline(table, start)
    loaded = load_rules({"event-night.toml": (DEMO / "rules/event-night.toml").read_bytes()})
    actions = {"hold-queue": Action("hold-queue", undo=("release",)), "draft-reply": Action("draft-reply")}
    reactions = ReactionsLoaded(receivers=frozenset({"log"}), actions=actions)
    pipeline.step([reactions, RulesLoaded(loaded.rules)], start)
    for at, batch in story.until(story.ends):
        for effect in pipeline.step([Samples("story", batch)], at).effects:
            if isinstance(effect, RunAction):
                state = RunState.UNDONE if effect.undo else RunState.DONE
                pipeline.step([ActionDone(effect.run.id, state)], at)
    return {
        (one.rule, get(one.labels, "brand")): tuple(record.outcome for record in one.stages)
        for one in pipeline.firings()
    }


@pytest.mark.parametrize("offset", [0, 44_444])
def test_the_pipeline_sees_the_night_as_it_was_designed(offset: int) -> None:
    outcomes = played(1_800_000_000_000 + offset)
    assert outcomes["mention-surge", "fizz"][0] is Outcome.FALSE_START
    assert outcomes["mention-surge", "biscuit"][:2] == (Outcome.CONFIRMED, Outcome.CONFIRMED)
    assert outcomes["reply-flood", "fizz"][0] is Outcome.HANDLED
    assert set(outcomes) == {
        ("mention-surge", "fizz"),
        ("mention-surge", "biscuit"),
        ("reply-flood", "fizz"),
        ("negative-share", "volt"),
        ("mention-surge", "volt"),
        (TOGETHER, "volt"),
    }


def firing(rule: str, labels: Labels, **stages: tuple[int, Outcome | None]) -> Firing:
    records = tuple(
        StageRecord(name=StageName(name), fired_at=fired, outcome=outcome) for name, (fired, outcome) in stages.items()
    )
    first = min(fired for fired, _ in stages.values())
    return Firing(
        id="f",
        version=1,
        rule=rule,
        labels=labels,
        kind=Kind.RISK,
        title="",
        severity=Severity.INFO,
        stage=records[-1].name,
        stages=records,
        active_at=first,
        fired_at=first,
    )


def night() -> tuple[Story, tuple[Firing, ...]]:
    """The story, and firings of it as far as they came: the bots, the black-out and the joke."""
    story = Story(1, 1_000, SeriesTable())
    bots = firing(
        "mention-surge", labels_of({"brand": "fizz", "topic": "product"}), seconds=(7_000, Outcome.FALSE_START)
    )
    dark = firing(
        "mention-surge",
        labels_of({"brand": "biscuit", "topic": "blackout"}),
        seconds=(33_000, Outcome.CONFIRMED),
        minutes=(51_000, None),
        hours=(111_000, None),
    )
    joke = firing("reply-flood", labels_of({"brand": "fizz"}), seconds=(74_000, Outcome.HANDLED))
    return story, (bots, dark, joke, replace(joke, rule="cpu-busy"))


def test_the_card_says_what_was_caught_judged_and_missed() -> None:
    story, firings = night()
    lines = cards.card(story, plain=24, firings=firings, proposals=Counter(approved=1, pending=1), at=story.ends)
    text = "\n".join(lines)
    assert "three bots praise a can (fizz · product)\n        seconds 0:06: false start" in text
    assert "seconds 0:32, minutes 0:50, hours 1:50: confirmed" in text
    assert "jitter, nothing behind it (volt · match)\n        stayed silent" in text
    assert "people turn against an ad (volt)\n        MISSED" in text
    assert "would have rung 24 times" in text
    assert "rtmd alerted 3 times in 3:00 minutes: 1 confirmed, 1 false start, 1 handled" in text
    assert "2 proposals waited for a person: 1 approved, 1 pending\n" in text
    assert "missed: 2 of 4\n    people turn against an ad (volt)\n    everybody shares the ad" in text
    assert max(map(len, lines)) <= 80


def test_who_leaves_early_gets_a_card_of_what_was_seen() -> None:
    story, firings = night()
    lines = cards.card(story, plain=1, firings=firings[:1], proposals=Counter(), at=31_000)
    text = "\n".join(lines)
    assert "the lights go out (biscuit · blackout)\n        nothing fired yet\n  0:30  you left" in text
    assert "joke" not in text
    assert "would have rung 1 time\n  rtmd alerted 1 time in 0:30 minutes: 1 false start\n  missed: 0 of 1" in text
    assert plain_alerts(story, 1_000) == 0
    assert 0 < plain_alerts(story, 31_000) < plain_alerts(story, story.ends)


def test_the_coach_always_has_a_hint_of_one_line_and_names_the_file_to_edit() -> None:
    rules = "/rules/event-night.toml".rjust(46, "x")  # as long as it is in a temporary folder
    hints = [cards.coach(since, rules) for since in range(0, LENGTH + 60_000, 500)]
    assert all(hints)
    assert sum(rules in hint for hint in hints) * 500 > 20_000  # long enough to be typed elsewhere
    assert max(map(len, hints)) < 80


def test_the_edit_that_the_coach_proposes_makes_the_jitter_ring() -> None:
    text = (DEMO / "rules/event-night.toml").read_text()
    assert text.count("above  = 12") == 1
    rang = fired(text.replace("above  = 12", "above  = 5"), since=94_000)
    assert ("mention-surge", "volt", "match") in rang
    assert ("mention-surge", "volt", "match") not in fired(text, since=94_000)


def fired(text: str, since: int) -> set[tuple[str, str, str]]:
    """What fires of these rules from `since` ms on."""
    table = SeriesTable()
    story, pipeline = Story(1, 0, table), Pipeline(table, 0)
    pipeline.step([RulesLoaded(load_rules({"event-night.toml": text}).rules)], 0)
    for at, batch in story.until(since + 8_000):
        pipeline.step([Samples("story", batch)], at)
    firings = [one for one in pipeline.firings() if one.open]
    return {(one.rule, get(one.labels, "brand"), get(one.labels, "topic")) for one in firings}


def test_the_demos_actions_are_configured_and_those_of_seconds_can_be_undone() -> None:
    actions = tomllib.loads((DEMO / "rtmd.toml").read_text())["actions"]
    for rule in RULES.values():
        stages = [rule.get(stage, {}) for stage in StageName]
        assert {
            name for stage in stages for name in (*stage.get("run", ()), *stage.get("propose", ()))
        } <= actions.keys()
        assert all("undo" in actions[name] for name in rule.get("seconds", {}).get("run", ()))
