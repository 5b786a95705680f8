"""The link: framing, events, reconnecting, gaps, and errors in words."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import world
from fake_daemon import FakeDaemon

from rtmd.wire import AckRequest, Beat, Changes, Snapshot
from rtmd.wire.silences import SilenceRequest
from tui.client import Client, Down
from tui.http import Body, EventReader, Head, ProtocolError, parse_head, request
from tui.target import RefusedError, Target, words


async def take(stream: AsyncIterator[Any], kind: type) -> Any:
    """The next message of this kind."""
    async for message in stream:
        if isinstance(message, kind):
            return message
    raise AssertionError("the stream ended")


def test_chunks_and_events_are_found_however_the_bytes_are_cut() -> None:
    events = b': hello\r\nevent: beat\r\nid: e:1\r\ndata: {"a":\r\ndata: 1}\r\n\r\nevent: x\n\ndata: 2\n\n'
    framed = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(part), part) for part in (events[:7], events[7:30], events[30:]))
    framed += b"0\r\n\r\n"
    for step in (1, 2, 3, 7, 1000):
        body, reader, found = Body(Head(200, {"transfer-encoding": "chunked"})), EventReader(), []
        for start in range(0, len(framed), step):
            found += list(reader.feed(body.feed(framed[start : start + step])))
        assert [(one.name, one.id, one.content) for one in found] == [
            ("beat", "e:1", b'{"a":\n1}'),
            ("message", "e:1", b"2"),
        ]
        assert body.complete


def test_a_body_with_a_length_ends_there() -> None:
    body = Body(Head(200, {"content-length": "3"}))
    assert body.feed(b"ab") == b"ab"
    assert not body.complete
    assert body.feed(b"cd") == b"c"
    assert body.complete


def test_what_is_not_http_is_refused() -> None:
    with pytest.raises(ProtocolError):
        parse_head(b"SSH-2.0-OpenSSH")
    with pytest.raises(ProtocolError):
        request("GET", "/", {"X": "a\r\nb"})
    with pytest.raises(ProtocolError):
        Body(Head(200, {"transfer-encoding": "chunked"})).feed(b"nonsense\r\n")


@pytest.mark.parametrize("chunked", [True, False])
async def test_the_stream_gives_a_snapshot_then_changes_and_beats(tmp_path: Path, *, chunked: bool) -> None:
    daemon = FakeDaemon(chunked=chunked)
    async with daemon.serving(str(tmp_path / "s")) as target:
        stream = Client(target).follow()
        first = await anext(stream)
        assert isinstance(first, Snapshot)
        assert len(first.firings) == len(world.busy())
        daemon.put(world.firing("new"))
        daemon.beat()
        assert [one.id for one in (await take(stream, Changes)).firings] == ["new"]
        assert (await take(stream, Beat)).status.name == "prod-a"
        await stream.aclose()  # type: ignore[attr-defined]


async def test_a_long_message_is_the_same_as_a_short_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.client._LONG", 10)
    daemon = FakeDaemon()
    async with daemon.serving(str(tmp_path / "s")) as target:
        stream = Client(target).follow()
        first = await anext(stream)
        assert isinstance(first, Snapshot)
        assert (first.firings, first.you) == (world.busy(), "ana")
        daemon.put(world.firing("new"), gone=("f01",))
        changes = await take(stream, Changes)
        assert (changes.firings, changes.gone) == ([world.firing("new")], ["f01"])
        await stream.aclose()  # type: ignore[attr-defined]


async def test_tcp_speaks_the_same() -> None:
    daemon = FakeDaemon()
    async with daemon.serving() as target:
        stream = Client(target).follow()
        assert isinstance(await anext(stream), Snapshot)
        assert (await Client(target).explain("f01")).firing.id == "f01"
        await stream.aclose()  # type: ignore[attr-defined]


async def test_after_a_hang_up_it_resumes_where_it_was(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with daemon.serving(str(tmp_path / "s")) as target:
        stream = Client(target, backoff=(0.01,)).follow()
        await anext(stream)
        daemon.hang_up()
        daemon.joined.clear()
        down = await anext(stream)
        assert isinstance(down, Down)
        assert "closed the stream" in down.problem
        resumed = asyncio.ensure_future(anext(stream))
        await daemon.joined.wait()
        daemon.beat()
        assert isinstance(await resumed, Beat)
        assert daemon.resumes == ["", "e1:1"]
        await stream.aclose()  # type: ignore[attr-defined]


async def test_a_gap_brings_a_new_snapshot_without_a_word(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with daemon.serving(str(tmp_path / "s")) as target:
        stream = Client(target).follow()
        await anext(stream)
        daemon.skip()
        daemon.put(world.firing("late"))
        again = await anext(stream)
        assert isinstance(again, Snapshot)
        assert "late" in {one.id for one in again.firings}
        assert daemon.resumes == ["", ""]
        await stream.aclose()  # type: ignore[attr-defined]


async def test_it_waits_longer_each_time_and_never_more_than_the_last(tmp_path: Path) -> None:
    stream = Client(str(tmp_path / "none"), backoff=(0.001, 0.002, 0.003)).follow()
    waits = [(await anext(stream)).retry_in for _ in range(5)]  # type: ignore[union-attr]
    assert waits == [1, 2, 3, 3, 3]
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_cancellation_that_comes_with_the_wake_up_is_not_lost() -> None:
    client = Client("nowhere", backoff=(60.0,))
    stream = client.follow()
    assert isinstance(await anext(stream), Down)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    client.retry_now()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_mutations_carry_the_wire_and_errors_the_daemons_words(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with daemon.serving(str(tmp_path / "s")) as target:
        client = Client(target)
        await client.ack(AckRequest(firing="f01", version=1))
        done = await client.silence(SilenceRequest(firing="f01", length=60_000))
        assert [one.id for one in await client.silences()] == [done.id]
        await client.expire(done.id)
        assert [verb for verb, _ in daemon.requests] == ["ack", "silence", "silence/expire"]
        daemon.refuse = "already acked by bo 3 s ago"
        with pytest.raises(RefusedError, match="already acked by bo"):
            await client.ack(AckRequest(firing="f01", version=1))
        with pytest.raises(RefusedError, match="no such firing"):
            await client.explain("none/../x")


async def test_a_mutation_without_a_daemon_says_so(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="ENOENT"):
        await Client(str(tmp_path / "none")).expire("s1")


async def test_an_overlong_or_foreign_answer_is_a_word_not_a_crash(tmp_path: Path) -> None:
    async def gibberish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(gibberish, str(tmp_path / "s"))
    stream = Client(str(tmp_path / "s"), backoff=(0.01,)).follow()
    down = await anext(stream)
    assert isinstance(down, Down)
    assert "does not speak as rtmd does" in down.problem
    await stream.aclose()  # type: ignore[attr-defined]
    server.close()


def test_errors_are_told_in_words() -> None:
    target = Target.parse("/run/rtmd/rtmd.sock")
    assert "(ENOENT). systemctl status rtmd" in words(FileNotFoundError(errno.ENOENT, ""), target)
    assert "are not in group" in words(PermissionError(errno.EACCES, ""), target)
    assert "refused" in words(ConnectionRefusedError(errno.ECONNREFUSED, ""), target)
    assert "is silent" in words(TimeoutError(), target)
    assert "EHOSTUNREACH" in words(OSError(errno.EHOSTUNREACH, ""), Target.parse("http://h:1"))


def test_targets_are_paths_or_http() -> None:
    assert str(Target.parse("unix:/a/b")) == "/a/b"
    assert Target.parse("http://h:9095").port == 9095
    with pytest.raises(ValueError, match="HOST:PORT"):
        Target.parse("https://h")
