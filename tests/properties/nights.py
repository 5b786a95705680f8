"""Random nights: rule files and their edits, posts, gaps, policies, and what people do, all drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from scenarios.score import START, rule_set

from rtmd.formats.batch import STALE
from rtmd.matching import parse_matchers
from rtmd.model.calendar import Calendar, Span
from rtmd.model.policy import EscalationStep, Inhibition, Policy, Route
from rtmd.model.rule import RuleSet

SERIES = [f'{name}{{b="{b}",i="{i}"}}' for name in ("m", "n", "c") for b, i in (("x", "1"), ("x", "2"), ("y", "1"))]
VALUES = (0.0, 1.0, 4.0, 7.0, 11.0, 13.0, 30.0, 60.0, float("nan"), float(STALE))
MATCHERS = ("rule=r0", 'b="x"', 'rule=~"r.*",stage="seconds"', 'severity!="info"')
SIGNALS = (  # signal, guard; with $window or not
    ("m", "n > 2"),
    ("sum by (b) (m)", "max by (b) (n) > 2"),
    ('{__name__=~"m.*"}', ""),  # of two series that look the same the first one counts: m alone
    ("topk(2, m) > 1", ""),
    ("sum by (b) (m > 3) or sum by (b) (n)", ""),
    ("absent(m{b='y'}) * 20", ""),
    ("m offset 5s", ""),
    ("avg_over_time(m[$window])", "max_over_time(n[$window]) > 2"),
    ("sum by (b) (rate(c[$window])) * 10", "sum by (b) (increase(c[$window])) > 3"),
    ("max_over_time(sum by (b) (m)[$window:1s])", ""),
    ("count_over_time(m[$window])", ""),
)
CALENDARS = {  # nights begin at four in the afternoon
    "tea": Calendar("tea", times=(Span(16 * 60 + 1, 16 * 60 + 2), Span(16 * 60 + 4, 16 * 60 + 8))),
    "first": Calendar("first", times=(Span(16 * 60, 16 * 60 + 3),)),
}
ESCALATIONS = {
    "one": (EscalationStep(4_000, ("lead",)), EscalationStep(70_000, ("desk", "lead"))),
    "two": (EscalationStep(20_000, ("log",)),),
}
WINDOWS = {"seconds": ("3s", "8s"), "minutes": ("15s", "40s"), "hours": ("2m",)}

Post: TypeAlias = tuple[tuple[int, int, float], ...]  # series, time against now, value


@dataclass(frozen=True)
class Event:
    """Something that happens at a time; `what` says which of the others counts."""

    at: int
    what: str
    post: Post = ()
    text: str = ""
    number: int = 0


def draw_night(seed: int) -> tuple[RuleSet, list[Event]]:
    """The rules a night begins with, and everything that happens."""
    chance = Random(f"night {seed}")  # noqa: S311  # no secret
    draws = {"r0": draw_rule, "r1": draw_rule, "r2": draw_rule, "k0": draw_correlation, "k1": draw_correlation}
    texts = {name: draw(chance, name) for name, draw in draws.items()}
    first = rule_set("\n".join(texts.values()))
    events, at = [], START + chance.randrange(5_000)
    for _ in range(chance.randint(25, 70)):
        at += chance.choice([0, 1, 400, 1_000, chance.randrange(1_500), chance.randrange(6_000), 9_000])
        what = chance.choices(
            ["post", "silence", "expire", "ack", "mark", "rules", "gap", "wall", "react", "long", "hammer"],
            [60, 3, 2, 3, 3, 2, 1, 1, 1, 1, 6],
        )[0]
        if what == "rules":
            name = chance.choice(list(texts))
            texts[name] = chance.choice([draws[name](chance, name), texts[name].replace("10", "12"), ""])
        if what == "long":
            at += chance.choice([20_000, 70_000, 330_000])
        if what == "hammer":
            events += draw_hammer(chance, at)
            at = events[-1].at
            continue
        events.append(
            Event(
                at,
                what,
                draw_post(chance) if what == "post" else (),
                "\n".join(texts.values()) if what == "rules" else chance.choice(MATCHERS),
                chance.choice([0, 1, 3_000, 20_000, 90_000]),
            )
        )
    events += draw_alerts(chance, at)
    events += draw_decisions(seed, events)
    events.sort(key=lambda event: event.at)
    return first, [*events, Event(at + chance.choice([30_000, 400_000]), "long")]


def draw_alerts(chance: Random, until: int) -> Iterator[Event]:
    """What others post until then, again and again: labels and words; its end, from then on (−1: none)."""
    for _ in range(chance.randint(0, 15)):
        labels = chance.choice(["alertname=r0,b=x", "alertname=e,b=x,severity=page", "alertname=e,b=y,stage=seconds"])
        words = chance.choice(["summary=s", "summary=s", "stage=hours", "severity=info"])
        ends = chance.choice([-1, -1, 0, 9_000, 90_000])
        yield Event(chance.randint(START, until), "alert", (), f"{labels}|{words}", ends)


def draw_policies(seed: int) -> Iterator[Policy]:
    """The policies of a night, without end: trees, paces, calendars and inhibitions."""
    chance = Random(f"policies {seed}")  # noqa: S311  # no secret
    while True:
        routes = tuple(draw_route(chance, number) for number in range(chance.randint(0, 3)))
        inhibitions = tuple(draw_inhibition(chance, number) for number in range(chance.randint(0, 2)))
        root = Route("route", "log", repeat=chance.choice([None, 45_000]), routes=routes)
        yield Policy(root, CALENDARS, inhibitions, ESCALATIONS)


def draw_route(chance: Random, number: int) -> Route:
    """One child of the root."""
    return Route(
        f"route.{number}",
        chance.choice(["desk", "lead"]),
        parse_matchers(chance.choice(MATCHERS)),
        chance.choice([("b",), ("rule", "b"), (), None]),
        chance.choice([None, 0, 2_000, 9_000]),
        chance.choice([None, 7_000]),
        chance.choice([None, 20_000, 60_000]),
        chance.choice([(), (), ("tea",)]),
        chance.choice([(), (), ("first",)]),
        goes_on=chance.random() < 0.5,
    )


def draw_inhibition(chance: Random, number: int) -> Inhibition:
    """A rule, or all that is high, mutes others; now and then what is on both sides."""
    source = chance.choice(["rule=r0", "rule=r1", 'stage!="seconds"'])
    target = chance.choice(['rule=~"r[12]"', "rule=r2", 'stage="seconds"', 'rule=~"r.*"'])
    return Inhibition(
        f"i{number}", parse_matchers(source), parse_matchers(target), chance.choice([(), ("b",), ("b", "i")])
    )


def draw_hammer(chance: Random, at: int) -> Iterator[Event]:
    """Some series go up and down together, over and over: something may flap."""
    picked, every = chance.sample(range(len(SERIES)), 6), chance.choice([2_100, 5_300])
    for number in range(chance.randint(10, 24)):
        post = tuple((series, 0, (0.0, 60.0)[number % 2]) for series in picked)
        yield Event(at + (number + 1) * every, "post", post)


def draw_post(chance: Random) -> Post:
    """One to five samples, now and then late, ahead or twice."""
    picked = [chance.randrange(len(SERIES)) for _ in range(chance.randint(1, 5))]
    return tuple(
        (each, chance.choice([0, 0, 0, 0, -900, -7_000, 500, -70_000]), chance.choice(VALUES)) for each in picked
    )


def draw_rule(chance: Random, name: str) -> str:
    """One rule with one to three stages."""
    signal, guard = chance.choice(SIGNALS)
    lines = [
        f"[rules.{name}]",
        f"signal = '''{signal}'''",
        f"no_data = '{chance.choice(['keep', 'resolve', 'zero', 'fire'])}'",
    ]
    lines += [f"guard = '{guard}'"] * (bool(guard) and chance.random() < 0.5)
    lines += [f"reopen = '{chance.choice(['0s', '4s', '10m'])}'", "title = '{b} {stage}'"]
    lines += chance.choice([[], [], ["within = '40s of deploy'"]])
    lines += ["shadow = true"] * (chance.random() < 0.05)
    for stage in chance.choice(
        [("seconds",), ("minutes",), ("seconds", "minutes"), ("minutes", "hours"), ("seconds", "minutes", "hours")]
    ):
        lines += [f"[rules.{name}.{stage}]", *draw_stage(chance, stage, windowed="$window" in signal)]
        lines += draw_people(Random("\n".join(lines)))  # noqa: S311  # no secret
    return "\n".join(lines)


def draw_people(chance: Random) -> Iterator[str]:
    """What a stage asks people, and whom it calls while nobody has it."""
    yield from chance.choice([["propose = ['brief', 'hold']"], ["propose = ['brief']\nexpires = '30s'"], []])
    yield from chance.choice([["escalate = 'one'"], ["escalate = 'two'"], []])


def draw_decisions(seed: int, events: list[Event]) -> Iterator[Event]:
    """People decide now and then, and hold everything for a while."""
    chance = Random(f"decisions {seed}")  # noqa: S311  # no secret
    for event in events:
        if chance.random() < 0.15:
            yield Event(
                event.at + chance.choice([0, 1, 2_500]), chance.choice(["decide", "hold"]), number=chance.randrange(9)
            )


def draw_correlation(chance: Random, name: str) -> str:
    """Two of the rules or all three together, now and then unless the third fires."""
    rules = chance.sample(["r0", "r1", "r2"], 3)
    count = chance.choice([1, 2, 2, 3])
    lines = [f"[correlations.{name}]", f"all = {rules[:count]}", "title = '{b} {stage} {value}'"]
    lines += [f"none = {rules[count:]}"] * (chance.random() < 0.3)
    lines += [f"on = {chance.choice([['b'], ['b'], ['b', 'i'], []])}"]
    lines += [f"at_least = '{chance.choice(['seconds', 'seconds', 'minutes'])}'"]
    lines += [f"reopen = '{chance.choice(['0s', '4s', '10m'])}'"]
    lines += chance.choice([["notify = ['desk']"], ["notify = ['lead', '@route']"], []])
    lines += ["brake = ['hold']"] * (chance.random() < 0.3)
    lines += ["shadow = true"] * (chance.random() < 0.05)
    return "\n".join(lines)


def draw_stage(chance: Random, stage: str, *, windowed: bool) -> Iterator[str]:
    """The keys of one stage."""
    yield chance.choice(["above = 10", "above = 10\nclear = 6", "below = 3", "at_least = 4", "outside = [2, 12]"])
    holds = ["'0s'", "'0s'", "'2s'", "'12s'", "{ count = 3 }", "{ count = 2, of = 4 }"]
    yield f"for = {chance.choice(holds)}"
    yield f"keep = '{chance.choice(['0s', '0s', '3s', '20s'])}'"
    yield f"coverage = {chance.choice([0, 0.5])}"
    yield from ["judge = 'off'"] * (chance.random() < 0.1)
    yield from ["every = '7s'"] * (chance.random() < 0.1)
    if windowed:
        yield f"window = '{chance.choice(WINDOWS[stage])}'"
        yield f"recent = '{chance.choice(['off', '2s'])}'"
    yield from chance.choice([["notify = ['desk', '@route']"], ["notify = ['lead']"], ["notify = []"], []])
    yield from chance.choice([["run = ['hold']"], []])
