"""Pictures of the pipeline for people: wire structs, computed when they are asked for.

Read between two steps; nothing here changes state. Suppression is judged at read time (semantics S5), and live
values come from the stage tables rather than from the firing, which records transitions only.
"""

from __future__ import annotations

import msgspec

from rtmd import wire
from rtmd.alerting.arguments import would_run
from rtmd.alerting.exposed import exposed
from rtmd.model.firing import Firing, StageRecord, StageState
from rtmd.model.rule import Stage
from rtmd.pipeline.pipeline import Pipeline
from rtmd.pipeline.silence_views import silence_scope
from rtmd.wire import pictures
from rtmd.wire.actions import ProposalView
from rtmd.wire.marks import MarkView


def firing_view(pipeline: Pipeline, firing: Firing, at: int, *, evidence: bool = False) -> wire.FiringView:
    """One row of the screen; with `evidence` the stages carry their recorded evaluation."""
    rule = pipeline.reactor.rule_of(firing)
    live = {record.name: record for record in pipeline.engine.clocks((firing.rule, firing.labels)) if rule}
    stages = []
    for record in firing.stages:
        clock = live.get(record.name, record) if firing.open else record
        stages.append(_stage_view(record, clock, rule.stage(record.name) if rule else None, evidence=evidence))
    shown = next((stage for stage in stages if stage.name == firing.stage), None)
    wall = pipeline.wall(at)
    silences = pipeline.reactor.dispatch.silences.muting(exposed(firing), wall) if firing.open else []
    culprit = pipeline.reactor.dispatch.suppression.inhibitions.culprit(exposed(firing), at) if firing.open else None
    picture = pictures.firing_view(firing)
    return msgspec.structs.replace(
        picture,
        stages=stages,
        value=_value(pipeline, firing, shown),
        flags=_flags(pipeline, firing, at, muted=bool(silences or culprit)),
        ack=None if firing.open and firing.ack and firing.ack.until < wall else picture.ack,
        silenced_by=[silence.id for silence in silences],
        silenced_until=silences[0].ends_at if silences else None,
        silencer=silences[0].created_by if silences else "",
        inhibited_by=culprit.firing.id if culprit else "",
        inhibitor=culprit.firing.rule if culprit else "",
        runs=[pictures.run_view(run) for run in pipeline.reactor.acting.runs.of(firing.id)],
        proposals=_proposals(pipeline, firing, wall),
        members=_members(pipeline, firing),
        part_of=[pictures.related_view(each, "firing") for each in pipeline.correlations.of(firing) if each.open],
        group=silence_scope(firing, pipeline.reactor.dispatch.groups.of(firing.id)),
    )


def _value(pipeline: Pipeline, firing: Firing, shown: wire.StageView | None) -> float | None:
    if firing.correlated and firing.open:
        return float(pipeline.correlations.size(firing))
    return shown.value if shown else None


def _members(pipeline: Pipeline, firing: Firing) -> list[wire.RelatedView]:
    """Who took part, each as it is now if it still does."""
    views = []
    for member in firing.members:
        now = pipeline.firing(member.id)
        if now is not None and pipeline.correlations.takes_part(now, firing):
            views.append(pictures.related_view(now, "firing"))
        else:
            views.append(pictures.related_view(member, "past" if now is not None and now.open else "resolved"))
    return views


def _proposals(pipeline: Pipeline, firing: Firing, wall: int) -> list[ProposalView]:
    found, actions = pipeline.reactor.proposing.proposals.of(firing.id), pipeline.reactor.acting.actions
    return [pictures.proposal_view(each, wall, would_run(actions.get(each.action), each)) for each in found]


def mark_views(pipeline: Pipeline, since: int, at: int) -> list[MarkView]:
    """The marks since then (wall time), oldest first."""
    return [pictures.mark_view(mark) for mark in pipeline.engine.plans.marks.between(since - 1, pipeline.wall(at))]


def _stage_view(record: StageRecord, clock: StageRecord, stage: Stage | None, *, evidence: bool) -> wire.StageView:
    recovering = clock.state is StageState.RECOVERING and clock.keep_since is not None
    return msgspec.structs.replace(
        pictures.stage_view(record, str(stage.condition) if stage else ""),
        state=str(clock.state),
        value=clock.value,
        peak=clock.peak if record.fired_at is not None else None,
        active_at=clock.active_at,
        rejudging_since=clock.rejudging_since,
        clears_at=clock.keep_since + stage.keep if recovering and stage and clock.keep_since else None,
        evidence=pictures.evidence_view(record.evidence) if evidence and record.evidence else None,
    )


def _flags(pipeline: Pipeline, firing: Firing, at: int, *, muted: bool) -> list[str]:
    flags = []
    if firing.correlated:
        if firing.open and pipeline.correlations.is_orphan(firing.rule):
            flags.append("orphaned")
        return [*flags, *(["shadow"] * firing.shadow)]
    rule = pipeline.reactor.rule_of(firing)
    tables = pipeline.engine.tables(firing.rule)
    if firing.open and firing.origin is None:
        if any(table.is_unfed(firing.labels) for table in tables if table.stage.name is firing.stage):
            flags.append("unfed")
        if any(table.is_warming(firing.labels, at) for table in tables):
            flags.append("warming")
        if any(table.record(firing.labels).rejudging_since for table in tables):
            flags.append("rejudging")
        if rule is None or pipeline.engine.is_orphan(firing.rule):
            flags.append("orphaned")
        stage = rule.stage(firing.stage) if rule else None
        if stage and stage.run and (muted or firing.flaps) and not pipeline.reactor.acting.runs.of(firing.id):
            flags.append("would-have-run")
    if firing.flaps:
        flags.append("flapping")
    if firing.shadow:
        flags.append("shadow")
    return flags
