"""Plans over a table of series, with samples written as text; for the tests of signals."""

from __future__ import annotations

import numpy as np

from rtmd.engine.plan import Applied, Plan, Plans
from rtmd.engine.presence import Presence
from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.labels import Labels, labels_of
from rtmd.promql import parse

START = 1_700_000_000_000


class Desk:
    """Plans with a table; samples are written as text, times as seconds after START."""

    def __init__(self) -> None:
        self.table = SeriesTable()
        self.plans = Plans(self.table)

    def plan(self, text: str) -> Plan:
        return self.plans.plan(parse(text))

    def series(self, text: str) -> int:
        return self.table.intern(labels_of_text(text))

    def batch(self, second: float, samples: dict[str, float]) -> SampleBatch:
        ids = np.array([self.series(text) for text in samples], np.int64)
        time = START + round(second * 1000)
        return SampleBatch(ids, np.full(len(ids), time), np.array(list(samples.values()), np.float64))

    def at(self, second: float, samples: dict[str, float]) -> Applied:
        return self.plans.apply(self.batch(second, samples), START + round(second * 1000))

    def see(self, plan: Plan, second: float) -> dict[str, float | Presence]:
        column = plan.evaluate(START + round(second * 1000))
        return {
            text_of(plan.labels(row)): float(column.values[row]) if level == Presence.PRESENT else Presence(level)
            for row, level in enumerate(column.presence)
        }


def labels_of_text(text: str) -> Labels:
    name, _, rest = text.rstrip("}").partition("{")
    return labels_of({"__name__": name, **dict(pair.split("=") for pair in rest.split(",") if pair)})


def text_of(labels: Labels) -> str:
    pairs = dict(labels)
    name = pairs.pop("__name__", "")
    return name + ("{" + ",".join(f"{key}={value}" for key, value in pairs.items()) + "}" if pairs else "")
