"""Alerts as Alertmanager knows them: its webhook's body (version 4), and its API's alerts (version 2).

Labels are identity there, so they hold what never changes while a firing lives: those of the instance and of the
rule, `alertname` and `kind`. What changes (stage, severity, value) is an annotation: a rise is the same alert
(semantics S1). The fingerprint is Alertmanager's own: FNV-1a over names and values in order.

An alert that is sent once is forgotten there after a while. So an `endsAt` is given, four times the interval at which
it is sent again; when rtmd dies, its alerts end by themselves, and say nothing false for long. What has ended has ended
by wall time too, whose clock may have been set back since: an end to come would be no end there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from rtmd.model.display import safe
from rtmd.model.firing import Firing
from rtmd.model.labels import labels_of
from rtmd.model.reaction import Alert, Notification
from rtmd.receivers.fit import clip
from rtmd.receivers.said import Said, web_address

BODY_VERSION = "4"
LIFE = 4  # times the interval at which an alert is sent again

_NEVER = "0001-01-01T00:00:00Z"  # Go's zero time: still firing
_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_ANNOTATION = 4_000


def alert_labels(firing: Firing) -> dict[str, str]:
    """What the alert is called by, raw; without empty ones, which Alertmanager would drop."""
    return dict(labels_of(firing.called))


def fingerprint(labels: Mapping[str, str]) -> str:
    """Alertmanager's name for a label set."""
    total = _FNV_OFFSET
    for name, value in sorted(labels.items()):
        for byte in name.encode() + b"\xff" + value.encode() + b"\xff":
            total = ((total ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{total:016x}"


def notes(alert: Alert, title: str, text: str) -> dict[str, str]:
    """What is said of an alert: words, the virtual labels, links by name; and before all what its sender said."""
    firing, record = alert.firing, alert.record
    said = {
        "summary": title,
        "description": text,
        "stage": str(firing.stage),
        "severity": str(firing.severity),
        "value": f"{record.value:.6g}" if record and record.value is not None else "",
        "threshold": firing.threshold,
        "unit": firing.unit,
        "owner": firing.owner,
        "firing": firing.id,
        **{f"{_name(name)}_url": web_address(url) for name, url in firing.links},
    }
    if firing.origin is not None:
        said |= dict(firing.origin.annotations)
    return {name: _shown(value) for name, value in sorted(said.items()) if value}


def _shown(text: str) -> str:
    return clip("\n".join(map(safe, text.split("\n"))), _ANNOTATION)


def webhook_body(message: Notification, said: Said) -> bytes:
    """The body that Alertmanager's webhooks are sent: every consumer of those understands it."""
    alerts = [_webhook_alert(alert, said) for alert in message.alerts]
    body = {
        "version": BODY_VERSION,
        "groupKey": group_key(message),
        "truncatedAlerts": max(0, message.digest.fired - len(alerts)) if message.digest else 0,
        "status": "resolved" if message.resolved else "firing",
        "receiver": message.receiver,
        "groupLabels": dict(message.group) or {"alertname": message.alerts[0].firing.rule},
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": "",
        "alerts": alerts,
    }
    return msgspec.json.encode(body)


def group_key(message: Notification) -> str:
    """What belongs together over time: the group by its labels, or a firing by its id."""
    if not message.group:
        return message.alerts[0].firing.id
    return "{" + ", ".join(f'{name}="{value}"' for name, value in message.group) + "}"


def api_alerts(alerts: Iterable[tuple[Alert, Said]], at: int, resend: int) -> bytes:
    """The body of POST /api/v2/alerts at wall time `at`."""
    return msgspec.json.encode([_api_alert(alert, said, at, resend) for alert, said in alerts])


def _webhook_alert(alert: Alert, said: Said) -> dict[str, Any]:
    firing = alert.firing
    labels = alert_labels(firing)
    return {
        "status": "resolved" if alert.resolved else "firing",
        "labels": labels,
        "annotations": notes(alert, said.title, said.plain()),
        "startsAt": _time(firing.begun),
        "endsAt": _time(firing.resolved_at) if firing.resolved_at is not None else _NEVER,
        "generatorURL": generator(firing),
        "fingerprint": fingerprint(labels),
    }


def _api_alert(alert: Alert, said: Said, at: int, resend: int) -> dict[str, Any]:
    firing = alert.firing
    ends = at + LIFE * resend if firing.resolved_at is None else min(max(firing.resolved_at, firing.begun), at)
    posted: dict[str, Any] = {
        "labels": alert_labels(firing),
        "annotations": notes(alert, said.title, said.plain()),
        "startsAt": _time(min(firing.begun, ends)),
        "endsAt": _time(ends),
    }
    url = generator(firing)
    return posted | {"generatorURL": url} if url else posted


def generator(firing: Firing) -> str:
    """Where to look at what it says; empty when the rule has no such link."""
    if firing.origin is not None:
        return web_address(firing.origin.url)
    links = dict(firing.links)
    return web_address(links.get("dashboard") or links.get("graph") or "")


def _common(sets: list[dict[str, str]]) -> dict[str, str]:
    return {name: value for name, value in sets[0].items() if all(each.get(name) == value for each in sets)}


def _name(text: str) -> str:
    plain = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in text[:60])
    return f"_{plain}" if plain[:1].isdigit() else plain


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
