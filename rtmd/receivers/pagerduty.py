"""PagerDuty's Events API v2: the incident is triggered and resolved under the firing's id.

A rise triggers again under the same key, which raises the severity of the same alert. Limits: 1,024 characters of
summary, 255 of key.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from rtmd.config import PagerDutyReceiver
from rtmd.model.display import safe
from rtmd.model.reaction import Alert, Notification, StormPhase
from rtmd.model.rule import Severity
from rtmd.receivers.fit import clip
from rtmd.receivers.said import Part, Said

_SUMMARY = 1_024
_KEY = 255
_SOURCE = 255
_DETAILS = 8_000
_LINKS = 20

_SEVERITIES = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


def pagerduty(message: Notification, said: Said, config: PagerDutyReceiver, *, source: str) -> tuple[bytes, ...]:
    """The events to post, one an alert; `said` as it is, `source` is the daemon's name.

    A storm is an incident of its own, resolved when it is over.
    """
    digest = message.digest
    if digest is not None and digest.phase is not None:
        event = _event(message.alerts[0], said, said.parts[0], config, source)
        over = digest.phase is StormPhase.OVER
        event["event_action"] = "resolve" if over else "trigger"
        event["dedup_key"] = clip(f"storm {digest.since} {message.receiver}", _KEY)
        return (msgspec.json.encode(event),)
    return tuple(
        msgspec.json.encode(_event(alert, said, part, config, source))
        for alert, part in zip(message.alerts, said.parts, strict=True)
    )


def _event(alert: Alert, said: Said, part: Part, config: PagerDutyReceiver, source: str) -> dict[str, Any]:
    firing = alert.firing
    labels = (*firing.labels, *firing.extra_labels)  # the rule's go before the signal's
    return {
        "routing_key": config.key,
        "event_action": "resolve" if alert.resolved else "trigger",
        "dedup_key": clip(firing.id, _KEY),
        "client": "rtmd",
        "payload": {
            "summary": clip(said.title, _SUMMARY),
            "source": clip(safe(source), _SOURCE) or "rtmd",
            "severity": _SEVERITIES[firing.severity],
            "timestamp": datetime.fromtimestamp(firing.begun / 1000, UTC).isoformat(timespec="milliseconds"),
            "component": safe(firing.rule, _SOURCE),
            "class": str(firing.kind),
            "custom_details": {
                "text": clip(said.plain(), _DETAILS),
                "stage": str(firing.stage),
                "labels": {safe(name, 100): safe(value, 500) for name, value in labels},
            },
        },
        "links": [{"href": url, "text": name} for name, url in part.links][:_LINKS],
    }
