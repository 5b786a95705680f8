"""Addresses, paths and programs of rtmd.toml: relative to what, allowed or not, with which credential.

Sources listen on loopback only. A program is a list of arguments, never a line for a shell.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rtmd.config.values import Address, Listen, TcpListen, UnixListen
from rtmd.rulefile.table import Table

_CREDENTIAL = re.compile(r"\$\{cred:([^}]*)\}")
_CREDENTIAL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TCP = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+)):([0-9]{1,5})")
_SOCKET = "rtmd.sock"
_LONGEST_SOCKET = 107  # of sun_path, in bytes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a configuration is read in: its folder, the environment, and who reads credentials."""

    base: Path
    env: Mapping[str, str]
    read_credential: Callable[[Path], str]


class Places:
    """Resolves what a configuration says about the machine; problems go to the table that is read."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._base = surroundings.base
        self._env = surroundings.env
        self._read_credential = surroundings.read_credential

    def path(self, text: str) -> Path:
        """An absolute path; `~/` is the user's folder."""
        if text.startswith("~/"):
            return self._home() / text[2:]
        return self._base / text

    def _home(self) -> Path:
        return Path(self._env.get("HOME") or "/")

    def _folder(self, variable: str) -> Path | None:
        # systemd lists several folders with colons; the first one is ours.
        value = self._env.get(variable, "").split(":")[0]
        return Path(value) if value.startswith("/") else None

    def default_state(self) -> Path:
        """$STATE_DIRECTORY, else $XDG_STATE_HOME/rtmd, else ~/.local/state/rtmd."""
        shared = self._folder("XDG_STATE_HOME") or self._home() / ".local" / "state"
        return self._folder("STATE_DIRECTORY") or shared / "rtmd"

    def default_socket(self, state: Path) -> Path:
        """rtmd.sock in $RUNTIME_DIRECTORY, else $XDG_RUNTIME_DIR/rtmd, else the state folder."""
        own, shared = self._folder("RUNTIME_DIRECTORY"), self._folder("XDG_RUNTIME_DIR")
        return (own or (shared / "rtmd" if shared else state)) / _SOCKET

    def listen(self, table: Table, state: Path) -> tuple[Listen, ...]:
        """The addresses of `listen`; by default the Unix socket."""
        if isinstance(table.content.get("listen"), str):
            texts: tuple[str, ...] = (table.text("listen"),)
        else:
            texts = table.texts("listen") or ()
        found = tuple(listen for listen in (self._address(table, text) for text in texts) if listen)
        return found or (UnixListen(self.default_socket(state)),)

    def _address(self, table: Table, text: str) -> Listen | None:
        kind, _, rest = text.partition(":")
        if kind == "unix" and rest:
            path = self.path(rest)
            if len(str(path).encode()) > _LONGEST_SOCKET:
                table.wrong("listen", f"names a socket with a path of more than {_LONGEST_SOCKET} bytes")
            return UnixListen(path)
        found = _TCP.fullmatch(rest) if kind == "tcp" else None
        if found is None or int(found[3]) > 65_535:
            table.wrong("listen", f'must be "unix:PATH" or "tcp:HOST:PORT", not "{text[:80]}"')
            return None
        host = found[1] or found[2]
        if not _is_number(host):
            table.wrong("listen", f'must name an address by its number, not "{host[:80]}"')
            return None
        return TcpListen(host, int(found[3]))

    def address(self, table: Table, default: Address) -> Address:
        """The `listen` of a source: a loopback address and a port."""
        text = table.text("listen", f"{default.host}:{default.port}")
        found = _TCP.fullmatch(text)
        if found is None or int(found[3]) > 65_535:
            table.wrong("listen", f'must be "HOST:PORT", not "{text[:80]}"')
            return default
        host = found[1] or found[2]
        if not is_loopback(host):
            table.wrong("listen", f'cannot be beyond loopback ("{host[:80]}"): not supported')
        return Address(default.host if host == "localhost" else host, int(found[3]))

    def url(self, table: Table, key: str = "url") -> str:
        """An address in a table, with its credentials put in."""
        text = table.text(key)
        if key not in table:
            table.broken(f"{key} is missing")
        if not text:
            return ""
        problems = len(table.problems)
        filled = self._filled(table, key, text)
        problem = _url_problem(filled)
        if problem and len(table.problems) == problems:
            table.wrong(key, problem)
        return filled

    def secret(self, table: Table, key: str) -> str:
        """A token or password, with its credentials put in; empty where the key is missing."""
        return self._secret(table, key, table.text(key, empty=False)) if key in table else ""

    def secrets(self, table: Table, key: str) -> tuple[str, ...]:
        """One secret, or a list of two: the new one and the one that is going out of use."""
        if isinstance(table.content.get(key), list):
            texts = table.texts(key) or ()
            if len(texts) > 2:
                table.wrong(key, "must be one secret, or two: the new and the old")
            return tuple(self._secret(table, key, text) for text in texts)
        return tuple(filter(None, (self.secret(table, key),)))

    def _secret(self, table: Table, key: str, text: str) -> str:
        problems = len(table.problems)
        filled = self._filled(table, key, text)
        if (
            text
            and len(table.problems) == problems
            and (not filled or not filled.isascii() or not filled.isprintable())
        ):
            table.wrong(key, "must be printable ASCII, and not empty")
        return filled

    def _filled(self, table: Table, key: str, text: str) -> str:
        return _CREDENTIAL.sub(lambda found: self._credential(table, key, found[1]), text)

    def _credential(self, table: Table, key: str, name: str) -> str:
        if not _CREDENTIAL_NAME.fullmatch(name):
            table.wrong(key, f'asks for the credential "{name[:60]}", which is no file name')
            return ""
        given = self._folder("CREDENTIALS_DIRECTORY")
        for folder in (given, self._base / "credentials"):
            try:
                if folder is not None:
                    return self._read_credential(folder / name).strip()
            except (OSError, UnicodeError):
                continue
        text = f'asks for the credential "{name}": no such file in $CREDENTIALS_DIRECTORY or {self._base}/credentials'
        table.wrong(key, text)
        return ""

    def argv(self, table: Table, key: str) -> tuple[str, ...]:
        """A program with its arguments; a relative path with a slash starts at the configuration's folder."""
        if key not in table:
            table.broken(f'{key} is missing: ["/path/to/program", "argument"]')
        argv = table.texts(key)
        if not argv:
            if argv is not None:
                table.wrong(key, "must not be empty")
            return ()
        program = argv[0]
        if "{" in program:
            table.wrong(key, "cannot choose its program by a label")
        if any("\0" in element for element in argv):
            table.wrong(key, "contains a NUL character")
        return (str(self.path(program)) if "/" in program else program, *argv[1:])


def is_loopback(host: str) -> bool:
    """Whether this is an address that only this machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _url_problem(url: str) -> str:
    """What is wrong with an address, without showing any of it."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        return "must be an address like https://host/path"
    if not url.isprintable() or " " in url:
        return "contains blanks or control characters"
    return ""
