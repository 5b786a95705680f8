"""From a sample to the webhook: `python bench/latency.py [FOLDER]`; RTMD_BENCH=small for a quick look.

A real daemon and real HTTP, under 10,000 samples a second of remote_write from another process (ten posts a second).
A probe crosses the threshold of a seconds stage with `for = 0`, each time as another instance; measured is the time
from before its POST is sent until the whole notification has arrived. In between lie decoding, evaluation, a
transaction on disk and the webhook's POST. In a second round the probes fall again at once: all that fired within
a second resolve at the next grid point, and their notifications go out in one burst, at the same time as other probes.
The machine's own fdatasync in the same folder is printed beside it.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import random
import time

import httpx
import msgspec
from _live import SMALL, Connection, Post, running
from fdatasync import line

from rtmd.wire import NotificationBody

_PROBES = 40 if SMALL else 400
_PAUSE = 0.03  # seconds between probes, up to twice that
_POSTS_A_SECOND = 10

RULE = """
[rules.probe]
signal = 'probe'
reopen = "0s"
[rules.probe.seconds]
above = 10
"""


class Hook:
    """The webhook: wakes whoever waits for an instance."""

    def __init__(self) -> None:
        self.arrived: dict[str, asyncio.Future[float]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One kept-alive connection of the daemon."""
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                body = await reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                writer.close()  # the daemon has ended, or the measurement
                return
            at = time.perf_counter()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            told = msgspec.json.decode(body, type=NotificationBody)
            for alert in told.alerts:
                waiting = self.arrived.pop(alert.firing.labels["n"], None) if alert.message == "firing" else None
                if waiting is not None:
                    waiting.set_result(at)


def background(port: int) -> None:
    """10,000 samples a second, until it is ended."""
    posts = [Post(number) for number in range(_POSTS_A_SECOND)]
    with Connection(port) as connection:
        start, n = time.monotonic(), 0
        while True:
            connection.post(posts[n % _POSTS_A_SECOND].at(time.time_ns() // 1_000_000))
            n += 1
            time.sleep(max(0.0, start + n / _POSTS_A_SECOND - time.monotonic()))


class Prober:
    """Sends probes over one connection and waits for what the webhook is told."""

    def __init__(self, hook: Hook, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._hook = hook
        self._writer = writer
        self._reading = asyncio.create_task(_read(reader))
        self._numbers = itertools.count()

    async def round(self, *, falling: bool) -> list[float]:
        """The latencies of one round of probes, in ms, sorted."""
        found = []
        for _ in range(_PROBES):
            name = str(next(self._numbers))
            arrived = self._hook.arrived[name] = asyncio.get_running_loop().create_future()
            start = time.perf_counter()
            self._send(name, 20)
            found.append((await asyncio.wait_for(arrived, 10) - start) * 1000)
            if falling:
                self._send(name, 0)
            await asyncio.sleep(random.uniform(_PAUSE, 2 * _PAUSE))  # noqa: S311  # not in step with anything
        return sorted(found)

    async def end(self) -> None:
        """Close the connection."""
        self._writer.close()
        await self._reading

    def _send(self, name: str, value: int) -> None:
        body = msgspec.json.encode({"metric": "probe", "labels": {"n": name}, "value": value})
        head = f"POST /api/v1/samples HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)


async def _read(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


async def main() -> None:
    """Measure, and print one table."""
    hook = Hook()
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    config = f'[receivers.hook]\nkind = "webhook"\nurl = "{url}"\n[route]\nreceiver = "hook"\n'
    with running(config, {"r.toml": RULE}) as rtmd:
        port = httpx.URL(rtmd.tcp).port or 0
        load = multiprocessing.get_context("spawn").Process(target=background, args=(port,), daemon=True)
        load.start()
        rtmd.until("the load is there", lambda: rtmd.client.status().samples_per_second > 8_000, within=30)
        prober = Prober(hook, *await asyncio.open_connection("127.0.0.1", port))
        rising = await prober.round(falling=False)
        falling = await prober.round(falling=True)
        await prober.end()
        rate = rtmd.client.status().samples_per_second
        load.kill()
        disk = line(rtmd.folder)
    print(f"{_PROBES} probes a round, under {rate:,.0f} samples/s")
    report("sample to webhook", rising)
    report("... with bursts of resolved", falling)
    print(disk)


def report(what: str, found: list[float]) -> None:
    """One line of the table; the figures are sorted."""
    p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
    print(f"{what:28} p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  max {found[-1]:6.2f} ms")


if __name__ == "__main__":
    asyncio.run(main())
