"""What 1,000 alerts of others cost that are posted again and again, as a Prometheus does: `python bench/alerts.py`.

The body is decoded and stepped, without the socket. Prints the median of some rounds: the first post, which opens 1,000
firings; one with nothing new; one in which every annotation changed, with the rows that are to be written.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import get_args

import msgspec

from rtmd.api.alertmanager_alerts import read_alerts
from rtmd.formats.batch import SeriesTable
from rtmd.model.effects import Durable
from rtmd.model.inputs import AlertsPosted, ReactionsLoaded, RulesLoaded, WallClock
from rtmd.model.rule import RuleSet
from rtmd.pipeline import Pipeline, Step

_ROUNDS = 3 if os.environ.get("RTMD_BENCH") == "small" else 15
_ALERTS = 1_000
_START = 1_790_000_000_000
_EVERY = 1_000


def body(at: int, words: str) -> bytes:
    """What a Prometheus sends at that time."""
    starts, ends = (datetime.fromtimestamp(time / 1000, UTC).isoformat() for time in (_START, at + 240_000))
    alerts = [
        {
            "labels": {"alertname": "Down", "severity": "page", "job": "node", "instance": f"10.0.0.{number}:9100"},
            "annotations": {"summary": f"{number} is down", "description": f"{words} of {number}"},
            "startsAt": starts,
            "endsAt": ends,
            "generatorURL": "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        }
        for number in range(_ALERTS)
    ]
    return msgspec.json.encode(alerts)


class Bench:
    """A pipeline with nothing but alerts of others, a second further each round."""

    def __init__(self) -> None:
        self.at = _START
        self.pipeline = Pipeline(SeriesTable(), self.at)
        self.pipeline.step([WallClock(0), ReactionsLoaded(frozenset({"log"})), RulesLoaded(RuleSet({}))], self.at)

    def post(self, words: str) -> tuple[float, int]:
        """Milliseconds, and rows."""
        self.at += _EVERY
        self.pipeline.step([], self.at)
        sent = body(self.at, words)
        began = time.perf_counter()
        alerts, _ = read_alerts(sent)
        step: Step = self.pipeline.step([AlertsPosted(1, "Prometheus", tuple(alerts))], self.at)
        took = (time.perf_counter() - began) * 1000
        return took, sum(isinstance(effect, get_args(Durable)) for effect in step.effects)


def _tell(what: str, post: Callable[[], tuple[float, int]], rounds: int) -> None:
    found = [post() for _ in range(rounds)]
    print(f"{what:14} {statistics.median(ms for ms, _ in found):6.1f} ms   {found[-1][1]:5} rows")


def main() -> None:
    """Measure."""
    bench = Bench()
    _tell("first", lambda: bench.post("0"), 1)
    _tell("nothing new", lambda: bench.post("0"), _ROUNDS)
    _tell("other words", lambda: bench.post(str(bench.at)), _ROUNDS)


if __name__ == "__main__":
    main()
