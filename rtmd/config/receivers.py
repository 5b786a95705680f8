"""The tables `[receivers.NAME]` as values: one class a kind, in a closed union.

What all kinds have in common stands in `Receiver`. Addresses, tokens and passwords are kept out of every repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from rtmd.config.template import Template


class Lang(StrEnum):
    """The languages that messages are written in."""

    EN = "en"
    FR = "fr"


@dataclass(frozen=True, slots=True)
class Wording:
    """How messages are worded: language, the zone that times are shown in beside UTC, and templates."""

    lang: Lang = Lang.EN
    zone: str = "UTC"
    title: Template | None = None
    text: Template | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """What every kind has. `fallback` is told what this one cannot be told, after `fallback_after` ms at the latest.

    `storm` is how much a minute it is told one by one; 0: everything.
    """

    name: str
    fallback: str = field(default="", kw_only=True)
    fallback_after: int = field(default=120_000, kw_only=True)
    storm: int = field(default=30, kw_only=True)
    wording: Wording = field(default=Wording(), kw_only=True)


@dataclass(frozen=True, slots=True)
class LogReceiver(Receiver):
    """Writes one line a notification to the daemon's log."""


class WebhookFormat(StrEnum):
    """The bodies a webhook can be sent."""

    RTMD = "rtmd"
    ALERTMANAGER = "alertmanager"


@dataclass(frozen=True, slots=True)
class WebhookReceiver(Receiver):
    """POSTs a documented JSON body, signed with each of the `secrets`."""

    url: str = field(repr=False)
    timeout: int = 10_000
    format: WebhookFormat = WebhookFormat.RTMD
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class CommandReceiver(Receiver):
    """Runs a program with the body on stdin."""

    argv: tuple[str, ...]
    timeout: int = 30_000


class Chat(StrEnum):
    """Chats that are posted to by an incoming webhook."""

    SLACK = "slack"
    TEAMS = "teams"
    DISCORD = "discord"
    MATTERMOST = "mattermost"


@dataclass(frozen=True, slots=True)
class ChatReceiver(Receiver):
    """Posts to a channel; the address is the permission to do so."""

    chat: Chat
    url: str = field(repr=False)
    timeout: int = 10_000


@dataclass(frozen=True, slots=True)
class NtfyReceiver(Receiver):
    """Publishes to a topic of ntfy.sh or of a server of one's own."""

    url: str = field(repr=False)
    timeout: int = 10_000
    token: str = field(default="", repr=False)
    tags: tuple[str, ...] = ()


PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"


@dataclass(frozen=True, slots=True)
class PagerDutyReceiver(Receiver):
    """Opens and resolves incidents by the Events API v2; `key` is the routing key of the service."""

    key: str = field(repr=False)
    url: str = field(default=PAGERDUTY_URL, repr=False)
    timeout: int = 10_000


@dataclass(frozen=True, slots=True)
class AlertmanagerReceiver(Receiver):
    """Sends alerts to an Alertmanager (API v2), which groups by itself, again every `resend` ms while they fire."""

    url: str = field(repr=False)
    timeout: int = 10_000
    resend: int = 60_000
    storm: int = field(default=0, kw_only=True)


class Security(StrEnum):
    """How a mail server is spoken to: upgraded after the greeting, encrypted from the start, or in the open."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


MAIL_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True)
class EmailReceiver(Receiver):
    """Sends mail through a server."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: Security = Security.STARTTLS
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: int = 30_000


ReceiverConfig: TypeAlias = (
    LogReceiver
    | WebhookReceiver
    | CommandReceiver
    | ChatReceiver
    | NtfyReceiver
    | PagerDutyReceiver
    | AlertmanagerReceiver
    | EmailReceiver
)


def kind_of(config: ReceiverConfig) -> str:
    """The `kind` that a receiver was configured with."""
    return str(config.chat) if isinstance(config, ChatReceiver) else _KINDS[type(config)]


_KINDS: dict[type[Receiver], str] = {
    LogReceiver: "log",
    WebhookReceiver: "webhook",
    CommandReceiver: "command",
    NtfyReceiver: "ntfy",
    PagerDutyReceiver: "pagerduty",
    AlertmanagerReceiver: "alertmanager",
    EmailReceiver: "email",
}
