"""What a rule test expects, held against what is there: rows are matched one to one, and the rest is told apart.

A row names what it cares for and leaves out what it does not. The more a row says, the earlier it chooses. What is
expected and not there, and what is there and not expected, become the two halves of a failure; below them stands what
every stage of the rules in question saw at that time (`seen`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import Struct, field

from rtmd.errors import Located, PromqlError
from rtmd.model.display import number, safe
from rtmd.model.duration import show_duration
from rtmd.model.expr import Expr
from rtmd.model.firing import Firing
from rtmd.model.inputs import AckSet, MarkMade, SilenceSet
from rtmd.model.labels import METRIC_NAME, Labels, show, without
from rtmd.model.mark import MarkKind
from rtmd.model.matcher import Matcher
from rtmd.model.reaction import Notification
from rtmd.replay.seen import seen
from rtmd.replay.trial import Failure, Judged, Trial

_NAME = frozenset({METRIC_NAME})
_TELLING = frozenset({"stage", "state", "outcome", "receiver", "what", "at"})
_CLOSE = 1e-9  # relative: the last digits of a sum depend on its order


class Between(Struct, frozen=True):
    """A number, or where it lies; both ends are included."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.12g}" if self.low == self.high else f"[{self.low:.12g}, {self.high:.12g}]"

    def holds(self, value: float | None) -> bool:
        """Whether a value is (all but) that number, or lies there; NaN is NaN."""
        if value is None:
            return False
        if math.isnan(self.low):
            return math.isnan(value)
        return self.low <= value <= self.high or is_close(value, self.low) or is_close(value, self.high)


def is_close(one: float, other: float) -> bool:
    """Whether two numbers differ in their last digits at most; NaN is NaN."""
    return math.isclose(one, other, rel_tol=_CLOSE) or (math.isnan(one) and math.isnan(other))


class Thing(Struct, frozen=True):
    """Something that is there, or happened: its rule, labels, and what can be said about it by key."""

    rule: str
    labels: Labels
    more: Labels = ()  # labels that the rule adds: a row may leave them out
    says: dict[str, str] = field(default_factory=dict)
    value: float | None = None

    def shown(self, asked: Collection[str]) -> str:
        """What is worth saying of it, where these keys were asked for."""
        says = {key: text for key, text in self.says.items() if key in asked or (key in _TELLING and text != "none")}
        return _line(self.rule, self.labels, says, None if self.value is None else f"{self.value:.12g}")


class Row(Struct, frozen=True):
    """One thing that is expected; what is None or not among `says` does not matter."""

    rule: str | None = None
    labels: Labels | None = None
    says: dict[str, str] = field(default_factory=dict)
    value: Between | None = None

    def __str__(self) -> str:
        return _line(self.rule or "any rule", self.labels, self.says, None if self.value is None else str(self.value))

    def asks(self) -> int:
        """How much it cares for."""
        return len(self.says) + (self.rule is not None) + (self.labels is not None) + (self.value is not None)

    def fits(self, thing: Thing) -> bool:
        """Whether that is what it means."""
        return (
            self.rule in {None, thing.rule}
            and (self.labels is None or self.labels in (thing.labels, tuple(sorted({*thing.labels, *thing.more}))))
            and all(thing.says.get(key) == text for key, text in self.says.items())
            and (self.value is None or self.value.holds(thing.value))
        )


def _line(rule: str, labels: Labels | None, says: dict[str, str], value: str | None) -> str:
    parts = [rule, "" if labels is None else show(labels), *(f"{key}={text}" for key, text in says.items())]
    return " ".join(part for part in (*parts, f"value={value}" if value is not None else "") if part)


class Evaluation(Struct, frozen=True):
    """An expression and what it is worth: `rows` None: exactly one result, whatever its labels."""

    expr: Expr
    text: str
    value: Between | None
    rows: tuple[tuple[Labels, Between], ...] | None = None


class Expecting(Struct, frozen=True):
    """An expectation at a time; None: not looked at. `only` narrows it to one rule, `partial` allows for more."""

    at: int
    place: Located
    firing: tuple[Row, ...] | None = None
    resolved: tuple[Row, ...] | None = None
    outcome: tuple[Row, ...] | None = None
    told: tuple[Row, ...] | None = None
    evaluations: tuple[Evaluation, ...] = ()
    only: str = ""
    partial: bool = False

    def act(self, trial: Trial) -> Iterator[Failure]:
        """Look; what happened is looked at once, by the first expectation after it."""
        firing = (_firing(trial, each) for each in trial.firings.values() if each.open)
        resolved = (trial.firings[each] for each in dict.fromkeys(trial.resolved))
        ended = (_resolved(each) for each in resolved if not each.open)
        judged = [_judged(each, trial.start) for each in trial.judged]
        told = [thing for each in trial.told for thing in _told(each, trial.start)]
        yield from self._compare("firing", self.firing, firing, trial)
        yield from self._compare("resolved", self.resolved, ended, trial)
        yield from self._compare("outcome", self.outcome, judged, trial)
        yield from self._compare("told", self.told, told, trial)
        for evaluation in self.evaluations:
            details = tuple(misjudged(evaluation, trial))
            if details:
                yield self._failure(f"eval {evaluation.text}", details)
        for happened in (trial.resolved, trial.judged, trial.told):
            happened.clear()

    def _compare(
        self, key: str, expected: tuple[Row, ...] | None, things: Iterable[Thing], trial: Trial
    ) -> Iterator[Failure]:
        if expected is None:
            return
        there = sorted(
            (thing for thing in things if self.only in {"", thing.rule}), key=lambda thing: (thing.rule, thing.labels)
        )
        missing, extra = _matched(expected, there)
        surplus = [] if self.partial and not missing else extra
        if not missing and not surplus:
            return
        lines = [f"expected  {row}" for row in missing]
        asked = {key for row in missing for key in row.says}
        lines += [f"{'there is ' if self.partial else 'found    '} {thing.shown(asked)}" for thing in surplus]
        if missing and not extra:
            lines.append("found     nothing more" if len(missing) < len(expected) else "found     nothing")
        rules = {row.rule for row in missing if row.rule} | {thing.rule for thing in surplus} or {self.only}
        for rule in sorted(rules):
            labels = {row.labels for row in missing if row.labels is not None and row.rule in {None, rule}}
            lines += seen(trial, rule, labels | {thing.labels for thing in surplus if thing.rule == rule})
        yield self._failure(key, tuple(lines))

    def _failure(self, what: str, details: tuple[str, ...]) -> Failure:
        place = self.place
        problem = f"{place.problem}, at {show_duration(self.at)}: {what} is not as expected"
        return Failure(Located(place.file, place.line, place.column, problem), details)


def _matched(expected: Sequence[Row], there: Sequence[Thing]) -> tuple[list[Row], list[Thing]]:
    """The rows that nothing fits, and the things that no row took."""
    left, missing = list(there), []
    for place in sorted(range(len(expected)), key=lambda place: -expected[place].asks()):
        found = next((thing for thing in left if expected[place].fits(thing)), None)
        if found is None:
            missing.append(place)
        else:
            left.remove(found)
    return [expected[place] for place in sorted(missing)], left


def _firing(trial: Trial, firing: Firing) -> Thing:
    # The pipeline's own copy: it has what is not worth saving.
    now = trial.pipeline.firing(firing.id) or firing
    record = now.record(now.stage)
    clock = next((each for each in trial.clocks(now) if each.name is now.stage), record)
    says = {
        "stage": str(now.stage),
        "state": str(clock.state) if clock else "",
        "severity": str(now.severity),
        "outcome": str(record.outcome or "none") if record else "none",
        "ack": now.ack.by if now.ack else "none",
        "silenced": "true" if trial.silenced(now) else "false",
        "title": now.title,
    }
    return Thing(now.rule, now.labels, now.extra_labels, says, trial.value(now))


def _resolved(firing: Firing) -> Thing:
    record = firing.record(firing.stage)
    says = {"stage": str(firing.stage), "outcome": str((record and record.outcome) or "none"), "reason": firing.reason}
    return Thing(firing.rule, firing.labels, firing.extra_labels, says)


def _judged(judged: Judged, start: int) -> Thing:
    says = {"stage": str(judged.stage), "outcome": str(judged.outcome), "at": show_duration(judged.at - start)}
    return Thing(judged.firing.rule, judged.firing.labels, judged.firing.extra_labels, says)


def _told(message: Notification, start: int) -> Iterator[Thing]:
    for alert in message.alerts:
        says = {"receiver": message.receiver, "what": str(alert.told), "at": show_duration(message.at - start)}
        yield Thing(alert.firing.rule, alert.firing.labels, alert.firing.extra_labels, says)


def misjudged(evaluation: Evaluation, trial: Trial) -> Iterator[str]:
    """Lines about an expression whose value is another than it should be."""
    try:
        found = trial.evaluate(evaluation.expr)
    except PromqlError as error:
        yield f"found     an error: {error}"
        return
    rows = found if isinstance(found, list) else [((), found)] if isinstance(found, float) else []
    expected = evaluation.rows
    if expected is None:
        wanted = evaluation.value
        if len(rows) != 1 or wanted is None or not wanted.holds(rows[0][1]):
            yield f"expected  {wanted}"
            yield from _values(rows)
        return
    left = list(rows)
    missing = []
    for labels, value in expected:
        fits = [each for each in left if labels in (each[0], without(each[0], _NAME)) and value.holds(each[1])]
        if fits:
            left.remove(fits[0])
        else:
            missing.append(f"expected  {value}  {show(labels)}")
    if missing or left:
        yield from missing
        yield from _values(left)


def _values(rows: Sequence[tuple[Labels, float]]) -> list[str]:
    lines = [f"found     {value:.12g}  {show(labels)}" for labels, value in rows[:20]]
    return lines or ["found     nothing"]


class Silencing(Struct, frozen=True):
    """Somebody silences."""

    at: int
    place: Located
    by: str
    matchers: tuple[Matcher, ...]
    length: int

    def act(self, trial: Trial) -> Iterator[Failure]:
        """Say it; a refusal is a failure."""
        wall = trial.pipeline.wall(trial.at)
        ends = wall + self.length
        problem = trial.say(SilenceSet(1, self.by, self.matchers, wall, ends, "a rule test", confirmed=True))
        if problem:
            yield _refused(self.place, self.at, f"the silence is refused: {problem}")


class Acking(Struct, frozen=True):
    """Somebody takes a firing."""

    at: int
    place: Located
    by: str
    row: Row
    length: int = 0

    def act(self, trial: Trial) -> Iterator[Failure]:
        """Say it, of the one firing that the row fits."""
        fitting = [each for each in trial.firings.values() if each.open and self.row.fits(_firing(trial, each))]
        if len(fitting) != 1:
            problem = f"{number(len(fitting))} firings are {self.row}: an ack is for one"
        else:
            problem = trial.say(AckSet(1, self.by, fitting[0].id, length=self.length))
        if problem:
            yield _refused(self.place, self.at, problem)


class Marking(Struct, frozen=True):
    """Somebody reports that something happened."""

    at: int
    place: Located
    by: str
    kind: MarkKind
    text: str
    labels: Labels

    def act(self, trial: Trial) -> Iterator[Failure]:
        """Say it; a refusal is a failure."""
        problem = trial.say(MarkMade(1, self.by, self.kind, self.text, self.labels))
        if problem:
            yield _refused(self.place, self.at, f"the mark is refused: {problem}")


def _refused(place: Located, at: int, problem: str) -> Failure:
    text = f"{place.problem}, at {show_duration(at)}: {safe(problem)}"
    return Failure(Located(place.file, place.line, place.column, text))
