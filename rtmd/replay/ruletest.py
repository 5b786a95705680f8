"""Rule tests as people write them: `*.test.toml` beside the rules, read into cases with every mistake at its place.

The format is described in docs/testing.md. Whatever is written is checked before anything runs: a rule that does not
exist or a stage that is none is a mistake in the test, and never an expectation that happens to hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from msgspec import Struct

from rtmd.errors import FileErrors, Located, MatcherError, PromqlError
from rtmd.matching import parse_matchers
from rtmd.model.duration import show_duration
from rtmd.model.firing import Outcome, StageState
from rtmd.model.labels import Labels, labels_of
from rtmd.model.mark import MarkKind
from rtmd.model.matcher import Matcher
from rtmd.model.reaction import Told
from rtmd.model.rule import SECOND, RuleSet, Severity, StageName
from rtmd.promql import parse
from rtmd.replay.expect import Acking, Between, Evaluation, Expecting, Marking, Row, Silencing
from rtmd.replay.notation import parse_series, parse_values
from rtmd.replay.trial import Case, Deed, Line
from rtmd.rulefile.document import read_document
from rtmd.rulefile.load import load_rules
from rtmd.rulefile.table import Table, nearest

START = 1_750_032_000_000  # a Monday, midnight UTC: every grid begins there

# Gives the rule files (path → content) that a list of paths names, relative to the test; None: those of its folder.
FindRules = Callable[[tuple[str, ...] | None], Mapping[str, bytes]]

_INTERVAL = 10 * SECOND
_LENGTH = 3_600 * SECOND
_CASE = frozenset({"name", "interval", "start", "rule", "series", "silence", "ack", "mark", "expect"})
_EXPECT = frozenset({"at", "rule", "partial", "firing", "resolved", "outcome", "told", "eval"})
_ROWS: Mapping[str, frozenset[str]] = {
    "firing": frozenset({"stage", "state", "severity", "outcome", "ack", "silenced", "title", "value"}),
    "resolved": frozenset({"stage", "outcome", "reason"}),
    "outcome": frozenset({"stage", "outcome", "at"}),
    "told": frozenset({"receiver", "what", "at"}),
}
_WORDS: Mapping[str, type[StrEnum]] = {
    "stage": StageName,
    "state": StageState,
    "severity": Severity,
    "outcome": Outcome,
    "what": Told,
}


class _Scope(Struct, frozen=True):
    """What holds for everything in a case."""

    rules: RuleSet
    name: str
    only: str = ""


def read_rule_tests(content: bytes | str, *, file: str, find: FindRules) -> tuple[Case, ...]:
    """The cases of a test file; raises FileErrors with every mistake, those of the rule files it names included."""
    document = read_document(content, file=file)
    problems: list[Located] = []
    root = Table.root(document, problems)
    root.refuse_unknown({"rules", "interval", "case"})
    files = find(root.texts("rules"))
    if not files:
        root.wrong("rules", f"name no rule file beside {PurePath(file).name}")
    loaded = load_rules(files)
    if loaded.errors:
        raise FileErrors(loaded.errors)
    interval = root.duration("interval", _INTERVAL, least=1)
    cases = [_case(table, loaded.rules, interval) for table in rows(root, "case")]
    if not cases:
        root.broken(f"{PurePath(file).name} has no [[case]]")
    if problems:
        raise FileErrors(tuple(sorted(set(problems))))
    return tuple(cases)


def rows(table: Table, key: str) -> Iterator[Table]:
    """The tables of a list of tables; each goes by its own keys in problems."""
    found = table.content.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        table.wrong(key, f"must be a list of tables: [[{table.name(key)}]]")
        return
    for place, content in enumerate(found):
        path = (*table.path, key, place)
        yield Table(table.document, path, table.problems, content=content, base=len(path))


def _case(table: Table, rules: RuleSet, interval: int) -> Case:
    table.refuse_unknown(_CASE)
    name = table.text("name", empty=False)
    if not name:
        table.problems.append(_place(table, "the case has no name"))
    only = _rule(table, rules, "")
    if only in rules.rules:
        rules = RuleSet({only: rules.rules[only]})  # nothing else has to be at work
    elif only in rules.correlations:
        joined = rules.correlations[only]
        needed = {name: rule for name, rule in rules.rules.items() if name in {*joined.all, *joined.none}}
        rules = RuleSet(needed, correlations={only: joined})
    scope = _Scope(rules, name, only)
    interval = table.duration("interval", interval, least=1)
    lines = tuple(_lines(table, interval))
    deeds: list[Deed] = [deed for each in rows(table, "silence") if (deed := _silencing(each, scope)) is not None]
    deeds += [_acking(each, scope) for each in rows(table, "ack")]
    deeds += [_marking(each, scope) for each in rows(table, "mark")]
    expected = [_expecting(each, scope) for each in rows(table, "expect")]
    if not expected:
        table.problems.append(_place(table, f'the case "{name}" expects nothing: give it a [[case.expect]]'))
    return Case(name, _place(table, name), rules, lines, (*deeds, *expected), _start(table))


def _place(table: Table, problem: str) -> Located:
    return table.document.key(table.path, problem)


def _start(table: Table) -> int:
    value: Any = table.content.get("start")
    if value is None:
        return START
    if not isinstance(value, datetime):
        table.wrong("start", "must be a date and time: 2026-01-05T08:00:00Z")
        return START
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _lines(table: Table, interval: int) -> Iterator[Line]:
    series = table.table("series", base=len(table.path))
    for text, value in (series.content if series else {}).items():
        if series is None:
            return
        inner = series.table(text, base=len(series.path) + 1) if isinstance(value, dict) else None
        if inner is not None:
            inner.refuse_unknown({"values", "offset", "interval"})
        holder, key = (series, text) if inner is None else (inner, "values")
        try:
            labels = parse_series(text)
            steps, values = parse_values(holder.text(key))
        except ValueError as error:
            table.problems.append(holder.document.value((*holder.path, key), str(error)))
            continue
        offset = inner.duration("offset", 0) if inner else 0
        every = inner.duration("interval", interval, least=1) if inner else interval
        yield Line(labels, steps * every + offset, values)


def _silencing(table: Table, scope: _Scope) -> Silencing | None:
    table.refuse_unknown({"at", "match", "for", "by"})
    matchers: list[Matcher] = []
    for text in table.texts("match") or ():
        try:
            matchers += parse_matchers(text)
        except MatcherError as error:
            table.wrong("match", f"is wrong: {error}")
    if not matchers:
        table.wrong("match", "needs a matcher: ['rule=\"mention-surge\"']")
        return None
    by = table.text("by", "somebody")
    return Silencing(
        _at(table), _place(table, _title(scope)), by, tuple(matchers), table.duration("for", _LENGTH, least=1)
    )


def _acking(table: Table, scope: _Scope) -> Acking:
    table.refuse_unknown({"at", "rule", "labels", "by", "for"})
    row = Row(_rule(table, scope.rules, scope.only) or None, _labels(table))
    by = table.text("by", "somebody")
    return Acking(_at(table), _place(table, _title(scope)), by, row, table.duration("for", 0))


def _marking(table: Table, scope: _Scope) -> Marking:
    table.refuse_unknown({"at", "kind", "text", "labels", "by"})
    kind = table.choice("kind", MarkKind.EVENT)
    by, text = table.text("by", "somebody"), table.text("text", str(kind))
    return Marking(_at(table), _place(table, _title(scope)), by, kind, text, _labels(table) or ())


def _expecting(table: Table, scope: _Scope) -> Expecting:
    table.refuse_unknown(_EXPECT)
    only = _rule(table, scope.rules, scope.only)
    if not table.content.keys() & {*_ROWS, "eval"}:
        table.problems.append(_place(table, f"nothing is expected: give it one of {', '.join((*_ROWS, 'eval'))}"))
    inner = _Scope(scope.rules, scope.name, only)
    lists = {key: tuple(_row(each, key, inner) for each in rows(table, key)) for key in _ROWS if key in table}
    return Expecting(
        _at(table),
        _place(table, _title(scope)),
        **lists,
        evaluations=tuple(found for each in rows(table, "eval") if (found := _evaluation(each)) is not None),
        only=only,
        partial=table.flag("partial", default=False),
    )


def _title(scope: _Scope) -> str:
    return f'"{scope.name}"'


def _at(table: Table) -> int:
    if "at" not in table:
        table.problems.append(_place(table, 'at is missing: when, since the start of the case, like at = "2m"'))
    return table.duration("at", 0)


def _rule(table: Table, rules: RuleSet, default: str) -> str:
    name = table.text("rule", default)
    if name and name not in rules.entries:
        table.wrong("rule", f'names "{name[:60]}", which is none of the rules{nearest(name, rules.entries)}')
    return name


def _labels(table: Table) -> Labels | None:
    return labels_of(table.pairs("labels")) if "labels" in table else None


def _row(table: Table, key: str, scope: _Scope) -> Row:
    """One row of a list; its keys are those that say something there."""
    table.refuse_unknown({"rule", "labels", *_ROWS[key]})
    says = {}
    for each in sorted(_ROWS[key] & table.content.keys() - {"value"}):
        says[each] = _said(table, each)
    value = _between(table) if "value" in table else None
    return Row(_rule(table, scope.rules, scope.only) or None, _labels(table), says, value)


def _said(table: Table, key: str) -> str:
    if key == "at":
        return show_duration(table.duration(key, 0))
    if key == "silenced":
        return "true" if table.flag(key, default=False) else "false"
    text = table.text(key)
    words = [*map(str, _WORDS[key]), *(["none"] if key == "outcome" else [])] if key in _WORDS else [text]
    if text not in words:
        table.wrong(key, f"must be one of {', '.join(words)}{nearest(text, words)}")
    return text


def _between(table: Table) -> Between | None:
    """A number (NaN and infinities among them), or the list of two between which it lies."""
    value: Any = table.content["value"]
    ends = value if isinstance(value, list) and len(value) == 2 else [value, value]
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
        table.wrong("value", "must be a number, or [low, high]")
        return None
    return Between(float(ends[0]), float(ends[1]))


def _evaluation(table: Table) -> Evaluation | None:
    table.refuse_unknown({"expr", "value", "labels", "rows"})
    text = table.text("expr", empty=False)
    try:
        expr = parse(text)
    except PromqlError as error:
        table.problems.append(table.document.inside((*table.path, "expr"), error.offset, error.problem))
        return None
    if ("rows" in table) == ("value" in table):
        table.wrong("expr", "needs a value, or rows: [{ labels = {…}, value = 1 }], [] for no result")
        return None
    if "rows" not in table:
        value, labels = _between(table), _labels(table)
        one = None if labels is None or value is None else ((labels, value),)
        return Evaluation(expr, text, value, one)
    found = []
    for each in rows(table, "rows"):
        each.refuse_unknown({"labels", "value"})
        value = _between(each) if "value" in each else None
        if value is None:
            each.wrong("value", "is missing")
        else:
            found.append((_labels(each) or (), value))
    return Evaluation(expr, text, None, tuple(found))
