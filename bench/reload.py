"""How soon an edit counts, among 10,000 rules: `python bench/reload.py [FOLDER]`; RTMD_BENCH=small for a quick look.

A hundred files of a hundred rules each (and, for rtmd, once more a file for each rule), judged every five seconds,
under 10,000 samples a second. One file is saved by a rename, with one threshold changed. For rtmd the time ends when
the API shows the firing that the new threshold brings about: the rule is not only read, it has judged. The others
are told to reload as soon as the file is there (SIGHUP; they do not watch), and the time ends when they log that the
new rules are in force; when they will judge them is up to their interval.

Meanwhile another process posts one sample every few milliseconds: how long the slowest waited for its answer is how
long rtmd was held up, by anything. Beside it the same without a reload, and how many of its steps began more than
50 ms after they were due, by its own account (`rtmd_step_delay_seconds` of /metrics).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from statistics import median

import httpx
from _figures import Figure, Goal, at_most, show
from _live import SMALL, SPAWN, Connection, end_cleanly, labels, load, request
from _systems import PROMETHEUS, RTMD, VICTORIA, Alert, Files, System, running, systems
from daemon import until

from rtmd.formats.remote_write import encode_write
from rtmd.model.replace import replace

_FILES, _RULES = (10, 10) if SMALL else (100, 100)
_SERIES = 1_000 if SMALL else 10_000
_EDITS = 2 if SMALL else 10
_EVERY = 5  # seconds between judgements
_PAUSE = 0.005  # seconds between the small posts
_QUIET = 0.1 if SMALL else 0.7  # seconds between edits
_LOADED = {PROMETHEUS: "Completed loading of configuration file", VICTORIA: "ules reloaded successfully"}
_LOW, _HIGH = 1.0, 1000.0  # every series of the load lies in between


@dataclass
class Found:
    """In ms, one entry an edit."""

    took: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)  # the longest of a small post during each edit
    usual: list[float] = field(default_factory=list)  # ... and for a while without one
    late: int = 0  # steps that began more than 50 ms after they were due, over all the time


def rule_files(files: int, rules: int) -> Files:
    """One series a rule; the first of the first file is the one to be edited."""

    def rule(number: int) -> Alert:
        signal = f'avg_over_time(m{{handler="/api/v1/items/{number}"}}[1m])'
        return Alert(f"r{number}", signal, _HIGH, hold=10)

    made = {f"f{n:05}": [rule(number) for number in range(n * rules, (n + 1) * rules)] for n in range(files)}
    edited = Alert("edited", f'm{{handler="{labels(0)["handler"]}"}}', _HIGH, eager=True)
    return made | {"f00000": [edited, *made["f00000"][1:]]}


def edited(name: str, files: Files) -> Found:
    """Save one file again and again."""
    found = Found()
    with running(name, files, every=_EVERY) as system, load(system.port, _SERIES), held_up(system.port) as longest:
        if name == RTMD or not SMALL:  # VictoriaMetrics takes ten seconds to find new series
            system.until_found("m", _SERIES)
        first, *others = files["f00000"]
        change = _rtmd_edit if name == RTMD else _peer_edit
        late = _late_steps(system)
        for _ in range(_EDITS):
            time.sleep(_QUIET)
            longest()
            time.sleep(_QUIET)
            found.usual.append(longest())
            found.took.append(change(system, [replace(first, above=_LOW), *others]) * 1000)
            found.waits.append(longest())
            change(system, [first, *others])
        found.late = _late_steps(system) - late
    return found


def _rtmd_edit(system: System, alerts: list[Alert]) -> float:
    fires = alerts[0].above == _LOW
    with httpx.Client(base_url=f"http://127.0.0.1:{system.port}") as client:

        def counts() -> bool:
            time.sleep(0.002)  # asking holds it up as well
            firings = client.get("/api/rtmd/v1/firings").json()
            return any(firing["rule"] == "edited" and firing["state"] != "resolved" for firing in firings) == fires

        counts()  # the connection is there
        system.write("f00000", alerts)
        return _timed(counts, "the edit counts", system)


def _peer_edit(system: System, alerts: list[Alert]) -> float:
    before = system.log().count(_LOADED[system.name])

    def counts() -> bool:
        time.sleep(0.001)
        return system.log().count(_LOADED[system.name]) > before

    judge = system.processes[0] if system.name == PROMETHEUS else system.processes[1]
    system.write("f00000", alerts)
    judge.send_signal(signal.SIGHUP)
    return _timed(counts, "it has reloaded", system)


def _late_steps(system: System) -> int:
    if system.name != RTMD:
        return 0
    page = httpx.get(f"http://127.0.0.1:{system.port}/metrics").text
    count = {
        line.split(" ")[0]: float(line.split(" ")[1])
        for line in page.splitlines()
        if line.startswith("rtmd_step_delay")
    }
    return int(count["rtmd_step_delay_seconds_count"] - count['rtmd_step_delay_seconds_bucket{le="0.05"}'])


def _timed(look: Callable[[], bool], what: str, system: System) -> float:
    start = time.perf_counter()
    until(what, look, within=60, why=system.log)
    return time.perf_counter() - start


@contextmanager
def held_up(port: int) -> Iterator[Callable[[], float]]:
    """Small posts from another process; gives what tells the longest wait of one (ms) since it was last asked."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_knock, args=(theirs, port), daemon=True)
    process.start()

    def longest() -> float:
        ours.send(None)
        return float(ours.recv())

    try:
        longest()  # it has begun
        yield longest
    finally:
        process.kill()
        process.join()


def _knock(pipe: Pipe, port: int) -> None:
    longest = 0.0
    with Connection(port) as connection:
        while True:
            sample = (time.time_ns() // 1_000_000, 1.0)
            post = request(encode_write([({"__name__": "knock"}, [sample])]))
            start = time.perf_counter()
            connection.post(post)
            longest = max(longest, (time.perf_counter() - start) * 1000)
            if pipe.poll():
                pipe.recv()
                pipe.send(longest)
                longest = 0.0
            time.sleep(_PAUSE)


def measure() -> list[Figure]:
    """Time to reload, and what it held up."""
    rules = rule_files(_FILES, _RULES)
    found = {name: edited(name, rules) for name in systems()}
    single = edited(RTMD, rule_files(_FILES * _RULES, 1))
    what = f"reload of one file, {_FILES} files of {_RULES} rules"
    took = {name: median(each.took) for name, each in found.items()}
    slowest = {name: max(each.took) for name, each in found.items()}
    calm = Goal("≤ 50.0 ms", lambda v: v[RTMD] <= 50)
    return [
        Figure(what, "ms", took, at_most(90, "ms")),
        Figure("… the slowest edit", "ms", slowest),
        *_waits(found[RTMD], calm),
        Figure(
            f"reload of one file, {_FILES * _RULES:,} files of one rule", "ms", {RTMD: median(single.took)}, alone=True
        ),
        *_waits(single, None),
    ]


def _waits(found: Found, goal: Goal | None) -> list[Figure]:
    return [
        Figure("… longest wait of a post during an edit, median", "ms", {RTMD: median(found.waits)}, goal, alone=True),
        Figure("… longest wait of a post during an edit, worst", "ms", {RTMD: max(found.waits)}, alone=True),
        Figure("… without an edit, median", "ms", {RTMD: median(found.usual)}, alone=True),
        Figure("… without an edit, worst", "ms", {RTMD: max(found.usual)}, alone=True),
        Figure("… steps that began more than 50 ms late, in all", "", {RTMD: found.late}, alone=True),
    ]


if __name__ == "__main__":
    end_cleanly()
    show(measure())
