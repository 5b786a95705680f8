"""rtmd.toml as values: what the daemon reads, listens on, tells, runs and allows.

Every key has a default; an empty file runs. Paths are absolute here, names refer to what exists: `load_config` has
checked all of it. Addresses may carry secrets, so they are kept out of every repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from rtmd.config.receivers import ReceiverConfig, Wording
from rtmd.model.action import Action, AtMost
from rtmd.model.external import ExternalPolicy
from rtmd.model.policy import EscalationStep, Policy


class Role(StrEnum):
    """What a peer may do: view, operate, admin, each including the ones before; ingest only sends, and stands apart."""

    INGEST = "ingest"
    VIEW = "view"
    OPERATE = "operate"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what `other` may."""
        if Role.INGEST in (self, other):
            return self is other
        order = (Role.VIEW, Role.OPERATE, Role.ADMIN)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Token:
    """What a program shows to be let in: the SHA-256 of it in hex, and when it expires (ms, wall time)."""

    name: str
    role: Role
    digest: str = field(repr=False)
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class UnixListen:
    """A Unix socket, mode 0660."""

    path: Path


@dataclass(frozen=True, slots=True)
class TcpListen:
    """A TCP address; beyond loopback only where there are tokens."""

    host: str
    port: int


Listen: TypeAlias = UnixListen | TcpListen


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """`[daemon]`."""

    rules: tuple[Path, ...]
    state: Path
    listen: tuple[Listen, ...]
    name: str = "rtmd"  # shown in the header of the screen
    hosts: tuple[str, ...] = ()  # other names of this machine, as requests over TCP may call it
    tcp_role: Role = Role.VIEW  # of who shows no token, on this machine
    react: bool = True
    wording: Wording = field(default_factory=Wording)  # of receivers that say nothing else
    heartbeat: str = field(default="", repr=False)  # pinged while everything is fresh
    heartbeat_every: int = 60_000


@dataclass(frozen=True, slots=True)
class HostSource:
    """This host's own numbers."""

    name: str
    every: int = 1_000


@dataclass(frozen=True, slots=True)
class ScrapeSource:
    """A /metrics page."""

    name: str
    url: str = field(repr=False)
    every: int = 5_000
    timeout: int = 5_000
    lateness: int = 60_000


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source listens; loopback only, a number."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class StatsdSource:
    """StatsD over UDP, flushed every `every`."""

    name: str
    listen: Address = Address("127.0.0.1", 8125)
    every: int = 1_000


@dataclass(frozen=True, slots=True)
class GraphiteSource:
    """Graphite's plaintext over TCP."""

    name: str
    listen: Address = Address("127.0.0.1", 2003)
    lateness: int = 60_000


SourceConfig: TypeAlias = HostSource | ScrapeSource | StatsdSource | GraphiteSource


@dataclass(frozen=True, slots=True)
class _ActionConfig:
    """What every kind of action has."""

    name: str
    timeout: int = field(default=30_000, kw_only=True)
    idempotent: bool = field(default=False, kw_only=True)  # to be run again when nobody knows whether it was
    at_most: AtMost | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class CommandAction(_ActionConfig):
    """A program to run, and the one that reverses it; `{label}` in an element is filled with the label's value."""

    argv: tuple[str, ...]
    undo: tuple[str, ...] = ()

    @property
    def action(self) -> Action:
        """What is decided by."""
        return Action(self.name, self.argv, self.undo, idempotent=self.idempotent, at_most=self.at_most)


@dataclass(frozen=True, slots=True)
class WebhookAction(_ActionConfig):
    """An address that is posted to, signed with each of the `secrets`, and the one that reverses it."""

    url: str = field(repr=False)
    undo: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def action(self) -> Action:
        """What is decided by; of the addresses, which may hold secrets, only the hosts are shown."""
        what, undo = (("POST", urlsplit(url).hostname or "") if url else () for url in (self.url, self.undo))
        return Action(self.name, what, undo, idempotent=self.idempotent, at_most=self.at_most)


ActionConfig: TypeAlias = CommandAction | WebhookAction


@dataclass(frozen=True, slots=True)
class Limits:
    """`[limits]`."""

    series: int = 200_000
    new_series_per_post: int = 20_000
    instances_per_rule: int = 10_000
    sample_log: int = 2 * 3_600_000  # ms kept
    sample_log_bytes: int = 2 * 1024**3
    body_bytes: int = 8 * 1024**2  # compressed
    decoded_bytes: int = 32 * 1024**2
    external_alerts: int = ExternalPolicy().most


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of rtmd.toml."""

    daemon: DaemonConfig
    sources: tuple[SourceConfig, ...] = ()
    receivers: Mapping[str, ReceiverConfig] = field(default_factory=dict)  # always has "log"
    actions: Mapping[str, ActionConfig] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    users: Mapping[str, Role] = field(default_factory=dict)  # user name, or "@group"
    tokens: Mapping[str, Token] = field(default_factory=dict)  # by name
    limits: Limits = field(default_factory=Limits)
    external: ExternalPolicy = field(default_factory=ExternalPolicy)
    file: str = ""

    @property
    def escalations(self) -> Mapping[str, tuple[EscalationStep, ...]]:
        """`[escalations]`, by name."""
        return self.policy.escalations
