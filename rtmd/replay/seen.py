"""What the stages of a rule saw at a moment of a trial: states, values against thresholds, clause by clause.

This is computed anew from the samples, for the eyes of whoever wrote the test: it is there for instances too that the
engine does not know.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtmd.errors import PromqlError
from rtmd.model.duration import show_duration
from rtmd.model.expr import Expr
from rtmd.model.firing import StageRecord, StageState
from rtmd.model.labels import METRIC_NAME, Labels, show, without
from rtmd.model.rule import Rule, Stage
from rtmd.replay.trial import Trial

_MOST = 5  # instances that are shown where none is named
_NAME = frozenset({METRIC_NAME})


def seen(trial: Trial, name: str, wanted: set[Labels]) -> Iterator[str]:
    """Lines about these instances of a rule (of all rules: ""); where none is named, about those that there are."""
    for rule in trial.rules(name):
        known = sorted(_instances(trial, rule))
        shown = sorted(wanted) or known[:_MOST]
        if not known:
            yield f"  {rule.name} has no instance at all: no series feeds its signal"
        for labels in shown if known else ():
            yield f"  {rule.name} {show(labels)}" + ("" if labels in known else ": there is no such instance")
            for stage in rule.stages:
                yield from _stage(trial, rule, stage, labels)
        if not wanted and len(known) > _MOST:
            yield f"  … and {len(known) - _MOST} more instances"


def _instances(trial: Trial, rule: Rule) -> set[Labels]:
    """The instances that have a value now in any stage, or a clock that runs."""
    found: set[Labels] = set()
    for stage in rule.stages:
        rows = _rows(trial, stage.signal)
        found |= {without(labels, _NAME) for labels, _ in rows}
    for table in trial.pipeline.engine.tables(rule.name):
        found |= {labels for labels, record in table.records() if record.state.burning or not record.of_feed}
    return found


def _rows(trial: Trial, expr: Expr) -> list[tuple[Labels, float]]:
    try:
        found = trial.evaluate(expr)
    except PromqlError:
        return []
    return found if isinstance(found, list) else []


def _stage(trial: Trial, rule: Rule, stage: Stage, labels: Labels) -> Iterator[str]:
    records = {record.name: record for record in trial.pipeline.engine.clocks((rule.name, labels))}
    yield f"    {stage.name:<8} {_state(records.get(stage.name), stage, trial)}"
    yield f"      signal {_value(trial, stage.signal, labels):>10}  {stage.signal_text} {stage.condition}"
    if stage.recent_signal is not None:
        yield f"      recent {_value(trial, stage.recent_signal, labels):>10}  over {show_duration(stage.recent or 0)}"
    if stage.guard is not None:
        yield f"      guard  {_value(trial, stage.guard, labels):>10}  {stage.guard_text}"


def _state(record: StageRecord | None, stage: Stage, trial: Trial) -> str:
    if record is None or record.state is StageState.INACTIVE:
        return str(StageState.INACTIVE)
    since = record.keep_since if record.state is StageState.RECOVERING else record.active_at
    parts = [str(record.state), f"since {show_duration((since or trial.start) - trial.start)}"]
    if record.state is StageState.PENDING and stage.hold.duration:
        parts.append(f"for {show_duration(stage.hold.duration)}")
    return " ".join(parts)


def _value(trial: Trial, expr: Expr, labels: Labels) -> str:
    try:
        value = trial.value_of(expr, labels)
    except PromqlError as error:
        return str(error)
    return "no result" if value is None else f"{value:.6g}"
