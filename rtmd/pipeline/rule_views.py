"""Pictures of rules and correlations for people: those in force with what they do now, and those switched off."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rtmd.engine.stage_table import StageTable
from rtmd.engine.unfed import UNFED_AFTER, patience
from rtmd.model.firing import Firing
from rtmd.model.rule import Correlation, Rule
from rtmd.pipeline.pipeline import Pipeline
from rtmd.wire.rules import RuleView


def rule_views(pipeline: Pipeline) -> list[RuleView]:
    """All of them, by name."""
    engine = pipeline.engine
    refused = engine.refused()
    is_open = [firing for firing in pipeline.firings() if firing.open and firing.origin is None]
    burning = Counter(firing.rule for firing in is_open)
    unfed = Counter(firing.rule for firing in is_open if _is_unfed(pipeline, firing))
    rejudging = Counter(firing.rule for firing in is_open if any(each.rejudging_since for each in firing.stages))
    views = [_switched_off(rule) for name, rule in engine.disabled.items() if name not in engine.rules]
    for name, rule in engine.rules.items():
        tables = engine.tables(name)
        views.append(
            RuleView(
                name=name,
                file=rule.file,
                line=rule.line,
                kind=rule.kind.value,
                stages=[stage.name.value for stage in rule.stages],
                firing=burning.get(name, 0),
                pending=sum([table.pending for table in tables if table.busy]),
                instances=max([table.size for table in tables]),
                refused=refused.get(name, 0),
                failures=engine.failures.get(name, 0),
                problems=engine.problems(name),
                shadow=rule.shadow,
                rejudging=rejudging.get(name, 0),
                unfed=unfed.get(name, 0),
                unfed_since=_unfed_since(pipeline, tables),
            )
        )
    views += [_joining(each, burning[each.name]) for each in pipeline.correlations.members.correlations.values()]
    return sorted(views, key=lambda view: view.name)


def _switched_off(rule: Rule) -> RuleView:
    stages = [stage.name.value for stage in rule.stages]
    return RuleView(rule.name, rule.file, rule.line, rule.kind.value, stages, enabled=False, shadow=rule.shadow)


def _joining(correlation: Correlation, firing: int) -> RuleView:
    place = (correlation.file, correlation.line, correlation.kind.value)
    shadow = correlation.shadow
    return RuleView(correlation.name, *place, stages=[], firing=firing, shadow=shadow, joins=list(correlation.all))


def _is_unfed(pipeline: Pipeline, firing: Firing) -> bool:
    tables = pipeline.engine.tables(firing.rule)
    return any(table.is_unfed(firing.labels) for table in tables if table.stage.name is firing.stage)


def _unfed_since(pipeline: Pipeline, tables: tuple[StageTable, ...]) -> int | None:
    """When the last sample came that feeds the rule, where that is too long ago; None too where none ever came."""
    signals = {table.signal for table in tables if table.signal.size}
    arrivals, at = pipeline.engine.plans.arrivals, pipeline.engine.evaluated_at
    latest = 0
    for signal in signals:
        # One series that was fed just now says enough, and nearly always there is one in the first row.
        for rows in (slice(0, 1), slice(1, signal.size)):
            series = signal.root.feeding(np.arange(signal.size)[rows])
            latest = max(latest, arrivals.latest(series) if len(series) else 0)
            if at - latest <= UNFED_AFTER:
                return None
    return latest if latest and at - latest > max(map(patience, signals)) else None
