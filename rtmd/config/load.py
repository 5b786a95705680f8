"""The text of rtmd.toml to `Config`, or every problem in it at its place.

Pure: the environment and the reader of credential files are arguments. Keys of the design that are still to come are
called "not supported yet", everything else that is not known is an error with the nearest valid name. A problem never
shows the text of an address once a credential has been put into it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from rtmd.config.access import check_reach, read_tokens
from rtmd.config.load_actions import read_actions
from rtmd.config.load_receivers import read_receivers, read_wording
from rtmd.config.places import Places, Surroundings
from rtmd.config.policy import load_policy
from rtmd.config.receivers import Wording
from rtmd.config.values import (
    Config,
    DaemonConfig,
    GraphiteSource,
    HostSource,
    Limits,
    Role,
    ScrapeSource,
    SourceConfig,
    StatsdSource,
)
from rtmd.errors import FileErrors, Located
from rtmd.model.external import ExternalPolicy
from rtmd.rulefile.document import read_document
from rtmd.rulefile.table import Table, nearest

_TABLES = frozenset(
    {
        "daemon",
        "sources",
        "receivers",
        "actions",
        "route",
        "inhibit",
        "calendars",
        "escalations",
        "users",
        "tokens",
        "limits",
        "external",
    }
)
_OF_DAEMON = frozenset(
    {"rules", "state", "listen", "hosts", "name", "tcp_role", "react", "lang", "zone", "heartbeat", "heartbeat_every"}
)
_LATER_OF_SOURCE = frozenset({"birth_zero", "headers", "labels"})
_SHORTEST_EVERY = 100


def _no_credentials(path: Path) -> str:
    raise FileNotFoundError(path)


def load_config(
    text: bytes | str,
    *,
    file: str,
    base: Path,
    env: Mapping[str, str],
    read_credential: Callable[[Path], str] = _no_credentials,
) -> Config:
    """Check a configuration; raises FileErrors with all of its problems.

    `base` is the folder that relative paths start from (that of the file); `read_credential` reads the file of a
    `${cred:name}` and raises OSError where there is none.
    """
    document = read_document(text, file=file)
    problems: list[Located] = []
    root = Table.root(document, problems)
    root.refuse_unknown(_TABLES)
    places = Places(Surroundings(base=base, env=env, read_credential=read_credential))
    daemon = _daemon(_part(root, "daemon"), places)
    receivers = read_receivers(root, places, daemon.wording)
    limits = _limits(_part(root, "limits"))
    tokens = read_tokens(root)
    check_reach(root, daemon, tokens)
    config = Config(
        daemon=daemon,
        sources=_sources(root, places),
        receivers=receivers,
        actions=read_actions(root, places),
        policy=load_policy(root, receivers),
        users=_users(_part(root, "users")),
        tokens=tokens,
        limits=limits,
        external=_external(_part(root, "external"), limits),
        file=file,
    )
    if problems:
        raise FileErrors(tuple(sorted(set(problems))))
    return config


def default_state(env: Mapping[str, str]) -> Path:
    """The state folder where rtmd.toml names none: systemd's, else that of the user."""
    return Places(Surroundings(base=Path("/"), env=env, read_credential=_no_credentials)).default_state()


def default_socket(env: Mapping[str, str]) -> Path:
    """The Unix socket where rtmd.toml names no address: clients look for the daemon there."""
    places = Places(Surroundings(base=Path("/"), env=env, read_credential=_no_credentials))
    return places.default_socket(places.default_state())


def _default(kind: type, name: str) -> int:
    """The default of a field, which the dataclass alone decides."""
    fields = {field.name: field.default for field in dataclasses.fields(kind)}
    return cast("int", fields[name])


def _part(root: Table, key: str) -> Table:
    return root.table(key) or Table(root.document, (key,), root.problems, content={})


def _daemon(table: Table, places: Places) -> DaemonConfig:
    table.refuse_unknown(_OF_DAEMON)
    rules = table.texts("rules")
    state = places.path(table.text("state", empty=False)) if "state" in table else places.default_state()
    return DaemonConfig(
        rules=tuple(places.path(folder) for folder in (("rules",) if rules is None else rules)),
        state=state,
        listen=places.listen(table, state),
        name=table.text("name", "rtmd", empty=False),
        hosts=_hosts(table),
        tcp_role=table.choice("tcp_role", Role.VIEW),
        react=table.switch("react", default=True),
        wording=read_wording(table, Wording()),
        heartbeat=places.url(table, "heartbeat") if "heartbeat" in table else "",
        heartbeat_every=table.duration("heartbeat_every", _default(DaemonConfig, "heartbeat_every"), least=1_000),
    )


def _hosts(table: Table) -> tuple[str, ...]:
    names = table.texts("hosts") or ()
    for name in names:
        if not name or not name.isascii() or not name.isprintable() or set(name) & set(" /@"):
            table.wrong("hosts", f'has "{name[:60]}", which is no name of a host (without port and scheme)')
    return tuple(name.lower() for name in names)


def _sources(root: Table, places: Places) -> tuple[SourceConfig, ...]:
    found: list[SourceConfig] = []
    for name, table in root.tables("sources"):
        match table.text("kind", name):
            case "host":
                table.refuse_unknown({"kind", "every"}, _LATER_OF_SOURCE)
                found.append(
                    HostSource(
                        name, every=table.duration("every", _default(HostSource, "every"), least=_SHORTEST_EVERY)
                    )
                )
            case "scrape":
                found.append(_scrape(name, table, places))
            case "statsd":
                found.append(_statsd(name, table, places))
            case "graphite":
                found.append(_graphite(name, table, places))
            case kind:
                _refuse_kind(table, kind, known=("host", "scrape", "statsd", "graphite"))
    return tuple(found)


def _scrape(name: str, table: Table, places: Places) -> ScrapeSource:
    table.refuse_unknown({"kind", "url", "every", "timeout", "lateness"}, _LATER_OF_SOURCE)
    every = table.duration("every", _default(ScrapeSource, "every"), least=_SHORTEST_EVERY)
    return ScrapeSource(
        name,
        places.url(table),
        every=every,
        timeout=table.duration("timeout", min(every, _default(ScrapeSource, "timeout")), least=1),
        lateness=table.duration("lateness", _default(ScrapeSource, "lateness")),
    )


def _statsd(name: str, table: Table, places: Places) -> StatsdSource:
    table.refuse_unknown({"kind", "listen", "every"}, _LATER_OF_SOURCE)
    default = StatsdSource(name)
    return StatsdSource(
        name,
        places.address(table, default.listen),
        every=table.duration("every", default.every, least=_SHORTEST_EVERY),
    )


def _graphite(name: str, table: Table, places: Places) -> GraphiteSource:
    table.refuse_unknown({"kind", "listen", "lateness"}, _LATER_OF_SOURCE)
    default = GraphiteSource(name)
    return GraphiteSource(
        name, places.address(table, default.listen), lateness=table.duration("lateness", default.lateness)
    )


def _refuse_kind(table: Table, kind: str, *, known: tuple[str, ...]) -> None:
    listed = ", ".join(f'"{name}"' for name in known)
    table.misplaced("kind", f'must be one of {listed}, not "{kind[:60]}"{nearest(kind, known)}')


def _users(table: Table) -> dict[str, Role]:
    for name in table.content:
        if not name.removeprefix("@").isprintable() or not name.removeprefix("@"):
            table.misplaced(name, "is no name of a user or an @group")
    return {name: table.choice(name, Role.VIEW) for name in table.content}


def _limits(table: Table) -> Limits:
    fields = {field.name: int(getattr(Limits(), field.name)) for field in dataclasses.fields(Limits)}
    table.refuse_unknown(fields)
    counts = {name: table.integer(name, default, least=1) for name, default in fields.items() if name != "sample_log"}
    return Limits(**counts, sample_log=table.duration("sample_log", fields["sample_log"]))


def _external(table: Table, limits: Limits) -> ExternalPolicy:
    table.refuse_unknown({"stage", "resolve_timeout"})
    default = ExternalPolicy()
    return ExternalPolicy(
        stage=table.choice("stage", default.stage),
        resolve_timeout=table.duration("resolve_timeout", default.resolve_timeout, least=1_000),
        most=limits.external_alerts,
    )
