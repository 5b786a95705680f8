"""Rules and alerts as Prometheus' API shows them: its field names, its kinds of numbers, times as RFC 3339.

Prometheus' clients read this; rtmd's own read `rtmd.wire`.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType


class Alert(msgspec.Struct, frozen=True, rename="camel"):
    """One instance of one stage that is pending, firing or recovering."""

    labels: dict[str, str]
    annotations: dict[str, str]
    state: str  # pending | firing
    active_at: str
    value: str
    keep_firing_since: str | UnsetType = UNSET


class AlertingRule(msgspec.Struct, frozen=True, rename="camel"):
    """One stage of one rule; lengths are seconds."""

    state: str  # inactive | pending | firing
    name: str
    query: str
    duration: float
    keep_firing_for: float
    labels: dict[str, str]
    annotations: dict[str, str]
    alerts: list[Alert]
    health: str  # ok | err | unknown
    evaluation_time: float
    last_evaluation: str
    type: str = "alerting"
    last_error: str | UnsetType = UNSET


class RuleGroup(msgspec.Struct, frozen=True, rename="camel"):
    """The rules of one file."""

    name: str
    file: str
    rules: list[AlertingRule]
    interval: float
    limit: int
    evaluation_time: float
    last_evaluation: str


class ExemplarRow(msgspec.Struct, frozen=True, rename="camel"):
    """One exemplar; a time is seconds since the epoch."""

    labels: dict[str, str]
    value: str
    timestamp: float


class SeriesExemplars(msgspec.Struct, frozen=True, rename="camel"):
    """What is kept of one series."""

    series_labels: dict[str, str]
    exemplars: list[ExemplarRow]
