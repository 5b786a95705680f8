"""From a sample to the webhook: `python bench/latency.py [FOLDER]`; RTMD_BENCH=small for a quick look.

Real processes and real HTTP, under 10,000 samples a second of remote_write from another process (ten posts a second).
A probe is a remote_write post with one sample above the threshold of a rule without `for`, each time of another
series, which is known by then; measured is the time from before it is sent until its whole notification has arrived.
For rtmd decoding, evaluation, a transaction on disk and the webhook's POST lie in between; the others judge once a
second and tell Alertmanager, which waits for nothing. In a second round, for rtmd only, the probes fall again at once:
all that fired within a second resolve at the next grid point, and their notifications go out in one burst, at the same
time as other probes. The machine's own fdatasync in the same folder stands beside it.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import dataclass

import msgspec
from _figures import Figure, at_most, show
from _live import FOLDER, SMALL, Connection, end_cleanly, load, request
from _systems import RTMD, Alert, running, systems
from fdatasync import measure as measure_disk

from rtmd.formats.remote_write import encode_write

_PROBES = 20 if SMALL else 400
_WARM = 5  # probes before it counts: connections are made, code is warm
_PAUSE = 0.03  # seconds between probes, up to twice that
_SERIES = 10_000
_RULES = {"probe": [Alert("probe", "probe", 10)]}


class Hook:
    """The webhook: wakes whoever waits for an instance."""

    def __init__(self) -> None:
        self.arrived: dict[str, asyncio.Future[float]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One kept-alive connection of rtmd or Alertmanager."""
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                body = await reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                writer.close()  # the system has ended, or the measurement
                return
            at = time.perf_counter()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            for name in _fired(msgspec.json.decode(body)):
                waiting = self.arrived.pop(name, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(at)


def _fired(told: dict) -> list[str]:  # type: ignore[type-arg]  # a body as rtmd or Alertmanager writes it
    firing = (alert for alert in told["alerts"] if alert.get("message", alert["status"]) == "firing")
    return [alert.get("firing", alert)["labels"]["n"] for alert in firing]


@dataclass
class Prober:
    """Sends probes over one connection and collects when the webhook was told; waits for none of them."""

    hook: Hook
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    numbers: itertools.count[int]

    async def round(self, probes: int, *, falling: bool) -> list[float]:
        """The latencies of one round of probes, in ms, sorted."""
        reading = asyncio.create_task(self._read())
        sent = []
        for _ in range(probes):
            sent.append(asyncio.create_task(self._latency(str(next(self.numbers)), falling=falling)))
            await asyncio.sleep(random.uniform(_PAUSE, 2 * _PAUSE))  # noqa: S311  # not in step with anything
        found = sorted(await asyncio.gather(*sent))
        reading.cancel()
        return found

    async def _latency(self, name: str, *, falling: bool) -> float:
        arrived = self.hook.arrived[name] = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        self._send(name, 20)
        took = (await asyncio.wait_for(arrived, 30) - start) * 1000
        if falling:
            self._send(name, 0)
        return took

    def _send(self, name: str, value: float) -> None:
        self.writer.write(request(encode_write([_probe(name, value)])))

    async def _read(self) -> None:
        while await self.reader.read(65_536):
            pass


async def probed(name: str) -> dict[str, list[float]]:
    """Latencies of one system, by what was done."""
    hook = Hook()
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    with running(name, _RULES, every=0, hook=url) as system, load(system.port, _SERIES):
        known = _WARM + 2 * _PROBES
        with Connection(system.port) as connection:
            connection.post(request(encode_write(_probe(str(number), 0) for number in range(known))))
        system.until_found("probe", known)
        system.until_found("m", _SERIES)
        prober = Prober(hook, *await asyncio.open_connection("127.0.0.1", system.port), itertools.count())
        await prober.round(_WARM, falling=False)
        found = {"rising": await prober.round(_PROBES, falling=False)}
        if name == RTMD:
            found["falling"] = await prober.round(_PROBES, falling=True)
        prober.writer.close()
    server.close()
    return found


def _probe(name: str, value: float) -> tuple[dict[str, str], list[tuple[int, float]]]:
    """A series with one sample, now."""
    return {"__name__": "probe", "n": name}, [(time.time_ns() // 1_000_000, value)]


def measure() -> list[Figure]:
    """Median and 99th percentile of each system, and the bursts of rtmd."""
    found = {name: asyncio.run(probed(name)) for name in systems()}
    rising = {name: each["rising"] for name, each in found.items()}
    bursts = {RTMD: found[RTMD]["falling"]}
    disk = measure_disk(FOLDER)
    what = "push → webhook, under 10,000 samples/s"
    return [
        Figure(f"{what}: p50", "ms", _percentile(rising, 50), at_most(3, "ms")),
        Figure(f"{what}: p99", "ms", _percentile(rising, 99), at_most(20, "ms")),
        Figure("… with bursts of resolved beside it: p50", "ms", _percentile(bursts, 50), alone=True),
        Figure("… with bursts of resolved beside it: p99", "ms", _percentile(bursts, 99), alone=True),
        Figure("fdatasync on this disk: p50", "ms", {RTMD: disk[0]}, alone=True),
        Figure("fdatasync on this disk: p99", "ms", {RTMD: disk[1]}, alone=True),
    ]


def _percentile(found: dict[str, list[float]], percent: int) -> dict[str, float]:
    return {name: each[len(each) * percent // 100] for name, each in found.items()}


if __name__ == "__main__":
    end_cleanly()
    show(measure())
