"""What a sample costs in the sample log: `python bench/samplelog.py`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.ports import LoggedBatch
from rtmd.store.samplelog import SegmentLog

SERIES = 10_000
SECONDS = 120


def main() -> None:
    """Log two minutes of 10,000 gauges at one sample a second, then read them into a fresh table."""
    table = SeriesTable()
    names = ((("__name__", "m"), ("host", f"h{n % 50}"), ("n", str(n))) for n in range(SERIES))
    ids = np.array([table.intern(labels) for labels in names])
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        log = SegmentLog(Path(folder), table)
        spent = 0.0
        for second in range(SECONDS):
            at = second * 1000
            times, values = at - random.integers(0, 900, SERIES), np.round(random.normal(50, 10, SERIES), 2)
            log.append(LoggedBatch(at, "bench", SampleBatch(ids, times, values)))
            start = time.perf_counter()
            log.flush()
            spent += time.perf_counter() - start
        total = SERIES * SECONDS
        print(f"written: {spent / total * 1e9:.0f} ns and {log.size / total:.1f} bytes a sample")
        start = time.perf_counter()
        found = sum(len(entry.batch) for entry in SegmentLog(Path(folder), SeriesTable()).read(0))
        print(f"read:    {(time.perf_counter() - start) / found * 1e9:.0f} ns a sample")


if __name__ == "__main__":
    main()
