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


def make_receiver(config: ReceiverConfig, client: httpx.AsyncClient) -> Receiver:
    """The receiver that a table of rtmd.toml describes; `client` (see `webhook.make_client`) is lent to it."""
    match config:
        case LogReceiver():
            return LogSink(config.name)
        case WebhookReceiver():
            return Webhook(config, client)
        case CommandReceiver():
            return Command(config)
        case _:
            assert_never(config)


def make_receivers(configs: Mapping[str, ReceiverConfig], client: httpx.AsyncClient) -> dict[str, Receiver]:
    """All of them, by name."""
    return {name: make_receiver(config, client) for name, config in configs.items()}
