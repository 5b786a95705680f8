"""What correlations cost: 10,000 firings and 20 correlations over them: `python bench/correlations.py`.

Ten rules over a thousand instances each; the correlations join two or three of them, on each instance, on groups of
ten, or whatever their labels. Figures are the CPU time of steps of the whole pipeline; RTMD_BENCH=small for a quick
look:

* all at once: every instance begins to fire in one step;
* standing: a grid point at which everything fires and nothing changes, the median of some;
* one more: a step in which one of 10,000 firings ends and comes back, the median of some.
"""

from __future__ import annotations

import os
import time
from statistics import median

import numpy as np

from rtmd.alerting.correlation import Join
from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.inputs import ReactionsLoaded, RulesLoaded
from rtmd.model.labels import labels_of
from rtmd.pipeline import Pipeline, Samples
from rtmd.ports import Correlator
from rtmd.rulefile.load import load_rules

SMALL = os.environ.get("RTMD_BENCH") == "small"
START = 1_700_000_000_000
RULES, INSTANCES = 10, 100 if SMALL else 1_000
TIMES = 3 if SMALL else 15


def texts(correlations: int) -> dict[str, str]:
    """Rule files with so many correlations."""
    rules = "".join(
        f"[rules.r{n}]\nsignal = 'm{n}'\nreopen = '0s'\n[rules.r{n}.seconds]\nabove = 1\nnotify = []\n"
        for n in range(RULES)
    )
    joins = "".join(
        f"[correlations.k{n}]\nall = {[f'r{(n + each) % RULES}' for each in range(2 + n % 2)]}\n"
        f"on = {[['n'], ['group'], []][n % 3]}\nnotify = []\n"
        for n in range(correlations)
    )
    return {"rules.toml": rules, "correlations.toml": joins}


class World:
    """A pipeline with ten metrics, a series an instance."""

    def __init__(self, correlations: int, correlator: Correlator | None) -> None:
        series = SeriesTable()
        self.pipeline = Pipeline(series, START, correlator=correlator)
        loaded = load_rules(texts(correlations))
        self.pipeline.step([ReactionsLoaded(), RulesLoaded(loaded.rules)], START)
        self.ids = np.array(
            [
                series.intern(labels_of({"__name__": f"m{rule}", "n": str(each), "group": str(each // 10)}))
                for rule in range(RULES)
                for each in range(INSTANCES)
            ]
        )
        self.at = START

    def post(self, ids: np.ndarray, value: float) -> float:
        """One post a second later, and the grid point after it; gives what that cost, in ms."""
        self.at += 1_000
        batch = SampleBatch(ids, np.full(len(ids), self.at - 100), np.full(len(ids), value))
        started = time.process_time()
        self.pipeline.step([Samples("bench", batch)], self.at - 100)
        self.pipeline.step([], self.at)
        return (time.process_time() - started) * 1000


def measure(name: str, correlations: int, correlator: Correlator | None) -> None:
    """One line of figures."""
    world = World(correlations, correlator)
    burst = world.post(world.ids, 5)
    standing = median(world.post(world.ids[:1], 5) for _ in range(TIMES))
    one = median([world.post(world.ids[:1], value) for _ in range(TIMES) for value in (0, 5)])
    opened = sum(firing.open and firing.correlated for firing in world.pipeline.firings())
    print(f"{name:<24}{burst:>12.0f}{standing:>12.2f}{one:>12.2f}{opened:>12}")


def main() -> None:
    """All lines."""
    print(f"{'ms of CPU':<24}{'all at once':>12}{'standing':>12}{'one more':>12}{'firings':>12}")
    measure("no correlations", 0, None)
    measure("20, plain", 20, Join())
    try:
        from rtmd.rete import ReteCorrelator  # noqa: PLC0415  # an extra
    except ImportError:
        print("20, rete: the extra is not installed (make rete)")
    else:
        measure("20, rete", 20, ReteCorrelator())


if __name__ == "__main__":
    main()
