"""The rules in force as alerting rules of Prometheus, for its clients: each stage of each rule is one.

What has no counterpart there is said in its words: a recovering stage is firing, kept since the condition ended. The
query is the whole condition, with threshold, recent window and guard; clear levels, coverage and M-of-N are not in it.
Stages are judged together, and nobody measures what one costs: `evaluationTime` is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from msgspec import UNSET

from rtmd.engine.episodes import stage_title
from rtmd.engine.stage_table import StageTable
from rtmd.formats.query_json import show_moment, show_scientific, show_value
from rtmd.matching import compile_matchers
from rtmd.model.expr import Binary, Expr, Matching, Number
from rtmd.model.firing import Exemplar, StageRecord, StageState
from rtmd.model.labels import Labels, labels_of
from rtmd.model.matcher import Matcher
from rtmd.model.rule import Comparison, Condition, Kind, Rule, Stage
from rtmd.pipeline.pipeline import Pipeline
from rtmd.promql import show
from rtmd.wire.prometheus import Alert, AlertingRule, ExemplarRow, RuleGroup, SeriesExemplars

_STATES = ("inactive", "pending", "firing")
_SIGNS = {
    Comparison.ABOVE: ">",
    Comparison.AT_LEAST: ">=",
    Comparison.BELOW: "<",
    Comparison.AT_MOST: "<=",
}
# As tools of Prometheus know them, and the import reads them.
_LINKS = {"runbook": "runbook_url", "dashboard": "dashboard_url"}


def rule_groups(pipeline: Pipeline) -> list[RuleGroup]:
    """The rules in force, file by file."""
    rules = sorted(pipeline.engine.rules.values(), key=lambda rule: (rule.file, rule.line, rule.name))
    return [_group(pipeline, file, list(found)) for file, found in groupby(rules, key=lambda rule: rule.file)]


def exemplars(pipeline: Pipeline, wanted: Sequence[tuple[Matcher, ...]], start: int, end: int) -> list[SeriesExemplars]:
    """The evidence that is kept of the series that one of these selectors matches, oldest first."""
    wants = [compile_matchers(matchers) for matchers in wanted]
    found = []
    for labels, placed in pipeline.engine.plans.exemplars():
        if not any(want(labels) for want in wants):
            continue
        rows = [
            ExemplarRow(_exemplar_labels(each.exemplar), show_value(each.exemplar.reach), each.time / 1000)
            for each in sorted(placed, key=lambda each: each.time)
            if start <= each.time <= end
        ]
        if rows:
            found.append((labels, SeriesExemplars(dict(labels), rows)))
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


def condition_query(stage: Stage) -> str:
    """The stage's condition as one PromQL expression."""
    expr = _held(stage.condition, stage.signal)
    if stage.recent_signal is not None:
        expr = Binary("and", expr, _held(stage.condition, stage.recent_signal), Matching())
    if stage.guard is not None:
        expr = Binary("and", expr, stage.guard, Matching())
    return show(expr)


def _held(condition: Condition, signal: Expr) -> Expr:
    """The signal against the threshold."""
    match condition.comparison:
        case Comparison.RESULT:
            return signal
        case Comparison.OUTSIDE:
            low = Binary("<", signal, Number(condition.low))
            return Binary("or", low, Binary(">", signal, Number(condition.high)), Matching())
        case comparison:
            return Binary(_SIGNS[comparison], signal, Number(condition.threshold))


def _group(pipeline: Pipeline, file: str, rules: Iterable[Rule]) -> RuleGroup:
    tables = [(rule, table) for rule in rules for table in pipeline.engine.tables(rule.name)]
    shown = [_alerting_rule(pipeline, rule, table) for rule, table in tables]
    interval = min((table.stage.grid for _, table in tables), default=0)
    return RuleGroup(
        name=file.rpartition("/")[2].removesuffix(".toml"),
        file=file,
        rules=shown,
        interval=interval / 1000,
        limit=0,
        evaluation_time=0.0,
        last_evaluation=max((rule.last_evaluation for rule in shown), default=show_moment(0)),
    )


def _alerting_rule(pipeline: Pipeline, rule: Rule, table: StageTable) -> AlertingRule:
    stage = table.stage
    live = list(_alerts(pipeline, rule, table))
    state = max((_STATES.index(alert.state) for alert in live), default=0)
    problem = _problem(table)
    point = pipeline.engine.evaluated_at // stage.grid * stage.grid  # the last one
    judged = point > table.since
    return AlertingRule(
        state=_STATES[state],
        name=rule.name,
        query=condition_query(stage),
        duration=stage.hold.duration / 1000,
        keep_firing_for=stage.keep / 1000,
        labels=_rule_labels(rule, stage),
        annotations={"summary": stage.title or rule.title, **_links(rule)},
        alerts=live,
        health="err" if problem else "ok" if judged else "unknown",
        last_error=problem or UNSET,
        evaluation_time=0.0,
        last_evaluation=show_moment(pipeline.wall(point) if judged else 0),
    )


def _problem(table: StageTable) -> str:
    problems = [problem for plan in table.plans for problem in plan.problems()]
    if table.refused:
        problems.append(f"{table.refused} instances are over limits.instances_per_rule and are not judged")
    return "; ".join(problems)


def _alerts(pipeline: Pipeline, rule: Rule, table: StageTable) -> Iterator[Alert]:
    for labels, record in sorted(table.records(), key=lambda pair: pair[0]):
        if record.state is not StageState.INACTIVE:
            yield _alert(pipeline, rule, table.stage, labels, record)


def _alert(pipeline: Pipeline, rule: Rule, stage: Stage, labels: Labels, record: StageRecord) -> Alert:
    since = record.keep_since if record.state is StageState.RECOVERING else None
    kind = {"kind": str(Kind.NO_DATA)} if record.of_feed else {}
    return Alert(
        labels=dict(labels_of({**dict(labels), **_rule_labels(rule, stage), **kind, "alertname": rule.name})),
        annotations={"summary": stage_title(rule, stage, labels, record.value), **_links(rule)},
        state="firing" if record.state.burning else "pending",
        active_at=show_moment(pipeline.wall(record.active_at or record.fired_at or 0)),
        value=show_scientific(float("nan") if record.value is None else record.value),
        keep_firing_since=UNSET if since is None else show_moment(pipeline.wall(since)),
    )


def _rule_labels(rule: Rule, stage: Stage) -> dict[str, str]:
    own = {"kind": str(rule.kind), "severity": str(stage.severity), "stage": str(stage.name)}
    return dict(labels_of(dict(rule.labels) | own))


def _links(rule: Rule) -> dict[str, str]:
    return {_LINKS.get(name, name): link for name, link in rule.links}


def _exemplar_labels(exemplar: Exemplar) -> dict[str, str]:
    named = {"text": exemplar.text, "author": exemplar.author, "url": exemplar.url}
    return {name: text for name, text in named.items() if text}
