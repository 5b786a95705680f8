"""Rules of Prometheus as rules of ours, that fire at the same evaluations; and a word on all that could not come along.

One stage; a top-level comparison with a number becomes its threshold, any other expression stays whole and fires
where it has a result. `coverage = 0`, `no_data = "resolve"`, `reopen = "0s"` and the group's interval as the grid make
the protocol do what Prometheus does. Every translated rule is loaded as its file will be: what the loader refuses is
left out, with its reason, and never written with another meaning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import tomli_w
from msgspec import Struct

from rtmd.errors import FileErrors, Located, PromqlError
from rtmd.model.duration import show_duration
from rtmd.model.expr import Binary, Expr, Negate, Number, is_scalar
from rtmd.model.rule import SECOND, Severity, StageName
from rtmd.promql import has_window, parse, show
from rtmd.rulefile.lint import labels_of_result
from rtmd.rulefile.load import load_rules
from rtmd.rulefile.prometheus.groups import PromGroup, PromRule
from rtmd.rulefile.prometheus.templates import read_template, title_of

INTERVAL = 60 * SECOND  # of Prometheus, where nobody says otherwise

_KEYS = {">": "above", ">=": "at_least", "<": "below", "<=": "at_most"}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_FOLDED: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}
_SEVERITIES = {
    **dict.fromkeys(("critical", "page", "emergency", "fatal", "error", "high"), Severity.CRITICAL),
    **dict.fromkeys(("warning", "warn", "medium", "ticket"), Severity.WARNING),
    **dict.fromkeys(("info", "informational", "notice", "low", "none"), Severity.INFO),
}
_OURS = frozenset({"__name__", "rule", "alertname", "kind", "stage"})
_UNFIT = re.compile(r"[^A-Za-z0-9_.:-]+")
_LINKS = {"runbook_url": "runbook", "dashboard_url": "dashboard"}
_DEFAULTS = {"coverage": 0.0, "no_data": "resolve", "reopen": "0s"}


class Translated(Struct, frozen=True):
    """A rule that was carried over: its name and table here, and what it was there."""

    name: str
    table: Mapping[str, Any]
    origin: PromRule


class Translation(Struct, frozen=True):
    """What came of files: rules in their order; what of them did not come along; rules that had to be left out.

    `alerts_left_out` is how many of those are alerts: the others are recording rules.
    """

    rules: tuple[Translated, ...]
    remarks: tuple[Located, ...]
    left_out: tuple[Located, ...] = ()
    alerts_left_out: int = 0

    def document(self) -> str:
        """The rules as the text of a rule file."""
        rules = {rule.name: dict(rule.table) for rule in self.rules}
        return tomli_w.dumps({"defaults": _DEFAULTS, "rules": rules}, multiline_strings=True)


def translate(
    files: Mapping[str, Iterable[PromGroup]],
    *,
    stage: StageName = StageName.MINUTES,
    interval: int | None = None,
    every: int | None = None,
) -> Translation:
    """Translate the groups of these files (name → groups).

    `interval` is that of groups that name none; `every`, where it is given, that of all of them.
    """
    work = _Translator(stage, every, interval or INTERVAL)
    for file, groups in files.items():
        for group in groups:
            work.group(file, group)
    return Translation(tuple(work.rules), tuple(work.remarks), tuple(work.left_out), work.alerts_left_out)


class _Translator:
    """The rules so far, and the names that they took."""

    def __init__(self, stage: StageName, every: int | None, interval: int) -> None:
        self.rules: list[Translated] = []
        self.remarks: list[Located] = []
        self.left_out: list[Located] = []
        self.alerts_left_out = 0
        self._stage = stage
        self._every = every
        self._interval = interval
        self._names: set[str] = set()

    def group(self, file: str, group: PromGroup) -> None:
        """All rules of a group."""
        self.remarks += group.remarks
        every = self._every or group.interval or self._interval
        if every < SECOND:
            self._say(file, group.line, f"group {group.name}", f"every {show_duration(every)} became every second")
            every = SECOND
        for rule in group.rules:
            if rule.recording:
                reason = "a recording rule; write what it records into the rules"
                self.left_out.append(_left_out(file, rule, rule.line, reason))
            else:
                self._rule(file, rule, every)

    def _rule(self, file: str, rule: PromRule, every: int) -> None:
        try:
            expr = _parsed(file, rule)
            remarks: list[str] = []
            name = self._name(rule.name)
            table = _table(rule, expr, stage=self._stage, every=every, remarks=remarks)
            _refuse(file, rule, name, table)
        except FileErrors as errors:
            self.alerts_left_out += 1
            self.left_out += errors.problems
            return
        self._names.add(name)
        if name != rule.name:
            self._say(file, rule.line, rule.name, f"is named {name} here, and so is its alertname")
        for remark in remarks:
            self._say(file, rule.line, rule.name, remark)
        self.rules.append(Translated(name, table, rule))

    def _name(self, alert: str) -> str:
        """A name that is allowed and free."""
        fit = _UNFIT.sub("-", alert).strip("-.:")[:100] or "rule"
        fit = f"prometheus-{fit}" if fit.startswith("rtmd.") else fit
        number = 2
        name = fit
        while name in self._names:
            name, number = f"{fit}-{number}", number + 1
        return name

    def _say(self, file: str, line: int, name: str, text: str) -> None:
        self.remarks.append(Located(file, line, 0, f"{name[:100]}: {text}"))


def _parsed(file: str, rule: PromRule) -> Expr:
    if has_window(rule.expr):
        raise FileErrors((_left_out(file, rule, rule.expr_node.line, "$window is not PromQL"),))
    try:
        return parse(rule.expr)
    except PromqlError as error:
        line = rule.expr_node.line_of(error.offset)
        raise FileErrors((_left_out(file, rule, line, error.problem),)) from None


def _left_out(file: str, rule: PromRule, line: int, reason: str) -> Located:
    return Located(file, line, 0, f"{rule.name[:100]}: left out: {reason}")


def _refuse(file: str, rule: PromRule, name: str, table: Mapping[str, Any]) -> None:
    """Load the rule as its file will be; FileErrors with what the loader says."""
    content = tomli_w.dumps({"defaults": _DEFAULTS, "rules": {name: table}})
    found = load_rules({file: content}).errors
    if found:
        raise FileErrors(tuple(_left_out(file, rule, rule.line, each.problem) for each in found))


def _table(rule: PromRule, expr: Expr, *, stage: StageName, every: int, remarks: list[str]) -> dict[str, Any]:
    """The table of the rule; what cannot come along is remarked on."""
    judged: dict[str, Any] = {}
    threshold = _threshold(expr)
    signal = rule.expr.strip()
    if threshold is not None:
        vector, key, number = threshold
        signal, judged[key] = show(vector), int(number) if number.is_integer() and abs(number) < 2**53 else number
    judged |= {key: show_duration(value) for key, value in (("for", rule.hold), ("keep", rule.keep)) if value}
    judged["every"] = show_duration(every)
    judged |= _severity(rule, remarks)
    table = {**_texts(rule, remarks), "signal": signal}
    table |= judged if stage is StageName.MINUTES else {str(stage): judged}
    labels = dict(_labels(rule, expr, remarks))
    return {**table, "labels": labels} if labels else table


def _threshold(expr: Expr) -> tuple[Expr, str, float] | None:
    """Signal, key and number, where the expression is a comparison of a vector with a number."""
    match expr:
        case Binary(op=op, left=left, right=right, returns_bool=False) if op in _KEYS:
            if not is_scalar(left):
                number, vector = _constant(right), left
            else:
                number, vector, op = _constant(left), right, _MIRRORED[op]
            fits = number is not None and math.isfinite(number) and abs(number) < 1e300 and not is_scalar(vector)
            return (vector, _KEYS[op], number) if fits and number is not None else None
        case _:
            return None


def _constant(expr: Expr) -> float | None:
    """The number that an expression of numbers is."""
    match expr:
        case Number(value=value):
            return value
        case Negate(child=child):
            number = _constant(child)
            return None if number is None else -number
        case Binary(op=op, left=left, right=right) if op in _FOLDED:
            one, other = _constant(left), _constant(right)
            if one is None or other is None or (op == "/" and not other):
                return None
            return _FOLDED[op](one, other)
        case _:
            return None


def _severity(rule: PromRule, remarks: list[str]) -> dict[str, str]:
    written = rule.labels.get("severity", "")
    if not written:
        return {}
    severity = _SEVERITIES.get(written.lower())
    if severity is None:
        remarks.append(f'severity "{written[:40]}" is not carried over: it is neither critical, warning nor info here')
        return {}
    if severity != written:
        remarks.append(f'severity "{written[:40]}" became {severity}')
    return {"severity": str(severity)}


def _labels(rule: PromRule, expr: Expr, remarks: list[str]) -> Iterator[tuple[str, str]]:
    for name, value in rule.labels.items():
        if name == "severity" or not value:
            continue
        if name in _OURS:
            remarks.append(f"the label {name} is not carried over: it is set here")
        elif "{{" in value:
            remarks.append(f"the label {name} is not carried over: labels have no templates here")
        elif name in labels_of_result(expr):
            remarks.append(f"the label {name} is not carried over: the expression has it already")
        else:
            yield name, value


def _texts(rule: PromRule, remarks: list[str]) -> dict[str, Any]:
    """Title and links; annotations that have no place here are remarked on in one line."""
    texts: dict[str, Any] = {}
    links: dict[str, str] = {}
    others = []
    for name in sorted(rule.annotations, key=lambda name: (name != "summary", name)):
        text = rule.annotations[name]
        if name in _LINKS and "{{" not in text:
            links[_LINKS[name]] = text
        elif name in {"summary", "title"} and "title" not in texts:
            title = _title(text)
            if title is None:
                remarks.append(
                    f"the title is not carried over: its template says more than labels and value: {text[:80]}"
                )
            elif title:
                texts["title"] = title
        else:
            others.append(name[:60])
    if others:
        remarks.append(f"not carried over: annotation{'s' * (len(others) > 1)} {', '.join(others)}")
    return {**texts, "links": links} if links else texts


def _title(text: str) -> str | None:
    parts = read_template(text)
    return None if parts is None else title_of(parts)
