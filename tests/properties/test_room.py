"""Freed ids decide nothing (semantics S13): a run that frees all it can at every step equals one that never does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
from histories import RULES, Moment, Run, decided, moments, same
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scenarios.score import series_labels

from rtmd.formats.batch import SampleBatch
from rtmd.pipeline import RoomWanted, Samples

# What comes back after it was freed is new: it warms up again, and is not the 0 that it would have stayed.
FORGIVING = RULES.map(lambda text: re.sub(r"coverage = \S+", "coverage = 0", text.replace("'zero'", "'keep'")))
HISTORIES = st.lists(moments() | st.sampled_from([Moment(400_000), Moment(200_000)]), min_size=3, max_size=12)
few = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes
)


@contextmanager
def eager_to_free() -> Iterator[None]:
    with patch("rtmd.engine.room.WORTHWHILE", 0):
        yield


def churn(run: Run, number: int) -> None:
    """Three series that nobody will see again: as everybody's rows, in a group of their own, and read by nobody."""
    names = [f'm{{b="x",i="c{number}"}}', f'n{{b="c{number}",i="1"}}', f'other{{i="c{number}"}}']
    ids = np.array([run.series.intern(series_labels(name)) for name in names], np.int64)
    run.step(Samples("churn", SampleBatch(ids, np.full(3, run.at), np.array([float(number % 15), 5.0, 1.0]))))


# What an idle stage read before its series was freed is known to nobody until it is judged again; it decides nothing.
_IDLE = re.compile(r"(state=<StageState\.INACTIVE: 'inactive'>[^()]* value=)[^,]+")


@few
@given(FORGIVING, HISTORIES)
def test_freeing_ids_at_every_step_decides_nothing(rules: str, history: list[Moment]) -> None:
    never, ever = Run.of(rules), Run.of(rules)
    with eager_to_free():
        for number, moment in enumerate([*history, Moment(400_000), *history]):
            for run in (never, ever):
                run.play([moment])
                churn(run, number)
            ever.step(RoomWanted())
            never.step()
    same(*([_IDLE.sub(r"\1", effect) for effect in decided(run.effects)] for run in (never, ever)))
    assert len(ever.series) < len(never.series)


@few
@given(FORGIVING, HISTORIES)
def test_windows_and_exemplars_of_what_is_left_are_kept(rules: str, history: list[Moment]) -> None:
    run = Run.of(rules)
    run.play(history)
    churn(run, 1)
    run.wait(500_000)
    run.play([Moment(0, ((0, 1.0), (3, 4.0)))])
    before = {labels: _window(run, labels) for labels in run.pipeline.engine.plans.snapshot().labels}
    with eager_to_free():
        run.step(RoomWanted())
    plans = run.pipeline.engine.plans
    assert {labels: _window(run, labels) for labels in plans.snapshot().labels}.items() <= before.items()
    assert series_labels('m{b="x",i="1"}') in {labels for _, labels in run.series.since(0)}
    assert series_labels('other{i="c1"}') not in {labels for _, labels in run.series.since(0)}


def _window(run: Run, labels: tuple[tuple[str, str], ...]) -> tuple[object, ...]:
    windows = run.pipeline.engine.plans.snapshot()
    place = windows.labels.index(labels)
    end = int(windows.counts[: place + 1].sum())
    begin = end - int(windows.counts[place])
    bits = windows.values[begin:end].view(np.uint64).tolist()
    return tuple(windows.times[begin:end].tolist()), tuple(bits), int(windows.firsts[place])
