"""Noise (semantics S14): how often each rule called people for nothing, as the journal tells it.

`Noise` takes the journal in line by line and keeps one `Course` a firing; `board` looks at the firings that opened in
some span of time. Each line is taken once, in the order of the journal, so that looking again costs only what is new.

The score of a rule is the mean over its firings of how much of a noise each was, from 0 to 1:
1. What people say decides: marked "noise" is 1, marked "real" is 0.
2. Else what was handled is 0: an action on it succeeded, somebody decided on a proposal, or it was judged so.
3. Else the weighted mean of the signs that can be seen of it (`WEIGHTS`): false starts among its judgements (where
   there are any), that it ended and nobody had taken it (once it ended), silenced, flapped (it came back within
   `reopen`, or was said to flap).
`Term.adds` is what a sign adds to the score; all of them together are the score. Fewer than `ENOUGH` firings have
no score. What people missed counts nowhere: it is shown beside the score, for whoever wants to calm the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median

from msgspec import Struct, field

from rtmd.model.action import ProposalState
from rtmd.model.effects import Journaled
from rtmd.model.firing import Outcome
from rtmd.model.reaction import RunState
from rtmd.model.replace import replace
from rtmd.model.rule import HOUR, STAGES, StageName

DAY = 24 * HOUR
ENOUGH = 5  # firings; of fewer nothing can be said
LONGEST = 30 * DAY  # as long as the journal is kept

# The kinds of journal lines that say something about noise.
KINDS = ("transition", "outcome", "ack", "silence", "suppressed", "action", "proposal", "flapping", "verdict", "missed")

MARKED = "marked noise"
FALSE_STARTS = "false starts"
UNATTENDED = "unattended"
SILENCED = "silenced"
FLAPPED = "flapped"
WEIGHTS: Mapping[str, int] = {FALSE_STARTS: 3, UNATTENDED: 2, SILENCED: 2, FLAPPED: 1}

_JUDGED = frozenset({str(Outcome.CONFIRMED), str(Outcome.FALSE_START)})
# What became of an action or a proposal where somebody, or something, handled it.
_GOOD = frozenset(map(str, (RunState.DONE, ProposalState.APPROVED, ProposalState.DECLINED)))


class Share(Struct, frozen=True):
    """So many of so many."""

    count: int = 0
    of: int = 0


class Term(Struct, frozen=True):
    """One part of a score: how many firings (or judgements) show it, of how many, and what it adds."""

    name: str
    share: Share
    adds: float


class Miss(Struct, frozen=True):
    """Somebody saw what the rule did not."""

    at: int
    rule: str
    by: str
    text: str


class RuleNoise(Struct, frozen=True):
    """A rule on the board. Durations in ms; `score` is None below `ENOUGH` firings, and then there are no terms."""

    rule: str
    firings: int = 0
    a_day: float = 0.0
    duration: int | None = None  # the median of those that ended
    unattended: Share = Share()  # of those that ended
    false_starts: Mapping[StageName, Share] = field(default_factory=dict)  # of those confirmed or not, by stage
    flapped: Share = Share()
    silenced: Share = Share()
    handled: Share = Share()  # people's "real" counts
    noise: int = 0  # marks by people
    real: int = 0
    missed: tuple[Miss, ...] = ()  # newest first
    score: float | None = None
    terms: tuple[Term, ...] = ()


class Course(Struct):
    """What the journal says about one firing."""

    rule: str
    opened: int
    resolved: int | None = None
    acked: bool = False  # what has ended cannot be acked: it was before
    silenced: bool = False
    flapped: bool = False
    handled: bool = False
    real: bool | None = None  # people's latest word
    judged: list[tuple[StageName, bool]] = field(default_factory=list)  # and whether it was a false start

    @property
    def settled(self) -> float | None:
        """How much of a noise it is, where people decided that or it was handled."""
        if self.real is not None:
            return 0.0 if self.real else 1.0
        return 0.0 if self.handled else None

    def signs(self) -> dict[str, float]:
        """The signs that can be seen, each from 0 to 1."""
        seen = {SILENCED: float(self.silenced), FLAPPED: float(self.flapped)}
        if self.resolved is not None:
            seen[UNATTENDED] = float(not self.acked)
        if self.judged:
            seen[FALSE_STARTS] = sum(false for _, false in self.judged) / len(self.judged)
        return seen


class Noise:
    """What the journal says so far; firings that opened more than `LONGEST` before the newest line are let go."""

    def __init__(self) -> None:
        self.first: int | None = None  # engine time of the oldest line
        self._courses: dict[str, Course] = {}
        self._missed: list[Miss] = []
        self._newest = 0
        self._forgot = 0

    def __repr__(self) -> str:
        return f"<Noise of {len(self._courses)} firings>"

    def take(self, line: Journaled) -> None:
        """Take in the next line of the journal."""
        self.first = line.at if self.first is None else min(self.first, line.at)
        self._newest = max(self._newest, line.at)
        if line.kind == "missed":
            self._missed.append(Miss(line.at, line.rule, line.detail.get("by", ""), line.detail.get("text", "")))
        elif line.kind == "transition" and line.detail.get("change") == "opened":
            self._courses[line.firing_id] = Course(line.rule, line.at)
        elif line.kind == "silence":
            for firing_id in line.detail.get("firings", "").split():
                if silenced := self._courses.get(firing_id):
                    silenced.silenced = True
        elif course := self._courses.get(line.firing_id):
            _follow(course, line)
        if self._newest - self._forgot > DAY:
            self._forget()

    def board(self, since: int, at: int, rules: Iterable[str]) -> list[RuleNoise]:
        """These rules by what they did in [since, at]: the noisiest first, then those without a score by name."""
        courses: dict[str, list[Course]] = {rule: [] for rule in rules}
        for course in self._courses.values():
            if since <= course.opened <= at and course.rule in courses:
                courses[course.rule].append(course)
        missed: dict[str, list[Miss]] = {}
        for miss in reversed(self._missed):
            if since <= miss.at <= at:
                missed.setdefault(miss.rule, []).append(miss)
        days = max(1.0, (at - max(since, self.first or at)) / DAY)  # less than a day says nothing about a day
        found = [_rule_noise(rule, each, days, tuple(missed.get(rule, ()))) for rule, each in courses.items()]
        return sorted(found, key=lambda each: (each.score is None, -(each.score or 0), -each.firings, each.rule))

    def _forget(self) -> None:
        self._forgot = self._newest
        since = self._newest - LONGEST
        self._courses = {firing: course for firing, course in self._courses.items() if course.opened >= since}
        self._missed = [miss for miss in self._missed if miss.at >= since]


def _follow(course: Course, line: Journaled) -> None:
    """What one more line means for a firing."""
    detail = line.detail
    match line.kind:
        case "transition" if detail.get("change") == "resolved":
            course.resolved = line.at
        case "transition" if detail.get("change") == "reopened":
            course.resolved, course.flapped = None, True
        case "outcome" if detail.get("reason") in _JUDGED:
            course.judged.append((StageName(detail["stage"]), detail["reason"] == Outcome.FALSE_START))
        case "outcome" if detail.get("reason") == Outcome.HANDLED:
            course.handled = True
        case "ack":
            course.acked = True
        case "suppressed" if detail.get("limiter") == "silenced":
            course.silenced = True
        case "action" | "proposal" if detail.get("state") in _GOOD:
            course.handled = True
        case "flapping":
            course.flapped = True
        case "verdict":
            course.real = detail.get("verdict") == "real"
        case _:
            pass


def _rule_noise(rule: str, courses: list[Course], days: float, missed: tuple[Miss, ...]) -> RuleNoise:
    count = len(courses)
    ended = [course for course in courses if course.resolved is not None]
    lengths = [(course.resolved or 0) - course.opened for course in ended]
    judged = [each for course in courses for each in course.judged]
    by_stage = {stage: [false for of, false in judged if of is stage] for stage in STAGES}
    found = RuleNoise(
        rule=rule,
        firings=count,
        a_day=count / days,
        duration=round(median(lengths)) if lengths else None,
        unattended=Share(sum(not course.acked for course in ended), len(ended)),
        false_starts={stage: Share(sum(false), len(false)) for stage, false in by_stage.items() if false},
        flapped=Share(sum(course.flapped for course in courses), count),
        silenced=Share(sum(course.silenced for course in courses), count),
        handled=Share(sum(course.handled or course.real is True for course in courses), count),
        noise=sum(course.real is False for course in courses),
        real=sum(course.real is True for course in courses),
        missed=missed,
    )
    return _scored(found, courses) if count >= ENOUGH else found


def _scored(found: RuleNoise, courses: list[Course]) -> RuleNoise:
    adds = dict.fromkeys((MARKED, *WEIGHTS), 0.0)
    for course in courses:
        if course.settled is not None:
            adds[MARKED] += course.settled
            continue
        signs = course.signs()
        weight = sum(WEIGHTS[name] for name in signs)
        for name, sign in signs.items():
            adds[name] += WEIGHTS[name] * sign / weight
    judged = found.false_starts.values()
    shares = {
        MARKED: Share(found.noise, found.firings),
        FALSE_STARTS: Share(sum(each.count for each in judged), sum(each.of for each in judged)),
        UNATTENDED: found.unattended,
        SILENCED: found.silenced,
        FLAPPED: found.flapped,
    }
    terms = tuple(Term(name, shares[name], adds[name] / len(courses)) for name in adds)
    return replace(found, score=min(1.0, sum(term.adds for term in terms)), terms=terms)
