"""A storm: `python bench/storm.py [FOLDER]`; RTMD_BENCH=small for a quick look.

A real daemon with ten rules of seconds over 1,000 series each, grouped by rule, towards one webhook; 1,000 active
silences cover other instances of them, so that each firing is held against all. Within ten seconds all 10,000 series
rise above their thresholds, a hundred in each post of remote_write, and then fall again at once. Measured from before
the first of these posts is sent: when the first message has arrived; how many messages of one group came within a
second; how late steps began meanwhile, by the daemon's own figures; when all firings were open; the CPU it took.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import psutil
from _figures import Figure, Goal, at_most, show
from _live import FOLDER, SMALL, TIED, end_cleanly, request
from _systems import RTMD
from daemon import Rtmd

from rtmd.formats.remote_write import encode_write

_RULES = 10
_SERIES = 300 if SMALL else 10_000
_SILENCES = 20 if SMALL else 1_000
_WITHIN = 1.0 if SMALL else 10.0  # seconds
_POSTS = 10 if SMALL else 100
_CONFIG = '[receivers.hook]\nkind = "webhook"\nurl = "{}"\n[route]\nreceiver = "hook"\ngroup_by = ["rule"]\n'
_RULE = "[rules.r{n}]\nsignal = 'm{{r=\"{n}\"}}'\n[rules.r{n}.seconds]\nabove = 10\n"
_PATIENCE = 120.0
_LATEST = 2_000.0  # ms, the last bound that the daemon counts


@dataclass
class Hook:
    """The webhook: when each message came, and of what group it was."""

    came: list[tuple[float, str, int]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One kept-alive connection."""
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                body = msgspec.json.decode(await reader.readexactly(length))
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                writer.close()  # the daemon has ended
                return
            group = "storm" if body["digest"] else str(sorted(body["group"].items()))
            self.came.append((time.perf_counter(), group, length))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def most_in_a_second(self) -> int:
        """Messages of one group within any second."""
        most = 0
        for group in {group for _, group, _ in self.came}:
            times = sorted(at for at, of, _ in self.came if of == group)
            most = max([most, *(bisect_left(times, at + 1) - place for place, at in enumerate(times))])
        return most


@dataclass
class Sender:
    """Posts over one connection, each when its time has come, whatever the answers."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def post(self, value: float, within: float) -> float:
        """Every series at this value once; when the first post was sent."""
        reading = asyncio.create_task(self._read())
        start = time.perf_counter()
        for number in range(_POSTS):
            await asyncio.sleep(max(0.0, start + number * within / _POSTS - time.perf_counter()))
            at = time.time_ns() // 1_000_000
            series = range(number * _SERIES // _POSTS, (number + 1) * _SERIES // _POSTS)
            post = (({"__name__": "m", "r": str(n % _RULES), "i": str(n)}, [(at, value)]) for n in series)
            self.writer.write(request(encode_write(post)))
        reading.cancel()
        return start

    async def _read(self) -> None:
        while await self.reader.read(65_536):
            pass


def delays(daemon: Rtmd) -> Counter[float]:
    """Steps by how late they began, at most so many ms."""
    found = Counter[float]()
    before = 0.0
    for line in daemon.client.http.get("/metrics").text.splitlines():
        if line.startswith("rtmd_step_delay_seconds_bucket"):
            bound, count = line.partition('le="')[2].partition('"')[0], float(line.split()[-1])
            found[float(bound) * 1000] = int(count - before)
            before = count
    return found


def percentile(counts: Counter[float], percent: float) -> float:
    """The bound below which so many percent of them are; 2,000 ms stand for more as well."""
    left = counts.total() * percent / 100
    for bound, count in sorted(counts.items()):
        left -= count
        if left <= 0:
            return min(bound, _LATEST)
    return 0.0


async def until_open(daemon: Rtmd, count: int) -> None:
    """Wait until so many firings are open."""
    deadline = time.monotonic() + _PATIENCE
    while (found := (await asyncio.to_thread(daemon.client.status)).firing) != count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{found} firings are open, not {count}")
        await asyncio.sleep(0.25)


def silence(daemon: Rtmd) -> None:
    """Active silences that cover none of what fires, of the rules that do."""
    matchers = [{"name": "rule", "value": "r[0-9]", "isRegex": True, "isEqual": True}]
    for number in range(_SILENCES):
        place = {"name": "i", "value": f"x{number}", "isRegex": False, "isEqual": True}
        body = {
            "matchers": [*matchers, place],
            "startsAt": datetime.now(UTC).isoformat(),
            "endsAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
            "createdBy": "bench",
            "comment": "bench",
        }
        daemon.client.http.post("/api/v2/silences", json=body).raise_for_status()


async def storm(folder: Path) -> list[Figure]:
    """One storm, and what it took."""
    hook = Hook()
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    config = _CONFIG.format(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    rules = {"storm.toml": "".join(_RULE.format(n=n) for n in range(_RULES))}
    with closing(server), Rtmd(folder, config, rules) as daemon:
        daemon.launch(TIED)
        await asyncio.to_thread(daemon.until, "it is ready", lambda: "READY=1" in "\n".join(daemon.notices.messages))
        await asyncio.to_thread(silence, daemon)
        sender = Sender(*await asyncio.open_connection("127.0.0.1", httpx.URL(daemon.tcp).port or 0))
        await sender.post(0, 1)
        await asyncio.sleep(1)
        process, before = psutil.Process(daemon.pid), delays(daemon)
        spent = sum(process.cpu_times()[:2])
        start = await sender.post(20, _WITHIN)
        await until_open(daemon, _SERIES)
        opened = time.perf_counter() - start - _WITHIN
        spent, late = sum(process.cpu_times()[:2]) - spent, delays(daemon)
        late.subtract(before)
        await sender.post(0, 0.0)
        await until_open(daemon, 0)
        ended = delays(daemon)
        ended.subtract(late)
        ended.subtract(before)
        first = (min(at for at, _, _ in hook.came) - start) * 1000
        sender.writer.close()
    what = f"{_SERIES:,} firings open within {_WITHIN:g} s"
    once = Goal("≤ 1", lambda values: values[RTMD] <= 1)
    return [
        Figure(f"{what}: first message", "ms", {RTMD: first}, at_most(500, "ms"), alone=True),
        Figure("… messages of one group within a second", "", {RTMD: hook.most_in_a_second()}, once, alone=True),
        Figure("… messages altogether", "", {RTMD: len(hook.came)}, alone=True),
        Figure("… the longest message", "kB", {RTMD: max(size for _, _, size in hook.came) / 1000}, alone=True),
        Figure("… steps begin late by at most: p50", "ms", {RTMD: percentile(late, 50)}, alone=True),
        Figure(
            "… steps begin late by at most: p99", "ms", {RTMD: percentile(late, 99)}, at_most(500, "ms"), alone=True
        ),
        Figure("… all are open after the last post", "ms", {RTMD: max(0.0, opened * 1000)}, alone=True),
        Figure("… CPU", "s", {RTMD: spent}, alone=True),
        Figure("all end at once: steps begin late by at most", "ms", {RTMD: percentile(ended, 100)}, alone=True),
    ]


def measure() -> list[Figure]:
    """All of it, in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        return asyncio.run(storm(Path(name).absolute()))


if __name__ == "__main__":
    end_cleanly()
    show(measure())
