"""Correlations in rule files: `[correlations.NAME]`, read by itself and then held against the rules it names.

The rules may stand in any file, so what a correlation says of them is checked when all files are read. A correlation
whose rules are gone fires no more and harms nobody: its file stays in use, and what is wrong with it is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rtmd.errors import Located
from rtmd.model.labels import get
from rtmd.model.rule import Correlation, Rule, RuleSet, Severity, StageName
from rtmd.model.title import title_problem
from rtmd.rulefile.head import HEAD, LABEL, RESERVED_LABELS, Head, read_head
from rtmd.rulefile.lint import labels_of_result
from rtmd.rulefile.named import ALWAYS_THERE
from rtmd.rulefile.table import Table, nearest

_KEYS = HEAD | {"all", "none", "on", "at_least", "notify", "brake", "severity"}
_MOST = 16  # rules in one correlation


def read_correlation(name: str, table: Table, defaults: Table) -> tuple[Correlation, Head] | None:
    """The correlation of that name; None with its problems recorded."""
    before = len(table.problems)
    table.refuse_unknown(_KEYS)
    head = read_head(name, table, defaults, "correlation")
    title = table.text("title")
    problem = title_problem(title)
    if problem:
        table.wrong("title", problem)
    every, none = _rules(table, "all"), _rules(table, "none")
    if not every and "all" not in table:
        table.broken("all is missing: the rules that have to fire together")
    for rule in sorted({*every} & {*none}):
        table.wrong("none", f"names {rule}, which stands in all as well")
    correlation = Correlation(
        name=name,
        title=title or name,
        all=every,
        none=none,
        on=_labels(table, head),
        at_least=table.choice("at_least", StageName.SECONDS),
        notify=table.texts("notify"),
        brake=table.texts("brake") or (),
        severity=table.choice("severity", Severity.INFO) if "severity" in table else None,
        kind=head.kind,
        owner=head.owner,
        links=head.links,
        labels=head.labels,
        reopen=head.reopen,
        shadow=head.shadow,
        file=table.document.file,
        line=table.line(),
    )
    return None if len(table.problems) > before else (correlation, head)


def check_correlations(
    rules: RuleSet, receivers: Collection[str] | None = None, actions: Collection[str] = ()
) -> tuple[Located, ...]:
    """Errors: rules that correlations name and no file has; with `receivers` also what is none of them or `actions`."""
    found = [problem for each in rules.correlations.values() for problem in _unknown(each, rules)]
    if receivers is not None:
        known = {*receivers, *ALWAYS_THERE}
        for each in rules.correlations.values():
            for name in sorted({*(each.notify or ())} - known):
                text = f'notify names the receiver "{name}", which the configuration does not have'
                found.append(_at(each, text + nearest(name, known)))
            for name in sorted({*each.brake} - {*actions}):
                text = f'brake names the action "{name}", which the configuration does not have'
                found.append(_at(each, text + nearest(name, actions)))
    return tuple(sorted(found))


def lint_correlations(rules: RuleSet) -> tuple[Located, ...]:
    """Warnings: what keeps a correlation from ever firing."""
    found = (problem for each in rules.correlations.values() for problem in _suspicions(each, rules))
    return tuple(sorted(found))


def _rules(table: Table, key: str) -> tuple[str, ...]:
    names = table.texts(key) or ()
    if key == "all" and table.content.get(key) == []:
        table.wrong(key, "must name the rules that have to fire together")
    if len(set(names)) < len(names):
        table.wrong(key, "names a rule twice")
    if len(names) > _MOST:
        table.wrong(key, f"must not name more than {_MOST} rules")
    return names


def _labels(table: Table, head: Head) -> tuple[str, ...]:
    names = table.texts("on") or ()
    for name in names:
        if not LABEL.fullmatch(name):
            table.wrong("on", f'has "{name[:60]}": a label is named with letters, digits and "_"')
        elif name in RESERVED_LABELS:
            table.wrong("on", f"cannot join on {name}: rtmd sets it")
        elif get(head.labels, name):
            table.wrong("labels", f"sets {name}, which it joins on")
    return tuple(sorted({*names}))


def _unknown(correlation: Correlation, rules: RuleSet) -> Iterator[Located]:
    for key, names in (("all", correlation.all), ("none", correlation.none)):
        for name in names:
            if name in rules.correlations:
                yield _at(correlation, f"{key} names {name}, which is a correlation: those join rules only")
            elif name not in rules.rules and name not in rules.disabled:
                yield _at(correlation, f'{key} names the rule "{name}", which no file has{nearest(name, rules.rules)}')


def _suspicions(correlation: Correlation, rules: RuleSet) -> Iterator[Located]:
    for name in correlation.all:
        rule = rules.rules.get(name)
        if name in rules.disabled:
            yield _at(correlation, f"all names {name}, which is not enabled: until it is, this cannot fire")
        elif rule is not None:
            yield from (_at(correlation, problem) for problem in _obstacles(correlation, rule))


def _obstacles(correlation: Correlation, rule: Rule) -> Iterator[str]:
    if rule.shadow:
        yield f"all names {rule.name}, which is in shadow: its firings do not count"
    if rule.stages[-1].name.rank < correlation.at_least.rank:
        yield f"at_least is {correlation.at_least}, and {rule.name} has no stage as high as that"
    labels = [labels_of_result(stage.signal) for stage in rule.stages]
    if all(labels):
        known = frozenset().union(*labels, (name for name, _ in rule.labels))
        for name in correlation.on:
            if name not in known:
                yield f"joins on {name}, which firings of {rule.name} do not have"


def _at(correlation: Correlation, problem: str) -> Located:
    return Located(correlation.file, correlation.line, 0, f"{correlation.name}: {problem}")
