from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from fakes_api import Served, serving

from rtmd.api import connection
from rtmd.api.auth import Peer
from rtmd.api.server import Server
from rtmd.api.sockets import inherited_sockets, open_listeners
from rtmd.config import Listen, TcpListen, UnixListen
from rtmd.errors import ListenError

ANYWHERE = TcpListen("127.0.0.1", 0)
HEALTH = b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as running:
        yield running


async def ask(path: Path, raw: bytes = HEALTH) -> bytes:
    """What the Unix socket answers to these bytes, up to the first pause; nothing where it hangs up."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(raw)
    try:
        return await asyncio.wait_for(reader.read(65_536), 5)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_the_kernel_says_who_is_at_the_other_end_on_both_loops(tmp_path: Path, run: Any) -> None:
    states: list[dict[str, Any]] = []

    async def app(scope: Any, _: Any, send: Any) -> None:
        states.append(scope["state"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> None:
        path = tmp_path / "s"
        server = Server(app, [UnixListen(path), ANYWHERE])
        bound = await server.start()
        await ask(path)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(bound[1].rpartition(":")[2]))
        writer.write(HEALTH)
        await reader.readline()
        writer.close()
        await server.stop()

    run(talk())
    assert states[0]["peer"] == Peer(os.getpid(), os.geteuid(), os.getegid())
    assert states[1]["peer"] is None


async def test_the_socket_is_for_owner_and_group_and_goes_with_the_server(tmp_path: Path) -> None:
    async with serving(tmp_path / "made") as served:
        assert stat.S_IMODE(served.path.stat().st_mode) == 0o660
        assert (await served.unix.get("/-/healthy")).status_code == 200
        assert repr(served.server) == f"<Server serving unix:{served.path} tcp:127.0.0.1:{served.port}>"
    assert not served.path.exists()


async def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "rtmd.sock"))
    dead.close()
    async with serving(tmp_path) as served:
        assert (await served.unix.get("/-/healthy")).status_code == 200


async def test_a_socket_somebody_listens_on_is_left_alone(served: Served) -> None:
    with pytest.raises(ListenError, match="another daemon listens there"):
        open_listeners([UnixListen(served.path)])
    assert (await served.unix.get("/-/healthy")).status_code == 200


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "rtmd.sock").write_text("precious")
    with pytest.raises(ListenError, match="not a socket"):
        open_listeners([ANYWHERE, UnixListen(tmp_path / "rtmd.sock")])
    assert (tmp_path / "rtmd.sock").read_text() == "precious"


async def test_a_socket_that_took_our_place_is_not_removed(served: Served) -> None:
    served.path.unlink()
    served.path.touch()
    await served.server.stop()
    assert served.path.exists()


@pytest.mark.parametrize(
    ("where", "why"),
    [
        (TcpListen("0.0.0.0", 0), "loopback"),  # noqa: S104  # the refusal is the point
        (TcpListen("192.0.2.1", 9095), "loopback"),
        (TcpListen("example.org", 9095), "loopback"),
        (UnixListen(Path("/tmp") / ("x" * 200)), "too long"),  # noqa: S108  # never made
        (UnixListen(Path("/proc/rtmd/rtmd.sock")), "cannot listen on unix:/proc/rtmd/rtmd.sock"),
    ],
)
def test_an_address_that_cannot_be_had_is_named(where: Listen, why: str) -> None:
    with pytest.raises(ListenError, match=why):
        open_listeners([where])


def test_a_taken_port_is_named() -> None:
    [first] = open_listeners([ANYWHERE])
    first.sock.listen()
    port = first.sock.getsockname()[1]
    with pytest.raises(ListenError, match=f"tcp:127.0.0.1:{port}"):
        open_listeners([TcpListen("127.0.0.1", port)])
    first.close()


async def test_inherited_sockets_take_the_place_of_configured_ones(tmp_path: Path) -> None:
    path = tmp_path / "s"
    theirs = socket.socket(socket.AF_UNIX)
    theirs.bind(str(path))
    theirs.listen()

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    server = Server(app, [UnixListen(path)], inherited=[theirs])
    assert await server.start() == [f"unix:{path}"]
    assert b" 204 " in await ask(path)
    await server.stop()
    assert path.exists()  # systemd's, not ours


def test_listen_fds_count_only_for_the_process_they_are_meant_for() -> None:
    assert inherited_sockets({"LISTEN_FDS": "1", "LISTEN_PID": "1"}, os.getpid()) == []
    assert inherited_sockets({}, os.getpid()) == []


def test_sockets_of_socket_activation_are_taken_over(tmp_path: Path) -> None:
    script = (
        "import os, socket, sys\n"
        "from rtmd.api.sockets import inherited_sockets\n"
        "theirs = socket.socket(socket.AF_UNIX)\n"
        "theirs.bind(sys.argv[1])\n"
        "os.dup2(theirs.detach(), 3)\n"
        "[ours] = inherited_sockets({'LISTEN_FDS': '1', 'LISTEN_PID': str(os.getpid())}, os.getpid())\n"
        "print(ours.getsockname(), ours.family.name, ours.get_inheritable())\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "s"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path}/s AF_UNIX False\n"


async def test_signals_stay_the_daemons(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serving(tmp_path):
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_stopping_ends_open_streams_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        reader, writer = await asyncio.open_unix_connection(str(served.path))
        writer.write(b"GET /api/rtmd/v1/stream HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(served.server.stop(), 5)
        assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"0\r\n\r\n")
        writer.close()


@pytest.mark.parametrize(
    "start", [b"", b"GET / HTTP/1.1\r\nx: ", b"POST /api/v1/write HTTP/1.1\r\ncontent-length: 9\r\n\r\n"]
)
async def test_a_request_that_does_not_get_done_is_dropped(
    served: Served, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.05)
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.05)
    assert await ask(served.path, start) == b""
    assert not served.desk.batches


async def test_blank_lines_do_not_keep_a_connection(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = await asyncio.open_unix_connection(str(served.path))
    writer.write(HEALTH)
    await reader.readuntil(b"rtmd is healthy.\n")
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.05)
    writer.write(b"\r\n")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 5)
    writer.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nx: " + b"x" * 400_000,
        b"GET /" + b"x" * 400_000,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 70_000,
    ],
)
async def test_an_endless_head_is_cut_off(served: Served, raw: bytes) -> None:
    assert (await ask(served.path, raw)).split(b"\r\n")[0] in (
        b"HTTP/1.1 431 Request Header Fields Too Large",
        b"HTTP/1.1 400 Bad Request",
    )


async def test_a_flood_over_tcp_leaves_the_unix_socket_usable(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", 3)
    open_ones = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(5)]
    assert (await open_ones[-1][0].readline()).startswith(b"HTTP/1.1 503")
    assert b" 200 " in await ask(served.path)
    for _, writer in open_ones:
        writer.close()


async def test_random_bytes_do_not_hurt(served: Served) -> None:
    dice = random.Random(7)  # noqa: S311  # reproducible noise
    for length in (1, 10, 100, 1000, 10_000):
        noise = dice.randbytes(length) + b"\r\n\r\n"
        for raw in (noise, HEALTH[:20] + noise, HEALTH.replace(b"/-/healthy", b"/" + noise[:9].replace(b"\r", b"x"))):
            await ask(served.path, raw + HEALTH)
    assert b" 200 " in await ask(served.path)


@pytest.mark.parametrize("raw", [b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n"])
async def test_odd_targets_are_answered(served: Served, raw: bytes) -> None:
    assert b" 40" in await ask(served.path, raw)
