"""Webhooks and everything like them: one message, one POST, in the format of its kind.

A format is a pure function of the message; what it cannot know (the wall clock, for signatures and for how long an
alert is to live) it is given. `FORMATS` is the list of kinds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from msgspec import Struct

from rtmd.config import (
    AlertmanagerReceiver,
    Chat,
    ChatReceiver,
    NtfyReceiver,
    PagerDutyReceiver,
    WebhookFormat,
    WebhookReceiver,
)
from rtmd.model.reaction import Alert, Notification
from rtmd.ports import Clock
from rtmd.receivers.alertmanager import api_alerts, webhook_body
from rtmd.receivers.body import notification_body
from rtmd.receivers.discord import discord
from rtmd.receivers.escapes import markdown, mrkdwn, plain
from rtmd.receivers.mattermost import mattermost
from rtmd.receivers.ntfy import ntfy
from rtmd.receivers.pagerduty import pagerduty
from rtmd.receivers.post import Post
from rtmd.receivers.said import Said, Voice
from rtmd.receivers.signature import signature_headers
from rtmd.receivers.slack import slack
from rtmd.receivers.teams import teams

PostedReceiver: TypeAlias = WebhookReceiver | ChatReceiver | NtfyReceiver | PagerDutyReceiver | AlertmanagerReceiver

_AT_ONCE = 200  # alerts in one POST
ALERTS_PATH = "/api/v2/alerts"

_JSON: Mapping[str, str] = {"Content-Type": "application/json"}
_CHATS = {
    Chat.SLACK: (slack, mrkdwn),
    Chat.TEAMS: (teams, markdown),
    Chat.DISCORD: (discord, markdown),
    Chat.MATTERMOST: (mattermost, markdown),
}


class Scene(Struct, frozen=True):
    """What a format is given beside the message: the daemon's name, and the wall clock in ms."""

    daemon: str
    wall: int


def render(
    message: Notification, config: PostedReceiver, voice: Voice, scene: Scene
) -> tuple[tuple[bytes, ...], Mapping[str, str]]:
    """The bodies to post, one after the other, and the headers of each. Only PagerDuty wants more than one."""
    raw = notification_body(message)
    if isinstance(config, WebhookReceiver) and config.format is WebhookFormat.RTMD:
        return (raw,), {**_JSON, **_signed(config, message.key, raw, scene)}
    match config:
        case ChatReceiver(chat=chat):
            layout, escape = _CHATS[chat]
            return (layout(message, voice.say(message, raw, escape)),), _JSON
        case NtfyReceiver():
            body, headers = ntfy(message, voice.say(message, raw, plain), config)
            return (body,), headers
        case PagerDutyReceiver():
            return pagerduty(message, voice.say(message, raw, plain), config, source=scene.daemon), _JSON
        case AlertmanagerReceiver():
            said = voice.say(message, raw, plain)
            return (api_alerts([(alert, said) for alert in message.alerts], scene.wall, config.resend),), _JSON
        case WebhookReceiver():
            body = webhook_body(message, voice.say(message, raw, plain))
            return (body,), {**_JSON, **_signed(config, message.key, body, scene)}


def _signed(config: WebhookReceiver, key: str, body: bytes, scene: Scene) -> dict[str, str]:
    return signature_headers(config.secrets, at=scene.wall, key=key, body=body)


class Posted:
    """A receiver that is posted to; `send` raises RetryableError or PermanentError."""

    def __init__(self, config: PostedReceiver, post: Post, *, voice: Voice, clock: Clock, daemon: str) -> None:
        self.name = config.name
        self._config = config
        self._post = post
        self._voice = voice
        self._clock = clock
        self._daemon = daemon

    def __repr__(self) -> str:
        return f"<Posted {self.name} → {self._post.host}>"

    async def send(self, notification: Notification) -> None:
        """POST one notification; returns on 2xx."""
        scene = Scene(self._daemon, self._clock.wall())
        bodies, headers = render(notification, self._config, self._voice, scene)
        for body in bodies:
            await self._post(body, {**headers, "Idempotency-Key": _ascii(notification.key)})


class PostedAlerts(Posted):
    """An Alertmanager: told again and again what fires, as it forgets what it does not hear of."""

    _config: AlertmanagerReceiver

    def __init__(self, config: AlertmanagerReceiver, post: Post, *, voice: Voice, clock: Clock, daemon: str) -> None:
        super().__init__(config, post, voice=voice, clock=clock, daemon=daemon)
        self._in_order = asyncio.Lock()  # what ends and what is said again must not overtake each other

    async def send(self, notification: Notification) -> None:
        """POST one notification; returns on 2xx."""
        if not any(alert.resolved for alert in notification.alerts):
            return await super().send(notification)
        async with self._in_order:
            return await super().send(notification)

    @property
    def resend(self) -> int:
        """How often, in ms."""
        return self._config.resend

    async def send_again(self, standing: Callable[[], Iterable[Notification]]) -> None:
        """POST everything that this receiver was told and that still fires, as it is by then; nothing for nothing."""
        async with self._in_order:
            told: list[tuple[Alert, Said]] = []
            for notification in standing():
                said = self._voice.say(notification, notification_body(notification), plain)
                told += [(alert, said) for alert in notification.alerts]
            for start in range(0, len(told), _AT_ONCE):
                some = told[start : start + _AT_ONCE]
                await self._post(api_alerts(some, self._clock.wall(), self._config.resend), _JSON)


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
