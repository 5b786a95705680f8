"""From vocabulary to messages: a firing as it was recorded, without what only a running daemon knows.

Receivers are sent exactly this; the operator API adds live values, flags and silences (`pipeline.views`).
"""

from __future__ import annotations

from rtmd.model.action import Hold, Proposal
from rtmd.model.external import Origin
from rtmd.model.firing import Ack, Evidence, Firing, Member, StageRecord, StageState
from rtmd.model.mark import Mark
from rtmd.model.reaction import ActionRun
from rtmd.wire import AckView, ClauseView, EvidenceView, ExemplarView, FiringView, RelatedView, StageView
from rtmd.wire.actions import HoldView, ProposalView, RunView
from rtmd.wire.marks import MarkView
from rtmd.wire.origin import OriginView


def firing_view(firing: Firing) -> FiringView:
    """The firing as its transitions left it."""
    record = firing.record(firing.stage)
    return FiringView(
        id=firing.id,
        version=firing.version,
        rule=firing.rule,
        title=firing.title,
        labels=dict(firing.labels) | dict(firing.extra_labels),
        kind=str(firing.kind),
        severity=str(firing.severity),
        stage=str(firing.stage),
        state=_state(firing),
        stages=[stage_view(each, firing.threshold if each.name is firing.stage else "") for each in firing.stages],
        value=record.value if record else None,
        threshold=firing.threshold,
        unit=firing.unit,
        active_at=firing.active_at,
        fired_at=firing.fired_at,
        resolved_at=firing.resolved_at,
        reason=firing.reason,
        episodes=firing.episodes,
        owner=firing.owner,
        ack=_ack_view(firing.ack) if firing.ack else None,
        links=dict(firing.links),
        follows=firing.follows,
        verdict="" if firing.verdict is None else "real" if firing.verdict.real else "noise",
        origin=_origin_view(firing.origin) if firing.origin else None,
        members=[related_view(each) for each in firing.members],
        marks=[mark_view(mark) for mark in firing.marks],
    )


def related_view(related: Member | Firing, state: str = "") -> RelatedView:
    """A firing that takes part, as it joined, or as it is."""
    return RelatedView(related.id, related.rule, dict(related.labels), str(related.stage), state)


def stage_view(record: StageRecord, threshold: str) -> StageView:
    """One stage of the ladder."""
    return StageView(
        name=str(record.name),
        state=str(record.state),
        threshold=threshold,
        value=record.value,
        peak=record.peak,
        active_at=record.active_at,
        fired_at=record.fired_at,
        ended_at=record.ended_at,
        judge_at=record.judge_at,
        outcome=str(record.outcome or ""),
        rejudging_since=record.rejudging_since,
    )


def mark_view(mark: Mark) -> MarkView:
    """A mark."""
    return MarkView(mark.id, mark.time, str(mark.kind), mark.text, dict(mark.labels), mark.by)


def evidence_view(evidence: Evidence) -> EvidenceView:
    """A recorded evaluation."""
    return EvidenceView(
        at=evidence.at,
        clauses=[ClauseView(each.name, each.text, each.value, each.holds) for each in evidence.clauses],
        exemplars=[ExemplarView(each.text, each.author, each.reach, each.url) for each in evidence.exemplars],
    )


def run_view(run: ActionRun) -> RunView:
    """An action run."""
    return RunView(run.id, run.action, str(run.stage), str(run.state), run.at, run.detail, run.by)


def proposal_view(proposal: Proposal, wall: int, would_run: str) -> ProposalView:
    """A proposal as it is at a wall time; `would_run` says what an approval would do."""
    return ProposalView(
        id=proposal.id,
        version=proposal.version,
        action=proposal.action,
        firing=proposal.firing_id,
        rule=proposal.rule,
        title=proposal.title,
        labels=dict(proposal.labels),
        stage=str(proposal.stage),
        state=str(proposal.state),
        onset=proposal.onset,
        made_at=proposal.made_at,
        expires_at=proposal.expires_by(wall),
        would_run=would_run,
        by=proposal.by,
        decided_at=proposal.decided_at,
        reason=proposal.reason,
        run=proposal.run_id,
    )


def hold_view(hold: Hold) -> HoldView:
    """That everything is held."""
    return HoldView(hold.by, hold.at, hold.reason)


def _state(firing: Firing) -> str:
    if not firing.open:
        return "resolved"
    recovering = all(record.state is StageState.RECOVERING for record in firing.stages if record.keeps_open)
    return "recovering" if recovering else "firing"


def _origin_view(origin: Origin) -> OriginView:
    return OriginView(origin.sender, origin.starts_at, dict(origin.annotations), origin.url)


def _ack_view(ack: Ack) -> AckView:
    return AckView(by=ack.by, at=ack.at, until=ack.until, note=ack.note, raised=ack.raised)
