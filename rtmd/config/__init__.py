"""rtmd.toml: the values (`values`) and how a text becomes them, or located problems (`load`)."""

from rtmd.config.load import default_socket, default_state, load_config
from rtmd.config.values import (
    CommandAction,
    CommandReceiver,
    Config,
    DaemonConfig,
    HostSource,
    Limits,
    Listen,
    LogReceiver,
    ReceiverConfig,
    Role,
    ScrapeSource,
    SourceConfig,
    TcpListen,
    UnixListen,
    WebhookReceiver,
)

__all__ = [
    "CommandAction",
    "CommandReceiver",
    "Config",
    "DaemonConfig",
    "HostSource",
    "Limits",
    "Listen",
    "LogReceiver",
    "ReceiverConfig",
    "Role",
    "ScrapeSource",
    "SourceConfig",
    "TcpListen",
    "UnixListen",
    "WebhookReceiver",
    "default_socket",
    "default_state",
    "load_config",
]
