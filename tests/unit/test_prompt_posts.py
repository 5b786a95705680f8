"""Posts of samples, however their bytes arrive: what is answered at once and what takes its turn looks the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from fakes_api import NOW, Served, config, serving

from rtmd.api.connection import Connection
from rtmd.config import Limits
from rtmd.formats.batch import SampleBatch

HEAD = b"POST /write HTTP/1.1\r\nhost: localhost\r\n"
BODY = b"m f=1\n"
LENGTH = b"content-length: %d\r\n"
WHOLE = HEAD + LENGTH % len(BODY) + b"\r\n" + BODY
LARGE = b"m f=1 %d\n" % (NOW * 1_000_000) * 4_000
TAKEN = b"HTTP/1.1 204 No Content\r\n"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, config(limits=Limits(body_bytes=len(LARGE)))) as running:
        yield running


async def answers(served: Served, pieces: Sequence[bytes]) -> bytes:
    """What comes back until the other side hangs up; each piece is read before the next one is sent."""
    reader, writer = await asyncio.open_unix_connection(str(served.path))
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        for _ in range(5):
            await asyncio.sleep(0)
    writer.write(b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [WHOLE],
        [WHOLE[:20], WHOLE[20:70], WHOLE[70:]],
        [WHOLE[: -len(BODY)], BODY[:3], BODY[3:]],
        [b"\r\n" + WHOLE + b"\r\n"],
        [HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nm \r\n4\r\nf=1\n\r\n0\r\n\r\n"],
        [WHOLE.replace(b"/write", b"/write?db=x")],
        [WHOLE.replace(b"/write", b"/writ%65")],
    ],
)
async def test_a_post_is_taken_in_whatever_pieces_it_comes(served: Served, pieces: Sequence[bytes]) -> None:
    found = await answers(served, pieces)
    assert found.startswith(TAKEN + b"\r\nHTTP/1.1 200 OK\r\n")
    assert [batch.values.tolist() for _, batch in served.desk.batches] == [[1.0]]


async def test_a_large_post_takes_its_turn_and_one_over_the_limit_is_refused(served: Served) -> None:
    for body, status in ((LARGE, TAKEN), (LARGE + BODY, b"HTTP/1.1 413 ")):
        head = HEAD + LENGTH % len(body) + b"\r\n"
        assert (await answers(served, [head, body[:70_000], body[70_000:]])).startswith(status)
    assert [len(batch) for _, batch in served.desk.batches] == [4_000]


async def test_posts_in_line_are_answered_in_order(served: Served) -> None:
    bad = HEAD + LENGTH % 5 + b"\r\nm f=x"
    found = await answers(served, [WHOLE + bad + WHOLE + bad + WHOLE])
    assert re.findall(rb"HTTP/1\.1 (\d+)", found) == [b"204", b"400", b"204", b"400", b"204", b"200"]
    assert (len(served.desk.batches), served.desk.drops) == (3, {"bad_influx": 2})


async def test_who_may_not_send_is_refused_once(served: Served) -> None:
    found = await answers(served, [WHOLE.replace(b"host: localhost", b"host: localhost\r\norigin: http://evil")])
    assert found.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert (served.desk.batches, len(served.desk.attempts)) == ([], 1)


async def test_a_mistake_of_ours_is_an_answer_too(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(source: str, batch: SampleBatch) -> None:
        raise RuntimeError(f"{source} {len(batch)}")

    monkeypatch.setattr(served.desk, "ingest", fails)
    assert (await answers(served, [WHOLE])).startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert "a post could not be answered" in caplog.text


async def test_a_post_that_has_begun_when_the_server_ends_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, read = asyncio.Event(), Connection.on_body

    def on_body(connection: Connection, body: bytes) -> None:
        read(connection, body)
        begun.set()

    monkeypatch.setattr(Connection, "on_body", on_body)
    async with serving(tmp_path) as served, asyncio.timeout(60):
        reader, writer = await asyncio.open_unix_connection(str(served.path))
        writer.write(WHOLE[:-1])
        await begun.wait()
        stopping = asyncio.create_task(served.server.stop())
        await asyncio.sleep(0)
        writer.write(WHOLE[-1:])
        assert (await reader.read()).startswith(TAKEN)
        await stopping
        writer.close()
        assert len(served.desk.batches) == 1
