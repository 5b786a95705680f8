"""What a series costs in memory: `python bench/memory.py [FOLDER]`; RTMD_BENCH=small for a quick look.

The slope, so that what a process needs anyway does not count. Each system takes 10,000 series with a sample a second
each, over which the hundred rules of the standard workload look back a minute; then 100,000 of them. What it holds
(RSS) after a minute and a quarter of each, the difference divided by the 90,000 series, is a series' cost, with its
labels, its samples and its place in the rules.

A day cannot be waited for. So for windows of a minute, an hour and a day over the same series the pipeline runs in a
process of its own, without the shell around it, on virtual time: a day in which every series has a sample a minute, its
last hour one every ten seconds, its last two minutes one a second. Where a window is kept in buckets, each of its
buckets has been filled; where it is kept sample by sample, a day of a sample a second would cost more than is shown.
The same with the window of a minute alone is the measure for what the method leaves out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe

import numpy as np
import psutil
from _figures import Figure, at_most, show
from _live import SMALL, SPAWN, end_cleanly, labels, load
from _systems import RTMD, STANDARD, running, systems

from rtmd.formats.batch import SampleBatch, SeriesLimits, SeriesTable
from rtmd.model.inputs import RulesLoaded
from rtmd.model.labels import labels_of
from rtmd.pipeline import Pipeline, Samples
from rtmd.rulefile.load import load_rules
from rtmd.runtime.heap import give_back

_FEW, _MANY = (1_000, 5_000) if SMALL else (10_000, 100_000)
_SETTLE = 1 if SMALL else 75  # seconds
_START = 1_750_003_200_000  # a full hour, ms
_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
_DAY, _LATELY, _LAST = (600_000, 120_000, 10_000) if SMALL else (24 * _HOUR, _HOUR, 2 * _MINUTE)
_STAGES = {"seconds": "1m", "minutes": "1h", "hours": "24h"}


def measure() -> list[Figure]:
    """Bytes a series of each system, and of rtmd for long windows."""
    alive = {name: live_slope(name) for name in systems()}
    minute = [] if SMALL else [Figure("… on virtual time", "B", {RTMD: virtual_slope(["seconds"])}, alone=True)]
    return [
        Figure("memory a series, window 1m", "B", alive, at_most(1_200, "B")),
        *minute,
        Figure(
            "memory a series, windows 1m + 1h + 24h",
            "B",
            {RTMD: virtual_slope(list(_STAGES))},
            at_most(8_000, "B"),
            alone=True,
        ),
    ]


def live_slope(name: str) -> float:
    """Bytes a series of a real process."""
    held = []
    with running(name, STANDARD) as system:
        for series in (_FEW, _MANY):
            with load(system.port, series):
                time.sleep(_SETTLE)
                held.append(system.rss())
                if name == RTMD or not SMALL:  # VictoriaMetrics takes ten seconds to find new series
                    system.until_found("m", series)  # last: answering costs memory too
    return (held[1] - held[0]) / (_MANY - _FEW)


def virtual_slope(stages: list[str]) -> float:
    """Bytes a series of a pipeline after a day, its rules with these stages."""
    few, many = (_held(stages, series) for series in (_FEW, _MANY))
    return (many - few) / (_MANY - _FEW)


def _held(stages: list[str], series: int) -> int:
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_live_a_day, args=(theirs, stages, series), daemon=True)
    process.start()
    theirs.close()
    try:
        return int(ours.recv())
    finally:
        process.kill()
        process.join()


def _live_a_day(pipe: Pipe, stages: list[str], series: int) -> None:
    """Feed a pipeline for a day and tell what the process holds then."""
    give_back()  # as the daemon does
    table = SeriesTable(SeriesLimits(series=series))
    ids = np.array([table.intern(labels_of(labels(number))) for number in range(series)])
    pipeline = Pipeline(table, _START)
    loaded = load_rules({"rules.toml": "".join(_rule(number, stages) for number in range(100))})
    if loaded.errors:
        raise RuntimeError(loaded.errors[0])
    pipeline.step([RulesLoaded(loaded.rules)], _START)
    random = np.random.default_rng(1)
    levels = 100.0 + np.arange(series) % 800
    for at in _instants():
        values = np.round(levels + random.normal(0, 10, series), 2)
        pipeline.step([Samples("bench", SampleBatch(ids, np.full(series, at), values))], at)
    pipe.send(psutil.Process().memory_info().rss)


def _rule(number: int, stages: list[str]) -> str:
    # The shorter ones are judged once a minute: more often would cost time and change nothing. The day judges itself.
    every = {"seconds": 'every = "1m"', "minutes": 'every = "1m"'}
    tables = (
        f'[rules.g{number}.{stage}]\nwindow = "{_STAGES[stage]}"\n{every.get(stage, "")}\nabove = 1000\n'
        for stage in stages
    )
    return f"[rules.g{number}]\nsignal = 'avg_over_time(m{{group=\"g{number}\"}}[$window])'\n{''.join(tables)}"


def _instants() -> Iterator[int]:
    end = _START + _DAY
    yield from range(_START, end - _LATELY, _MINUTE)
    yield from range(end - _LATELY, end - _LAST, 10 * _SECOND)
    yield from range(end - _LAST, end, _SECOND)


if __name__ == "__main__":
    end_cleanly()
    show(measure())
