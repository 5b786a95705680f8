"""The sockets the daemon listens on: bound by ourselves, so that mode, owner and stale files are ours to decide.

A Unix socket is 0660 before it accepts anything: the mode is set between bind and listen, and connecting to a
socket that does not listen yet is refused. A file that a dead daemon left behind is removed; one that somebody
still listens on is an error. TCP goes beyond loopback only where there are tokens. Sockets that systemd hands over
(LISTEN_FDS) take the place of the configured ones with the same address.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from rtmd.config import Listen, TcpListen, UnixListen
from rtmd.errors import ListenError

_FIRST_FD = 3  # SD_LISTEN_FDS_START


class Listener(Struct, frozen=True):
    """One bound socket; `address` in the spelling of rtmd.toml. `path` and `inode` only where the file is ours."""

    address: str
    sock: socket.socket
    path: Path | None = None
    inode: int = 0

    def close(self) -> None:
        """Close the socket, and remove its file unless somebody else's stands there by now."""
        self.sock.close()
        if self.path is None:
            return
        try:
            if self.path.stat().st_ino == self.inode:
                self.path.unlink()
        except FileNotFoundError:
            return


def open_listeners(
    listen: Sequence[Listen], inherited: Sequence[socket.socket] = (), *, beyond: bool = False
) -> list[Listener]:
    """Bind everything, or nothing: ListenError names the address that could not be had.

    `beyond`: there are tokens, so TCP may be offered beyond loopback.
    """
    opened: list[Listener] = []
    try:
        opened.extend(_adopt(sock, beyond=beyond) for sock in inherited)
        taken = {listener.address for listener in opened}
        opened.extend(_bind(where, beyond=beyond) for where in listen if address_of(where) not in taken)
    except ListenError:
        for listener in opened:
            listener.close()
        raise
    return opened


def inherited_sockets(environ: Mapping[str, str], pid: int) -> list[socket.socket]:
    """The sockets of systemd's socket activation, if they are meant for this process."""
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid) or not count.isdecimal():
        return []
    sockets = [socket.socket(fileno=fd) for fd in range(_FIRST_FD, _FIRST_FD + int(count))]
    for sock in sockets:
        sock.set_inheritable(False)
    return sockets


def address_of(where: Listen) -> str:
    """`unix:/run/rtmd/rtmd.sock` or `tcp:127.0.0.1:9095`."""
    match where:
        case UnixListen(path=path):
            return f"unix:{path}"
        case TcpListen(host=host, port=port):
            return _tcp_address(host, port)


def _tcp_address(host: str, port: int) -> str:
    return f"tcp:[{host}]:{port}" if ":" in host else f"tcp:{host}:{port}"


def _bind(where: Listen, *, beyond: bool) -> Listener:
    try:
        match where:
            case UnixListen(path=path):
                return _bind_unix(path)
            case TcpListen(host=host, port=port):
                return _bind_tcp(host, port, beyond=beyond)
    except OSError as error:
        raise ListenError(f"cannot listen on {address_of(where)}: {error.strerror or error}") from error


def _bind_unix(path: Path) -> Listener:
    # Root serves a group through the folder's x bit; an ordinary user serves nobody else.
    path.parent.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o660)
        return Listener(f"unix:{path}", sock, path, path.stat().st_ino)
    except OSError:
        sock.close()
        raise


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"cannot listen on unix:{path}: something that is not a socket stands there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except TimeoutError:
            pass  # a full backlog: somebody listens, and is busy
    raise ListenError(f"cannot listen on unix:{path}: another daemon listens there")


def _bind_tcp(host: str, port: int, *, beyond: bool) -> Listener:
    where = "127.0.0.1" if host == "localhost" else host
    if not beyond and not _loopback(where):
        raise ListenError(f"cannot listen on {_tcp_address(host, port)}: TCP beyond loopback needs tokens")
    family = socket.AF_INET6 if ":" in where else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((where, port))
    except OSError:
        sock.close()
        raise
    return Listener(_tcp_address(where, sock.getsockname()[1]), sock)


def _adopt(sock: socket.socket, *, beyond: bool) -> Listener:
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return Listener(f"unix:{name}", sock)
    address = _tcp_address(name[0], name[1])
    if not beyond and not _loopback(name[0]):
        raise ListenError(f"cannot listen on {address}: TCP beyond loopback needs tokens")
    return Listener(address, sock)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
