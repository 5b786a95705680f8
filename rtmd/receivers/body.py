"""What receivers and actions are told, as JSON bytes: pure, the same notification gives the same bytes.

`docs/receivers.md` documents both bodies. Strings are raw, whatever they hold; `summary` is raw too: who prints it
passes it through `display.safe`. JSON has no NaN and no infinities: such values are null.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from rtmd.model.display import age, number
from rtmd.model.firing import Firing
from rtmd.model.reaction import ActionRun, Alert, Digest, Notification, Told
from rtmd.model.rule import Kind
from rtmd.wire.bodies import ActionBody, AlertBody, DigestBody, NotificationBody
from rtmd.wire.pictures import evidence_view, firing_view, run_view

BODY_VERSION = "1"  # of both bodies: rises when a field changes its meaning or goes


def notification_body(notification: Notification) -> bytes:
    """The `NotificationBody` of a notification."""
    body = NotificationBody(
        version=BODY_VERSION,
        key=notification.key,
        receiver=notification.receiver,
        status="resolved" if notification.resolved else "firing",
        reason=str(notification.reason),
        at=notification.at,
        summary=summary(notification),
        group=dict(notification.group),
        alerts=[_alert(alert, notification.at) for alert in notification.alerts],
        standing=[firing_view(firing) for firing in notification.standing],
        instead_of=notification.instead_of,
        because=notification.because,
        test=notification.test,
        digest=_digest(notification.digest) if notification.digest else None,
    )
    return msgspec.json.encode(body)


def _digest(digest: Digest) -> DigestBody:
    return DigestBody(
        storm=str(digest.phase or ""),
        since=digest.since,
        fired=digest.fired,
        new=digest.new,
        ended=digest.ended,
        firing=digest.firing,
        first=digest.first,
        top=dict(digest.top),
    )


def _alert(alert: Alert, at: int) -> AlertBody:
    record = alert.firing.record(alert.firing.stage)
    return AlertBody(
        seq=alert.seq,
        status="resolved" if alert.told is Told.RESOLVED else "firing",
        message=str(alert.told),
        reason=alert.reason,
        summary=alert_summary(alert, at),
        firing=msgspec.structs.replace(firing_view(alert.firing), runs=[run_view(run) for run in alert.runs]),
        evidence=evidence_view(record.evidence) if record and record.evidence else None,
    )


def action_body(run: ActionRun, firing: Firing | None, *, undo: bool) -> bytes:
    """The `ActionBody` of a run of a firing, or of its reversal."""
    body = ActionBody(
        version=BODY_VERSION,
        run=run.id,
        action=run.action,
        undo=undo,
        rule=run.rule,
        stage=str(run.stage),
        firing=run.firing_id,
        labels=dict(run.labels),
        by=run.by,
        about=None if firing is None else firing_view(firing),
    )
    return msgspec.json.encode(body)


def summary(notification: Notification) -> str:
    """One line in plain words: the first alert, and how many more there are news of, or stand."""
    if notification.digest is not None:
        return _counted(notification.digest)
    more = len(notification.alerts) - 1
    others = [f"{more} more" if more else "", f"{len(notification.standing)} standing" if notification.standing else ""]
    return "; and ".join([alert_summary(notification.alerts[0], notification.at), *filter(None, others)])


def _counted(digest: Digest) -> str:
    """`storm lasts: 412 fired, 30 ended, 382 fire now; first mention-surge; most: mention-surge 200, replies 112`."""
    what = f"storm {digest.phase}" if digest.phase else "still firing"
    top = ", ".join(f"{rule} {count}" for rule, count in digest.top)
    counts = f"{digest.fired} fired, {digest.ended} ended, {digest.firing} fire now"
    return f"{what}: {counts}; first {digest.first}" + (f"; most: {top}" if top else "")


def alert_summary(alert: Alert, at: int) -> str:
    """One firing in plain words: what, stage, value against threshold, since when, outcomes so far.

    `Mentions of acme: raised to minutes, 182 posts against > 120, since 14:02:11 UTC (12m), seconds confirmed`
    """
    firing = alert.firing
    said = {
        Told.FIRING: f"firing in {firing.stage}",
        Told.RAISED: f"raised to {firing.stage}",
        Told.STILL_FIRING: f"still firing in {firing.stage}",
        Told.FLAPPING: f"flapping in {firing.stage}",
        Told.RESOLVED: "resolved",
    }[alert.told]
    starved = firing.kind is Kind.NO_DATA
    since = datetime.fromtimestamp(firing.begun // 1000, UTC)
    parts = [
        f"{firing.title}: {said}",
        _value(firing),
        f"{'no data ' if starved else ''}since {since:%H:%M:%S} UTC ({age(at - firing.begun)})",
        *(f"{record.name} {record.outcome}" for record in firing.stages if record.outcome),
    ]
    return ", ".join(part for part in parts if part)


def _value(firing: Firing) -> str:
    record = firing.record(firing.stage)
    if record is None or record.value is None:
        return ""
    shown = f"{number(record.value)} {firing.unit}".rstrip()
    return f"{shown} against {firing.threshold}" if firing.threshold else shown
