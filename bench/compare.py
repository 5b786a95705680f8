"""rtmd beside Prometheus and VictoriaMetrics: `python bench/compare.py [FOLDER]`; RTMD_BENCH=small for a quick look.

Runs every question one after the other and prints one table in Markdown, a row as soon as it is known: what each
system needs or does, how many times better rtmd is (beside each of the others), the goal, and whether it is met.
FOLDER is where the systems keep their states meanwhile, on the disk that is to be measured. The whole takes about
half an hour; run it while the machine has nothing else to do.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import version

import latency
import memory
import psutil
import reload
import throughput
import tick
import workload
from _figures import head, rows
from _live import SMALL, end_cleanly
from _systems import PEERS, missing

_QUESTIONS = (workload, latency, throughput, reload, memory, tick)


def main() -> None:
    """All of them."""
    for peer in PEERS:
        absent = missing(peer)
        if absent:
            print(f"{peer}: not installed ({absent})\n")
    size = ", small: to see that it works, the figures mean nothing" if SMALL else ""
    python, cores = ".".join(map(str, sys.version_info[:2])), os.cpu_count()
    print(f"rtmd {version('rtmd')}, CPython {python}, {cores} cores, load {psutil.getloadavg()[0]:.1f}{size}\n")
    print(head(), flush=True)
    start = time.monotonic()
    for question in _QUESTIONS:
        print(rows(question.measure()), flush=True)
    print(f"\nmeasured in {time.monotonic() - start:,.0f} s, load {psutil.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    end_cleanly()
    main()
