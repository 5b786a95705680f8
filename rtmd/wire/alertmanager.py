"""Alerts and silences as version 2 of Alertmanager's API has them: its field names, times as RFC 3339.

amtool, Karma and Grafana read this; rtmd's own clients read `rtmd.wire`. Fields of what is posted are optional here
because a missing one has an answer of its own.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType


class Receiver(msgspec.Struct, frozen=True):
    """A receiver by its name."""

    name: str


class AlertStatus(msgspec.Struct, frozen=True, rename="camel"):
    """Whether it is told, and what keeps it: ids of silences, fingerprints of alerts, names of calendars."""

    state: str  # active | suppressed
    silenced_by: list[str]
    inhibited_by: list[str]
    muted_by: list[str] = []


class GettableAlert(msgspec.Struct, frozen=True, rename="camel"):
    """An alert."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str
    updated_at: str
    fingerprint: str
    receivers: list[Receiver]
    status: AlertStatus
    generator_url: str | UnsetType = msgspec.field(default=UNSET, name="generatorURL")


class PostableAlert(msgspec.Struct, frozen=True, rename="camel"):
    """An alert as it is sent."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")


class AlertGroup(msgspec.Struct, frozen=True):
    """Alerts that one receiver is told of together."""

    labels: dict[str, str]
    receiver: Receiver
    alerts: list[GettableAlert]


class SilenceMatcher(msgspec.Struct, frozen=True, rename="camel"):
    """One matcher of a silence."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool


class SilenceStatus(msgspec.Struct, frozen=True):
    """Where a silence stands in time."""

    state: str  # pending | active | expired


class GettableSilence(msgspec.Struct, frozen=True, rename="camel"):
    """A silence."""

    id: str
    status: SilenceStatus
    updated_at: str
    matchers: list[SilenceMatcher]
    starts_at: str
    ends_at: str
    created_by: str
    comment: str


class PostedMatcher(msgspec.Struct, frozen=True, rename="camel"):
    """A matcher as it is sent; older clients know no `isEqual`."""

    name: str | None = None
    value: str | None = None
    is_regex: bool | None = None
    is_equal: bool | None = None


class PostedSilence(msgspec.Struct, frozen=True, rename="camel"):
    """A silence to make, or with an id to edit; with `updatedAt` as of that change."""

    id: str | None = None
    matchers: list[PostedMatcher] | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    created_by: str | None = None
    comment: str | None = None
    updated_at: str | None = None
