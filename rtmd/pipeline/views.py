"""Pictures of the pipeline for people: wire structs, computed when they are asked for.

Read between two steps; nothing here changes state. Suppression is judged at read time (semantics S5), and live
values come from the stage tables rather than from the firing, which records transitions only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rtmd import wire
from rtmd.model.firing import Evidence, Firing, StageRecord, StageState
from rtmd.model.reaction import ActionRun
from rtmd.model.rule import Stage
from rtmd.model.silence import Silence
from rtmd.pipeline.pipeline import Pipeline


def firing_view(pipeline: Pipeline, firing: Firing, at: int, *, evidence: bool = False) -> wire.FiringView:
    """One row of the screen; with `evidence` the stages carry their recorded evaluation."""
    rule = pipeline.engine.rule(firing.rule)
    live = {record.name: record for record in pipeline.engine.clocks((firing.rule, firing.labels))}
    stages = []
    for record in firing.stages:
        stage = rule.stage(record.name) if rule else None
        stages.append(_stage_view(record, live.get(record.name), stage, is_open=firing.open, evidence=evidence))
    shown = next((stage for stage in stages if stage.name == firing.stage), None)
    silences = pipeline.reactor.muting(firing, pipeline.wall(at)) if firing.open else []
    return wire.FiringView(
        id=firing.id,
        version=firing.version,
        rule=firing.rule,
        title=firing.title,
        labels=dict(firing.labels) | dict(firing.extra_labels),
        kind=str(firing.kind),
        severity=str(firing.severity),
        stage=str(firing.stage),
        state=_state(firing),
        stages=stages,
        value=shown.value if shown else None,
        threshold=firing.threshold,
        unit=firing.unit,
        active_at=firing.active_at,
        fired_at=firing.fired_at,
        resolved_at=firing.resolved_at,
        reason=firing.reason,
        episodes=firing.episodes,
        owner=firing.owner,
        flags=_flags(pipeline, firing, at, silenced=bool(silences)),
        ack=_ack_view(firing, pipeline.wall(at)),
        silenced_by=[silence.id for silence in silences],
        silenced_until=silences[0].ends_at if silences else None,
        silencer=silences[0].created_by if silences else "",
        runs=[_run_view(run) for run in pipeline.reactor.runs.of(firing.id)],
        links=dict(firing.links),
        follows=firing.follows,
    )


def silence_view(pipeline: Pipeline, silence: Silence, at: int, firings: Iterable[Firing]) -> wire.SilenceView:
    """A silence, with the number of these firings that it covers now."""
    wall = pipeline.wall(at)
    return wire.SilenceView(
        id=silence.id,
        state=str(silence.state(wall)),
        matchers=[str(matcher) for matcher in silence.matchers],
        starts_at=silence.starts_at,
        ends_at=silence.ends_at,
        created_by=silence.created_by,
        comment=silence.comment,
        updated_at=silence.updated_at,
        matches_now=sum(
            firing.open and any(each.id == silence.id for each in pipeline.reactor.muting(firing, wall))
            for firing in firings
        ),
    )


def rule_views(pipeline: Pipeline) -> list[wire.RuleView]:
    """The rules in force."""
    views = []
    burning = Counter(firing.rule for firing in pipeline.firings() if firing.open)
    for name, rule in pipeline.engine.rules.items():
        tables = pipeline.engine.tables(name)
        views.append(
            wire.RuleView(
                name=name,
                file=rule.file,
                line=rule.line,
                kind=str(rule.kind),
                stages=[str(stage.name) for stage in rule.stages],
                firing=burning[name],
                pending=sum(table.pending for table in tables),
                instances=max((table.size for table in tables), default=0),
            )
        )
    return views


def evidence_view(evidence: Evidence) -> wire.EvidenceView:
    """A recorded evaluation."""
    return wire.EvidenceView(
        at=evidence.at,
        clauses=[wire.ClauseView(each.name, each.text, each.value, each.holds) for each in evidence.clauses],
        exemplars=[wire.ExemplarView(each.text, each.author, each.reach, each.url) for each in evidence.exemplars],
    )


def _stage_view(
    record: StageRecord, live: StageRecord | None, stage: Stage | None, *, is_open: bool, evidence: bool
) -> wire.StageView:
    clock = live if live is not None and is_open else record
    recovering = clock.state is StageState.RECOVERING and clock.keep_since is not None and stage is not None
    return wire.StageView(
        name=str(record.name),
        state=str(clock.state),
        threshold=str(stage.condition) if stage else "",
        value=clock.value,
        peak=clock.peak if record.fired_at is not None else None,
        active_at=clock.active_at,
        fired_at=record.fired_at,
        ended_at=record.ended_at,
        judge_at=record.judge_at,
        clears_at=(clock.keep_since or 0) + stage.keep if recovering and stage else None,
        outcome=str(record.outcome) if record.outcome else "",
        evidence=evidence_view(record.evidence) if evidence and record.evidence else None,
    )


def _state(firing: Firing) -> str:
    if not firing.open:
        return "resolved"
    firing_now = any(record.state is StageState.FIRING for record in firing.stages)
    return "firing" if firing_now else "recovering"


def _flags(pipeline: Pipeline, firing: Firing, at: int, *, silenced: bool) -> list[str]:
    flags = []
    rule = pipeline.engine.rule(firing.rule)
    tables = pipeline.engine.tables(firing.rule)
    if firing.open:
        if any(table.is_unfed(firing.labels) for table in tables if table.stage.name is firing.stage):
            flags.append("unfed")
        if any(table.is_warming(firing.labels, at) for table in tables):
            flags.append("warming")
        if rule is None or pipeline.engine.is_orphan(firing.rule):
            flags.append("orphaned")
        stage = rule.stage(firing.stage) if rule else None
        if stage and stage.run and silenced and not pipeline.reactor.runs.of(firing.id):
            flags.append("would-have-run")
    if firing.shadow:
        flags.append("shadow")
    return flags


def _ack_view(firing: Firing, wall: int) -> wire.AckView | None:
    ack = firing.ack
    if ack is None or (firing.open and ack.until < wall):
        return None
    return wire.AckView(by=ack.by, at=ack.at, until=ack.until, note=ack.note, raised=ack.raised)


def _run_view(run: ActionRun) -> wire.RunView:
    return wire.RunView(run.id, run.action, str(run.stage), str(run.state), run.at, run.detail)
