"""Range queries, and what they cost the rules: `python bench/queries.py [FOLDER]`; RTMD_BENCH=small for a quick look.

A daemon with two hours of 1,000 series at 1/s in its sample log, and a rule that is judged each second. A client in
another process asks for all series over all of that time, again and again: how long each query takes, and by the
daemon's own account (`rtmd_step_delay_seconds` of /metrics) how late its steps began meanwhile; beside it the same
without queries.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
from _live import FOLDER, SMALL, SPAWN, end_cleanly
from daemon import Rtmd

from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.labels import labels_of
from rtmd.ports import LoggedBatch
from rtmd.store.samplelog import SegmentLog

_SERIES = 1_000
_SECONDS = 900 if SMALL else 7_200
_STEP = 5
_WATCHED = 3 if SMALL else 30  # seconds of each account
_QUERIES = ("requests", "rate(requests[1m])", "sum by (job) (rate(requests[1m]))")
_RULES = {"r.toml": "[rules.busy]\nsignal = 'sum by (job) (rate(requests[1m]))'\n[rules.busy.seconds]\nabove = 1e9\n"}


def fill(folder: Path, end: int) -> None:
    """The log of an earlier run that ended at `end`."""
    table = SeriesTable()
    labels = [{"__name__": "requests", "i": str(number), "job": str(number % 10)} for number in range(_SERIES)]
    ids = np.array([table.intern(labels_of(each)) for each in labels])
    log = SegmentLog(folder / "state" / "samples", table)
    values, random = np.zeros(_SERIES), np.random.default_rng(1)
    for second in range(_SECONDS):
        values = values + random.integers(0, 5, _SERIES)
        at = end - 1000 * (_SECONDS - second)
        log.append(LoggedBatch(at, "bench", SampleBatch(ids, np.full(_SERIES, at), values)))
        log.flush()
    log.close()


def ask(url: str, query: str, end: int) -> tuple[float, int]:
    """Seconds and bytes of one answer."""
    params: dict[str, str | float] = {"query": query, "start": end / 1000 - _SECONDS, "end": end / 1000, "step": _STEP}
    start = time.perf_counter()
    answer = httpx.get(f"{url}/api/v1/query_range", params=params, trust_env=False, timeout=120)
    answer.raise_for_status()
    return time.perf_counter() - start, len(answer.content)


def keep_asking(url: str, end: int) -> None:
    """One heavy query after the other, until it is ended."""
    for query in itertools.cycle(_QUERIES):
        ask(url, query, end)


def account(rtmd: Rtmd) -> str:
    """How late steps began over the next seconds."""
    before = delays(rtmd)
    time.sleep(_WATCHED)
    counts = {bound: count - before[bound] for bound, count in delays(rtmd).items()}
    total = counts["+Inf"]
    late = "  ".join(
        f"> {float(bound) * 1000:g} ms: {total - count:.0f}" for bound, count in counts.items() if bound != "+Inf"
    )
    return f"{total:.0f} steps, of them late  {late}"


def delays(rtmd: Rtmd) -> dict[str, float]:
    """Steps that began at most so late (s), since the start."""
    name = "rtmd_step_delay_seconds_bucket"
    return {key.split('"')[1]: count for key, count in rtmd.client.metrics().items() if key.startswith(name)}


def main() -> None:
    """Measure, and print it."""
    end_cleanly()
    end = time.time_ns() // 1_000_000
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder, Rtmd(Path(folder), "", _RULES) as rtmd:
        fill(rtmd.folder, end)
        rtmd.start()
        for query in _QUERIES:
            seconds, size = ask(rtmd.tcp, query, end)
            print(
                f"{query:34} {_SERIES:,} series × {_SECONDS // _STEP:,} steps: {seconds:5.2f} s, {size / 1e6:5.1f} MB"
            )
        print(f"without queries: {account(rtmd)}")
        load = SPAWN.Process(target=keep_asking, args=(rtmd.tcp, end), daemon=True)
        load.start()
        print(f"with queries:    {account(rtmd)}")
        load.kill()


if __name__ == "__main__":
    main()
