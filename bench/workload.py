"""What the standard workload costs: `python bench/workload.py [FOLDER]`; RTMD_BENCH=small for a quick look.

10,000 series with a sample a second each, in ten posts a second of remote_write; a hundred rules, judged every
second, each an average over a minute of a hundred series, held for ten seconds. Nothing fires: this is the cost of
watching. After a minute to warm up, user and system time of all processes of each system are counted over a minute,
with Alertmanager's; then what they hold in memory. Who sends is never counted. One row more shows rtmd with the same
rules as stages of seconds, which are judged by every post that brings a sample for them, as well as every second.

The systems are measured one after the other, never together: on two cores they would take the caches and the disk
from each other, and a starved one would skip evaluations and so look cheap. CPU seconds hardly depend on what
else the machine does.
"""

from __future__ import annotations

import time

from _figures import Figure, Goal, show
from _live import SMALL, end_cleanly, load
from _systems import PROMETHEUS, RTMD, STANDARD, VICTORIA, running, systems

_SERIES = 10_000
_WARM, _MEASURED = (1, 1) if SMALL else (60, 60)  # seconds


def measure() -> list[Figure]:
    """CPU and memory of each system."""
    found = {name: watching(name, every=1) for name in systems()}
    cpu, memory = ({name: each[place] for name, each in found.items()} for place in (0, 1))
    goal = Goal("≥ 12 × / ≥ 20 ×", lambda v: v[PROMETHEUS] >= 12 * v[RTMD] and v[VICTORIA] >= 20 * v[RTMD])
    return [
        Figure("CPU: 10,000 samples/s, 100 rules judged every second", "% of a core", cpu, goal),
        Figure("… judged on arrival too", "% of a core", {RTMD: watching(RTMD, every=0)[0]}, alone=True),
        Figure("memory (RSS) meanwhile", "MB", memory),
    ]


def watching(name: str, *, every: int) -> tuple[float, float]:
    """Percent of a core, and MB."""
    with running(name, STANDARD, every=every) as system, load(system.port, _SERIES):
        time.sleep(_WARM)
        before, start = system.cpu(), time.monotonic()
        time.sleep(_MEASURED)
        spent, took = system.cpu() - before, time.monotonic() - start
        memory = system.rss()
        system.until_found("m", _SERIES)  # it did the work
    return spent / took * 100, memory / 1e6


if __name__ == "__main__":
    end_cleanly()
    show(measure())
