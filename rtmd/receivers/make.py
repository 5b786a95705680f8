"""From configuration to receivers: the one place that knows all kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import assert_never

import httpx
from msgspec import Struct, field

from rtmd.config import (
    AlertmanagerReceiver,
    ChatReceiver,
    CommandReceiver,
    EmailReceiver,
    LogReceiver,
    NtfyReceiver,
    PagerDutyReceiver,
    ReceiverConfig,
    WebhookReceiver,
)
from rtmd.ports import Clock, Receiver
from rtmd.receivers.command import Command
from rtmd.receivers.log import LogSink
from rtmd.receivers.mail import Email
from rtmd.receivers.post import Post
from rtmd.receivers.said import Voice
from rtmd.receivers.webhook import ALERTS_PATH, Posted, PostedAlerts, PostedReceiver


class Kit(Struct, frozen=True):
    """What receivers are lent: connections (see `post.make_transport`), the clock, the daemon's name.

    `failures` counts templates that failed, by receiver.
    """

    transport: httpx.AsyncBaseTransport
    clock: Clock
    daemon: str = "rtmd"
    failures: Counter[str] = field(default_factory=Counter)


def make_receiver(config: ReceiverConfig, kit: Kit) -> Receiver:
    """The receiver that a table of rtmd.toml describes."""
    match config:
        case LogReceiver():
            return LogSink(config.name)
        case CommandReceiver():
            return Command(config)
        case EmailReceiver():
            return Email(config, Voice(config.name, config.wording, kit.failures))
        case AlertmanagerReceiver():
            return _posted(PostedAlerts, config, config.url.rstrip("/") + ALERTS_PATH, kit)
        case WebhookReceiver() | ChatReceiver() | NtfyReceiver() | PagerDutyReceiver():
            return _posted(Posted, config, config.url, kit)
        case _:
            assert_never(config)


def _posted(kind: type[Posted], config: PostedReceiver, url: str, kit: Kit) -> Posted:
    return kind(
        config,
        Post(kit.transport, url, config.timeout),
        voice=Voice(config.name, config.wording, kit.failures),
        clock=kit.clock,
        daemon=kit.daemon,
    )


def make_receivers(configs: Mapping[str, ReceiverConfig], kit: Kit) -> dict[str, Receiver]:
    """All of them, by name."""
    return {name: make_receiver(config, kit) for name, config in configs.items()}
