"""How much remote_write each system takes: `python bench/throughput.py [FOLDER]`; RTMD_BENCH=small for a quick look.

Posts of 1,000 or 10,000 series with one sample each, one after the other on each connection, over one connection or
four; first without rules, then with the hundred rules of the standard workload judged every second meanwhile. All
requests are made beforehand, in the process that sends them: it then only sends, which costs a few µs a post. The
series are known when it starts. Every connection has series of its own, so that the samples of each arrive in order;
their times are spread over the last half minute.
"""

from __future__ import annotations

import threading
import time
from multiprocessing.connection import Connection as Pipe

from _figures import Figure, Goal, show
from _live import SMALL, SPAWN, Connection, Post, end_cleanly
from _systems import PROMETHEUS, RTMD, STANDARD, Files, running, systems

_SAMPLES = 100_000 if SMALL else 2_000_000  # of a run
_SERIES = 10_000
_SPREAD = 25_000  # ms over which the samples of a run are spread, all of them lately
_SHAPES = ((1_000, 2),) if SMALL else ((1_000, 1), (1_000, 4), (10_000, 1), (10_000, 4))


def measure() -> list[Figure]:
    """Samples a second, for each shape of the load."""
    figures = []
    # How much there may be: the goal is for what a system takes while it works.
    goal = Goal("≥ 1 M/s, ≥ 3 ×", lambda v: v[RTMD] >= 1e6 and v[RTMD] >= 3 * v[PROMETHEUS])
    rules: tuple[tuple[str, Files], ...] = (("no rules", {}), ("100 rules", STANDARD))
    for what, files in rules[1:] if SMALL else rules:
        for size, connections in _SHAPES:
            found = {name: blasted(name, files, size, connections) for name in systems()}
            taken, cpu = ({name: each[place] for name, each in found.items()} for place in (0, 1))
            title = f"ingest, {what}: posts of {size:,}, {connections} connection{'s' * (connections > 1)}"
            figures.append(Figure(title, "samples/s", taken, goal, more=True))
            figures.append(Figure("… CPU for a million", "s", cpu))
    return figures


def blasted(name: str, files: Files, size: int, connections: int) -> tuple[float, float]:
    """Samples a second that it took, and CPU seconds for a million of them."""
    with running(name, files) as system:
        ours, theirs = SPAWN.Pipe()
        sender = SPAWN.Process(target=_blast, args=(theirs, system.port, size, connections), daemon=True)
        sender.start()
        theirs.close()
        try:
            ours.recv()  # everything is made
            before = system.cpu()
            ours.send(None)
            samples, took = ours.recv()
            return samples / took, (system.cpu() - before) / samples * 1e6
        finally:
            sender.kill()
            sender.join()


def _blast(pipe: Pipe, port: int, size: int, connections: int) -> None:
    """Make all posts, send each series once, then all of them as fast as they are taken; tell how fast that was."""
    sets = max(connections, _SERIES // size)
    posts = [Post(number * size, size) for number in range(sets)]
    rounds = _SAMPLES // size // sets
    base = time.time_ns() // 1_000_000 - _SPREAD
    # A connection has every n-th set, and sends round after round of them.
    queues = [
        [
            posts[each].at(base + n * _SPREAD // rounds)
            for n in range(rounds)
            for each in range(first, sets, connections)
        ]
        for first in range(connections)
    ]
    for each in posts:
        with Connection(port) as connection:
            connection.post(each.at(base - 1_000))
    failures: list[BaseException] = []
    threads = [threading.Thread(target=_drain, args=(port, queue, failures)) for queue in queues]
    pipe.send(None)
    pipe.recv()
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    if failures:
        raise failures[0]
    pipe.send((sum(map(len, queues)) * size, took))


def _drain(port: int, queue: list[bytes], failures: list[BaseException]) -> None:
    try:
        with Connection(port) as connection:
            for post in queue:
                connection.post(post)
    except (OSError, RuntimeError) as error:
        failures.append(error)


if __name__ == "__main__":
    end_cleanly()
    show(measure())
