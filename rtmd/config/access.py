"""Who may come over TCP: tokens by name, and the rule that addresses beyond loopback want at least one.

A token stands in the configuration as its hash only; `rtmd token new` makes one. It is 256 random bits, so a plain
SHA-256 is enough: there is nothing to guess.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from rtmd.config.places import is_loopback
from rtmd.config.values import DaemonConfig, Role, TcpListen, Token
from rtmd.rulefile.table import Table

_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_BAD_NAME = "a token's name is made of letters, digits, '_', '.' and '-', at most 64"
_BAD_DAY = 'must be a day like "2027-01-31"'


def read_tokens(root: Table) -> dict[str, Token]:
    """The tokens of `[tokens.NAME]`, by name."""
    found: dict[str, Token] = {}
    for name, table in root.tables("tokens"):
        table.refuse_unknown({"role", "hash", "expires"})
        if not _NAME.fullmatch(name):
            table.broken(_BAD_NAME)
        for key in sorted({"role", "hash"} - set(table.content)):
            table.broken(f"{key} is missing: `rtmd token new NAME` prints both")
        matched = _HASH.fullmatch(table.text("hash"))
        if "hash" in table and matched is None:
            table.wrong("hash", 'must be "sha256:" and 64 hex digits, as `rtmd token new NAME` prints it')
        role = table.choice("role", Role.VIEW)
        found[name] = Token(name, role, matched[1] if matched else "", _expires(table))
    return found


def check_reach(root: Table, daemon: DaemonConfig, tokens: dict[str, Token]) -> None:
    """Addresses beyond loopback want a token: nobody else could be told apart there."""
    beyond = [each.host for each in daemon.listen if isinstance(each, TcpListen) and not is_loopback(each.host)]
    table = root.table("daemon")
    if beyond and not tokens and table is not None:
        table.wrong(
            "listen", f'offers TCP beyond loopback ("{beyond[0][:80]}"): that needs a token, see `rtmd token new`'
        )


def token_problem(name: str, expires: str) -> str:
    """What is wrong with a token of that name and last day (empty: none); empty when nothing is."""
    if not _NAME.fullmatch(name):
        return _BAD_NAME
    return "" if not expires or _end_of(expires) is not None else f"expires {_BAD_DAY}"


def _expires(table: Table) -> int | None:
    if "expires" not in table:
        return None
    end = _end_of(table.text("expires"))
    if end is None:
        table.wrong("expires", _BAD_DAY)
    return end


def _end_of(day: str) -> int | None:
    """The end of a day, UTC, as ms since the epoch; None for what is no day."""
    try:
        last = date.fromisoformat(day)
        end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return int(end.timestamp()) * 1000
