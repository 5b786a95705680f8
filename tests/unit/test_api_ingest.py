"""Influx and text posts over HTTP: what their clients ask for, send and are answered."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes_api import NOW, Served, config, serving

from rtmd.config import Limits

IMPORT = "/api/v1/import/prometheus"
LINE = b"mentions,brand=acme value=17i,reach=2.5 %d\n"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, config(limits=Limits(body_bytes=64 * 1024))) as running:
        yield running


def taken(served: Served) -> list[tuple[str, list[int], list[float]]]:
    return [(source, batch.times.tolist(), batch.values.tolist()) for source, batch in served.desk.batches]


@pytest.mark.parametrize(
    ("url", "stamp"),
    [
        ("/write?db=telegraf&rp=autogen", NOW * 1_000_000),
        ("/write?precision=s&db=x&u=user&p=secret&consistency=one", NOW // 1000),
        ("/api/v2/write?org=o&bucket=b/1&precision=ms", NOW),
        ("/api/v2/write?precision=us", NOW * 1_000),
    ],
)
async def test_influx_lines_are_one_batch(served: Served, url: str, stamp: int) -> None:
    answer = await served.tcp.post(url, content=LINE % stamp, headers={"Authorization": "Token none"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert taken(served) == [("influx", [NOW, NOW], [17.0, 2.5])]
    assert served.desk.series.labels(0) == (("__name__", "mentions"), ("brand", "acme"))


async def test_a_post_waits_while_the_loop_has_no_room_for_it(served: Served) -> None:
    served.desk.busy = asyncio.Event()
    post = asyncio.create_task(served.tcp.post("/write", content=b"m f=1\n"))
    assert (await served.tcp.get("/api/rtmd/v1/status")).status_code == 200  # everything else goes on
    assert (taken(served), post.done()) == ([], False)
    served.desk.busy.set()
    assert (await post).status_code == 204
    assert taken(served) == [("influx", [NOW], [1.0])]


async def test_influx_lines_may_be_packed_and_without_a_time(served: Served) -> None:
    packed = gzip.compress(b"m f=1\nn f=2\n")
    answer = await served.unix.post("/write", content=packed, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 204
    assert taken(served) == [("influx", [NOW, NOW], [1.0, 2.0])]


@pytest.mark.parametrize(
    ("url", "body", "reason", "words"),
    [
        ("/write", b"ok f=1\nm f=x\n", "bad_influx", "unable to parse line 2"),
        ("/api/v2/write?precision=day", b"m f=1", "bad_precision", "precision must be one of"),
        ("/write?" + "a=b&" * 100, b"m f=1", "bad_parameters", "parameters"),
        (IMPORT, b"ok 1\nm x\n", "bad_exposition", "line 2"),
    ],
)
async def test_a_bad_line_refuses_the_post(served: Served, url: str, body: bytes, reason: str, words: str) -> None:
    answer = await served.tcp.post(url, content=body)
    assert (answer.status_code, answer.json()["reason"]) == (400, reason)
    assert words in answer.json()["error"]
    assert (taken(served), served.desk.drops) == ([], {reason: 1})


async def test_what_was_left_out_is_said(served: Served) -> None:
    answer = await served.tcp.post("/write", content=b'm state="fine",f=1')
    assert (answer.status_code, answer.headers["X-Rtmd-Series-Refused"]) == (204, "string_field=1")


async def test_text_exposition_may_have_times_and_may_be_packed(served: Served) -> None:
    page = b'# TYPE m counter\nm{a="b"} 5\nm{a="c"} 6 1234\n'
    assert (await served.tcp.post(IMPORT, content=page)).status_code == 204
    packed = await served.unix.post(IMPORT, content=gzip.compress(page), headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 204
    assert taken(served) == [("exposition", [NOW, 1234], [5.0, 6.0])] * 2


async def test_influx_clients_find_what_they_look_for_before_they_write(served: Served) -> None:
    for method in ("GET", "HEAD"):
        answer = await served.tcp.request(method, "/ping")
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["X-Influxdb-Version"]
    assert (await served.tcp.post("/ping")).status_code == 405


@pytest.mark.parametrize("path", ["/write", "/api/v2/write", IMPORT, "/ping"])
async def test_a_browser_and_other_methods_are_refused(served: Served, path: str) -> None:
    assert (await served.tcp.post(path, headers={"Origin": "http://localhost"})).status_code == 403
    assert (await served.tcp.delete(path)).status_code == 405
