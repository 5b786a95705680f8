"""From configuration to receivers: the one place that knows all kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import httpx

from rtmd.config import CommandReceiver, LogReceiver, ReceiverConfig, WebhookReceiver
from rtmd.ports import Receiver
from rtmd.receivers.command import Command
from rtmd.receivers.log import LogSink
from rtmd.receivers.webhook import Webhook


def make_receiver(config: ReceiverConfig, transport: httpx.AsyncBaseTransport) -> Receiver:
    """The receiver that a table of rtmd.toml describes; `transport` (see `webhook.make_transport`) is lent to it."""
    match config:
        case LogReceiver():
            return LogSink(config.name)
        case WebhookReceiver():
            return Webhook(config, transport)
        case CommandReceiver():
            return Command(config)
        case _:
            assert_never(config)


def make_receivers(configs: Mapping[str, ReceiverConfig], transport: httpx.AsyncBaseTransport) -> dict[str, Receiver]:
    """All of them, by name."""
    return {name: make_receiver(config, transport) for name, config in configs.items()}
