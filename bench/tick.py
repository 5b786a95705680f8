"""What a full tick, an eager evaluation and the intake of samples cost: `python bench/tick.py`.

First the plans by themselves: series tick at 1/s with windows of a minute (60 samples each), in 100 groups. Times are
CPU time, ticks and evaluations the median of some runs.

Then the whole pipeline (`stages.World`) with a million instances: ten rules over 100,000 series each, with thresholds
that nothing reaches, judged every second; the series have a sample a second, or one every 15 s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from statistics import median

import numpy as np
from _figures import Figure, at_most, show
from _live import SMALL, end_cleanly
from _systems import RTMD
from stages import TICKS, World, rule

from rtmd.engine.plan import Plans
from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.expr import Aggregate, Selector, over
from rtmd.model.labels import labels_of
from rtmd.model.matcher import Matcher, MatchOp

START = 1_700_000_000_000
SELECTOR = Selector((Matcher("__name__", MatchOp.EQUAL, "posts_total"),))
AVERAGE = Aggregate("avg", over("avg_over_time", SELECTOR, 60_000), ("group",))
RATE = Aggregate("sum", over("rate", SELECTOR, 60_000), ("group",))
ALONE = over("rate", SELECTOR, 60_000)
SECONDS = 70 if SMALL else 200
POST = 1_000
RULES = 10
MANY = 10_000 if SMALL else 100_000  # series of the pipeline


def measured(call: Callable[[], object], runs: int) -> float:
    """Median seconds of a call."""
    spent = []
    for _ in range(runs):
        started = time.process_time()
        call()
        spent.append(time.process_time() - started)
    return median(spent)


def bench(series: int) -> None:
    """Fill windows of so many series in posts of 1,000, then evaluate."""
    table = SeriesTable()
    plans = Plans(table)
    average, rate, alone = plans.plan(AVERAGE), plans.plan(RATE), plans.plan(ALONE)
    ids = np.array(
        [
            table.intern(labels_of({"__name__": "posts_total", "group": str(each % 100), "id": str(each)}))
            for each in range(series)
        ]
    )
    posts = [ids[first : first + POST] for first in range(0, series, POST)]
    spent = []
    for second in range(SECONDS):
        at = START + second * 1000
        value = np.full(POST, second * 3.0)
        for post in posts:
            batch = SampleBatch(post, np.full(len(post), at), value[: len(post)])
            started = time.process_time()
            plans.apply(batch, at)
            spent.append(time.process_time() - started)
    at = START + (SECONDS - 1) * 1000
    warm = spent[len(spent) // 2 :]
    print(f"{series:,} series x 60 samples")
    print(f"  apply, posts of {POST:,}   {sum(warm) / len(warm) / POST * 1e9:8.0f} ns/sample (all costs in the mean)")
    print(f"  longest apply          {max(warm) * 1e3:8.2f} ms")
    print(f"  memory                 {plans.size / series:8.0f} bytes/series")
    later = count(at)  # what was read of one instant is remembered
    for name, plan in (("avg_over_time", average), ("sum by rate", rate)):
        print(f"  tick, {name:16} {measured(lambda plan=plan: plan.evaluate(next(later)), 15) * 1e3:8.2f} ms")
    touched = np.array([series // 2])

    def eager(plan: object) -> Callable[[], object]:
        return lambda: plan.evaluate(at, plan.touched(touched))

    print(f"  eager, one row         {measured(eager(alone), 300) * 1e6:8.0f} us")
    members = series // 100
    print(f"  eager, group of {members:<6} {measured(eager(rate), 300) * 1e6:8.0f} us")


def measure() -> list[Figure]:
    """A tick over a million instances, for samples of each pace."""
    figures = []
    for pace, every in (("1/s", 1), ("1 per 15 s", 15)):
        typical, longest = ticks(every)
        what = f"tick, {MANY:,} series, {MANY * RULES:,} instances, samples at {pace}"
        figures.append(Figure(f"{what}: median", "ms", {RTMD: typical}, at_most(5, "ms"), alone=True))
        figures.append(Figure("… the longest", "ms", {RTMD: longest}, alone=True))
    return figures


def ticks(every: int) -> tuple[float, float]:
    """Median and longest tick (ms of CPU) where each series has a sample every so many seconds."""
    rules = [rule(f"r{number}", "m", above=1_000 + number) for number in range(RULES)]
    world = World("\n\n".join(rules), MANY, every=every)
    world.run(62 + every)  # the windows are full
    spent = world.run(max(TICKS, every))
    return median(spent), max(spent)


if __name__ == "__main__":
    end_cleanly()
    bench(10_000)
    if not SMALL:
        bench(100_000)
    show(measure())
