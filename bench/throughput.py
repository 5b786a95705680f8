"""How much remote_write the daemon takes: `python bench/throughput.py [FOLDER]`; RTMD_BENCH=small for a quick look.

A real daemon, real HTTP, one connection: posts of 1,000 series with one sample each, one after the other, 10,000
series in all, known by then. Prints samples per second and the CPU time that the daemon took for a million of them,
first without rules, then with 100 rules over 100 series each; beside it the machine's own fdatasync.
"""

from __future__ import annotations

import time

import httpx
import psutil
from _live import SMALL, Connection, Post, running
from fdatasync import line

_SETS = 10
_POSTS = 300 if SMALL else 3_000
_SPREAD = 20_000  # ms over which the samples of a run are spread, all of them lately

RULES = "".join(
    f'[rules.g{n}]\nsignal = \'avg_over_time(m{{group="g{n}"}}[$window])\'\nwindow = "1m"\nabove = 1000\n'
    f'recent = "off"\nfor = "1h"\n'
    for n in range(100)
)


def measure(rules: str) -> None:
    """One line of figures."""
    with running("", {"r.toml": rules} if rules else {}) as rtmd:
        posts = [Post(number) for number in range(_SETS)]
        port = httpx.URL(rtmd.tcp).port or 0
        with Connection(port) as connection:
            now = rtmd.client.status().at
            for post in posts:
                connection.post(post.at(now - 30_000))
            requests = [
                posts[n % _SETS].at(now - _SPREAD + n * _SPREAD // _POSTS // _SETS * _SETS) for n in range(_POSTS)
            ]
            process = psutil.Process(rtmd.pid)
            before, start = process.cpu_times(), time.perf_counter()
            for request in requests:
                connection.post(request)
            took = time.perf_counter() - start
            after = process.cpu_times()
        samples = _POSTS * Post.SERIES
        disk = line(rtmd.folder)
        cpu = after.user + after.system - before.user - before.system
        status = rtmd.client.status()
        what = f"{status.rules} rules" if rules else "no rules"
        print(f"{what:10} {samples / took:12,.0f} samples/s {cpu / samples * 1e6:8.2f} CPU s for a million", end="")
        print(f", {status.series} series, drops: {status.drops or 'none'}")
        print(disk)


def main() -> None:
    """Without rules, and with a hundred."""
    measure("")
    measure(RULES)


if __name__ == "__main__":
    main()
