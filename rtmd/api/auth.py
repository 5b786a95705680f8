"""Who asks, and what they may do.

A peer of the Unix socket is known by its uid (the kernel says so); `[users]` of rtmd.toml gives its name or one
of its groups a role. Without an entry root and the daemon's own user are admin, and everybody else whom the
socket's mode lets in may look. Ties: an entry for the user goes before entries for groups, and among groups the
highest role counts.

A bearer token (`tokens`) names the program that shows it and its role, over any listener. TCP without one has no
identity: on this machine it gets `tcp_role`, from elsewhere it is refused (401). Because a browser on the same
machine reaches loopback too, requests with an Origin, or over TCP for a Host that is neither this machine nor one of
`hosts` (DNS rebinding), are refused whatever the path.

A request may give up a part of its role for itself (`Rtmd-Role: view`): a screen on a wall can then change nothing,
whoever started it.
"""

from __future__ import annotations

import grp
import ipaddress
import os
import pwd
import time
from collections.abc import Callable, Mapping
from functools import lru_cache

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.types import Scope

from rtmd.api.tokens import Tokens, unknown
from rtmd.config import Config, Role, Token
from rtmd.wire import ROLE_HEADER

CALLER = "rtmd.caller"  # where the caller stands in a request's scope

_LOCAL_HOSTS = frozenset({"", "localhost", "127.0.0.1", "[::1]"})
_ROLE_HEADER = ROLE_HEADER.lower().encode()
_REMEMBERED = 60.0  # seconds that an account's name and groups are remembered


class Peer(Struct, frozen=True):
    """A process at the other end of a Unix socket, when it connected."""

    pid: int
    uid: int
    gid: int


class Account(Struct, frozen=True):
    """A user of this machine."""

    name: str
    groups: frozenset[str]


class Caller(Struct, frozen=True):
    """Who made a request."""

    name: str
    role: Role
    anonymous: bool = False  # the name says where it comes from, not who it is
    origin: str = ""  # where they ask from, for the audit
    sends: bool = True  # may send samples and alerts


class Gate:
    """Decides on every request before anything else looks at it."""

    def __init__(self, config: Config, account: Callable[[Peer], Account] | None = None) -> None:
        self._users = config.users
        self._tcp_role = config.daemon.tcp_role
        self._account = account or Accounts().find
        self._hosts = _LOCAL_HOSTS | set(config.daemon.hosts)
        self.tokens = Tokens(config.tokens)

    def admit(self, scope: Scope) -> Caller:
        """The caller of this request; HTTPException 403 for what a web page may have sent, 401 for who is unknown."""
        peer: Peer | None = scope.get("state", {}).get("peer")
        _refuse_browsers(scope, None if peer else self._hosts)
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"").decode("latin-1")
        token = self.tokens.find(sent, origin_of(scope)) if sent else None
        if token is not None:
            return _program(token, scope)
        if peer is None:
            if not _is_here(scope):
                raise unknown("a token is needed from elsewhere: Authorization: Bearer rtmd_…")
            return Caller("tcp", _lowered(self._tcp_role, scope), anonymous=True, origin=origin_of(scope))
        account = self._account(peer)
        role = _lowered(role_of(peer, account, self._users), scope)
        return Caller(account.name, role, origin=origin_of(scope))


def _program(token: Token, scope: Scope) -> Caller:
    """Who shows this token: a program, for people that it knows. What it says of them stands beside its own name."""
    return Caller(
        f"token:{token.name}",
        _lowered(token.role, scope),
        anonymous=True,
        origin=origin_of(scope),
        sends=token.role in (Role.INGEST, Role.ADMIN),
    )


def _is_here(scope: Scope) -> bool:
    client: tuple[str, int] | None = scope.get("client")
    return client is None or _is_loopback(client[0])


@lru_cache(1024)
def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _own_address(scope: Scope) -> str:
    """The address that the request came in at, as a Host may name it: a name could be rebound, a number cannot."""
    server: tuple[str, int] | None = scope.get("server")
    host = server[0] if server else ""
    return f"[{host}]" if ":" in host else host


def origin_of(scope: Scope) -> str:
    """Where a request comes from, in words."""
    peer: Peer | None = scope.get("state", {}).get("peer")
    if peer is not None:
        return f"unix uid {peer.uid}"
    client: tuple[str, int] | None = scope.get("client")
    return f"tcp {client[0]}" if client else "tcp"


def role_of(peer: Peer, account: Account, users: Mapping[str, Role]) -> Role:
    """The role of a Unix peer under these `[users]`."""
    own = users.get(account.name)
    if own is not None:
        return own
    roles = [role for name, role in users.items() if name[:1] == "@" and name[1:] in account.groups]
    if peer.uid in (0, os.geteuid()):
        roles.append(Role.ADMIN)
    return next((role for role in (Role.ADMIN, Role.OPERATE, Role.VIEW, Role.INGEST) if role in roles), Role.VIEW)


def _lowered(role: Role, scope: Scope) -> Role:
    """What is left of the role that the sender has; HTTPException 400 for a role that there is not."""
    wanted = next((value for name, value in scope["headers"] if name == _ROLE_HEADER), b"").decode("latin-1")
    if not wanted:
        return role
    try:
        lower = Role(wanted)
    except ValueError:
        raise HTTPException(400, f'{ROLE_HEADER}: there is no role "{wanted[:20]}"') from None
    return lower if role.includes(lower) else role


def require(scope: Scope, role: Role) -> Caller:
    """The caller, if it has this role; HTTPException 403 otherwise."""
    caller: Caller = scope[CALLER]
    if not caller.role.includes(role):
        raise HTTPException(403, f"this needs the role {role}; {caller.name} has {caller.role}")
    return caller


def require_sender(caller: Caller) -> None:
    """HTTPException 403 for who may not send samples and alerts."""
    if not caller.sends:
        raise HTTPException(403, f"{caller.name} may not send samples or alerts: that needs the role ingest")


class Accounts:
    """The machine's user database, remembered for a minute: a lookup may go over the network."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[float, Account]] = {}

    def find(self, peer: Peer) -> Account:
        """The account behind a peer; a uid without an entry is named by its number."""
        key, now = (peer.uid, peer.gid), time.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < _REMEMBERED:
            return known[1]
        account = _look_up(peer)
        self._known[key] = (now, account)
        return account


def _look_up(peer: Peer) -> Account:
    try:
        name = pwd.getpwuid(peer.uid).pw_name
        gids = {*os.getgrouplist(name, peer.gid), peer.gid}
    except KeyError:
        name, gids = str(peer.uid), {peer.gid}
    return Account(name, frozenset(filter(None, map(_group_name, gids))))


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def _refuse_browsers(scope: Scope, hosts: frozenset[str] | None) -> None:
    # No browser can be led to a Unix socket, and its clients make up the host they ask for.
    for name, value in scope["headers"]:
        if name == b"origin" and value.strip():  # a browser's is never empty: proxies clear it so
            raise HTTPException(403, "requests from web pages are refused (Origin)")
        if hosts is not None and name == b"host" and not _is_own(_host(value), hosts, scope):
            raise HTTPException(403, "the request is for another host (Host)")


def _is_own(host: str, hosts: frozenset[str], scope: Scope) -> bool:
    return host in hosts or host == _own_address(scope)


def _host(value: bytes) -> str:
    """The host without its port, in lower case."""
    text = value.decode("latin-1").strip().lower()
    end = text.find("]") + 1 if text.startswith("[") else 0
    name, colon, port = text[end:].partition(":")
    return text[:end] + name if not colon or port.isdecimal() else text
