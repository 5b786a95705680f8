"""What long windows cost, in buckets and as samples: `python bench/windows.py`; RTMD_BENCH=small for a quick look.

The windows are those of a rule with three stages: a minute, an hour in buckets of a minute, a day in buckets of five.
The day before is filled in, a sample in five minutes; then series get a sample a second. A window of samples would take
12 bytes for each, and room to move. Times are CPU time. "seal" is what the posts that move samples on to buckets, one
in ten, cost more than the others.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np
from _live import SMALL

from rtmd.engine.plan import Plans
from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.labels import labels_of
from rtmd.model.tiers import sample_bytes
from rtmd.promql import parse

START = 1_700_000_400_000
MINUTE = 60_000
HOUR = 60 * MINUTE
WINDOWS = ((MINUTE, 0), (HOUR, MINUTE), (24 * HOUR, 5 * MINUTE))
FUNCTIONS = ("avg_over_time", "rate", "stddev_over_time")


def bench(function: str, series: int, minutes: int) -> None:
    """Fill the windows of one function, then evaluate them."""
    table = SeriesTable()
    plans = Plans(table)
    planned = [(window, plans.plan(parse(f"{function}(m[{window}ms])"), grid)) for window, grid in WINDOWS]
    ids = np.array([table.intern(labels_of({"__name__": "m", "id": str(each)})) for each in range(series)])
    past = np.arange(START - 24 * HOUR, START, 5 * MINUTE) + 1
    plans.fill(SampleBatch(np.tile(ids, len(past)), np.repeat(past, series), np.ones(len(past) * series)))
    spent = []
    for second in range(minutes * 60):
        at = START + second * 1000
        batch = SampleBatch(ids, np.full(series, at), np.full(series, second * 3.0))
        started = time.process_time()
        plans.apply(batch, at)
        spent.append(time.process_time() - started)
    warm = spent[len(spent) // 2 :]
    seal = median(sorted(warm)[-len(warm) // 10 :]) - median(warm)
    kept = sum(sample_bytes(window) for window, _ in WINDOWS)
    print(f"{function}, {series:,} series")
    print(f"  intake                 {sum(warm) / len(warm) / series * 1e9:8.0f} ns/sample, seal {seal * 1e3:.1f} ms")
    print(f"  memory                 {plans.size / series:8.0f} bytes/series, as samples {kept:,}")
    at = START + minutes * MINUTE
    for window, plan in planned:
        times = []
        for later in range(5):
            started = time.process_time()
            plan.evaluate(at + later * 5 * MINUTE)
            times.append(time.process_time() - started)
        print(f"  tick, {window // MINUTE:5} min        {min(times) * 1e3:8.2f} ms")


if __name__ == "__main__":
    for each in FUNCTIONS:
        bench(each, 100 if SMALL else 1_000, 4)
    if not SMALL:
        bench("avg_over_time", 10_000, 4)
