"""A message to try a receiver out with: the path and the words of a real one, marked as a test everywhere."""

from __future__ import annotations

from rtmd.model.firing import Firing, StageRecord, StageState
from rtmd.model.reaction import Alert, Notification, NotifyReason, Told
from rtmd.model.replace import replace
from rtmd.model.rule import Kind, Severity, StageName

RULE = "rtmd.test"


def trial(receiver: str, daemon: str, at: int) -> tuple[Notification, Notification]:
    """A firing and its end: incidents and alerts that were opened for a test have to be closed again."""
    firing = Firing(
        id=f"test-{at}",
        version=1,
        rule=RULE,
        labels=(("receiver", receiver),),
        kind=Kind.HEALTH,
        title=f"{daemon} → {receiver}",
        severity=Severity.INFO,
        stage=StageName.SECONDS,
        stages=(StageRecord(StageName.SECONDS, StageState.FIRING, fired_at=at, value=1.0, peak=1.0),),
        active_at=at,
        fired_at=at,
        threshold="> 0",
        reason="a test",
    )
    ended = _about(receiver, at, Alert(_ended(firing, at), Told.RESOLVED, 2, "the test is over"))
    return _about(receiver, at, Alert(firing, Told.FIRING, 1, "a test")), ended


def _about(receiver: str, at: int, alert: Alert) -> Notification:
    reason = NotifyReason.ALL_RESOLVED if alert.resolved else NotifyReason.FIRST
    return Notification(f"{alert.firing.id}/{receiver}/{alert.seq}", receiver, at, reason, (alert,), test=True)


def _ended(firing: Firing, at: int) -> Firing:
    return replace(firing, resolved_at=at, version=2)
