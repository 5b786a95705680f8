"""What a grid point costs, by the number of rules, instances and firings: `python bench/stages.py`.

Every figure is the CPU time of one step of the whole pipeline at a grid point, the median of some; RTMD_BENCH=small
for a quick look. Nothing crosses a threshold while it is measured: that is what a daemon does nearly always.

* many rules: each over a series of its own, or a hundred on each of a hundred signals, all idle;
* a storm: one rule, all of its instances firing, and standing;
* many instances: ten rules over as many series as there are, samples each second or every fifteen.
"""

from __future__ import annotations

import os
import time
from statistics import median

import numpy as np

from rtmd.formats.batch import SampleBatch, SeriesLimits, SeriesTable
from rtmd.model.inputs import RulesLoaded
from rtmd.model.labels import labels_of
from rtmd.pipeline import Pipeline, Samples
from rtmd.rulefile.load import load_rules

SMALL = os.environ.get("RTMD_BENCH") == "small"
START = 1_700_000_000_000
TICKS = 3 if SMALL else 15


class World:
    """A pipeline with rules, over series `m{n="…", group="…"}` that all get a sample every so many seconds."""

    def __init__(self, rules: str, series: int, *, every: int = 1, groups: int = 100) -> None:
        table = SeriesTable(SeriesLimits(series=2_000_000))
        self.pipeline = Pipeline(table, START, instances_per_rule=1_000_000)
        files = {f"{number}.toml": part for number, part in enumerate(_files(rules))}
        loaded = load_rules(files)
        self.pipeline.step([RulesLoaded(loaded.rules)], START)
        self._every = every
        self._ids = np.array(
            [
                table.intern(labels_of({"__name__": "m", "group": f"g{each % groups}", "n": str(each)}))
                for each in range(series)
            ]
        )
        self.second = 0

    def run(self, seconds: int) -> list[float]:
        """Let time pass; gives what each grid point cost, in ms."""
        spent = []
        for _ in range(seconds):
            self.second += 1
            at = START + self.second * 1000
            if self.second % self._every == 0:
                batch = SampleBatch(self._ids, np.full(len(self._ids), at - 500), np.full(len(self._ids), 50.0))
                self.pipeline.step([Samples("bench", batch)], at - 400)
            started = time.process_time()
            self.pipeline.step([], at)
            spent.append((time.process_time() - started) * 1000)
        return spent


def _files(rules: str) -> list[str]:
    pieces = rules.split("\n\n")
    return ["\n".join(pieces[first : first + 1000]) for first in range(0, len(pieces), 1000)]


def rule(name: str, selector: str, *, above: float = 1000.0, stage: str = "seconds", of: str = "avg_over_time") -> str:
    """One rule with one stage."""
    return (
        f"[rules.{name}]\nsignal = '{of}({selector}[$window])'\n[rules.{name}.{stage}]\nwindow = \"1m\"\n"
        f'above = {above}\nrecent = "off"\nfor = "2s"\n'
    )


def report(what: str, world: World, *, warm: int = 70) -> None:
    """One line: what a grid point costs once windows are full."""
    world.run(warm)
    found = world.run(TICKS)
    print(f"{what:52} {median(found):8.2f} ms", flush=True)


def main() -> None:
    """All of it."""
    rules, series = (1_000, 20_000) if SMALL else (10_000, 100_000)
    own = [rule(f"r{each}", f'm{{n="{each}"}}') for each in range(rules)]
    report(f"{rules:,} rules, a series each", World("\n\n".join(own), rules))
    shared = [rule(f"r{each}", f'm{{group="g{each % 100}"}}', above=1000 + each) for each in range(rules)]
    report(f"{rules:,} rules on 100 signals of {rules // 100} series", World("\n\n".join(shared), rules))
    storm = World(rule("r", "m", above=10), rules)
    report(f"{rules:,} firings standing, one rule", storm)
    ten = "\n\n".join(rule(f"r{each}", "m", above=1000 + each) for each in range(10))
    report(f"10 rules x {series:,} series, every 15 s", World(ten, series, every=15))
    report(f"10 rules x {series:,} series, every second", World(ten, series), warm=62)


if __name__ == "__main__":
    main()
