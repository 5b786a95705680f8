"""Playing a pipeline on virtual time: order, results, and the same outcome however it is cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.action import Action
from rtmd.model.effects import Effect, Journaled, Notify, RunAction
from rtmd.model.inputs import ActionDone, ReactionsLoaded, RulesLoaded
from rtmd.model.labels import METRIC_NAME, labels_of
from rtmd.model.reaction import RunState
from rtmd.pipeline import Pipeline, Samples
from rtmd.replay.play import Happened, Perform, Play, Timed, succeed
from rtmd.rulefile import load_rules

RULES = b"""
[rules.hot.seconds]
signal = 'm'
above = 1
run = ["hold"]
[rules.hot.minutes]
signal = 'm'
above = 100
"""
REACTIONS = ReactionsLoaded(frozenset({"log"}), actions={"hold": Action("hold", undo=("release",))})


def inputs(series: SeriesTable) -> Iterator[Timed]:
    yield 0, REACTIONS
    yield 0, RulesLoaded(load_rules({"r.toml": RULES}).rules)
    metric = np.array([series.intern(labels_of({METRIC_NAME: "m"}))])
    for second in range(1, 10):
        value = 5.0 if 3 <= second < 6 else 0.0
        at = second * 1_000 + 250
        yield at, Samples("test", SampleBatch(metric, np.array([at]), np.array([value])))


def play(perform: Perform = succeed) -> Play:
    series = SeriesTable()
    return Play(Pipeline(series, 0), inputs(series), perform)


def journal(happened: list[Happened]) -> list[tuple[int, str]]:
    lines = [effect for each in happened for effect in each.effects if isinstance(effect, Journaled)]
    return [(line.at, line.text) for line in lines if line.kind == "action"]


def test_results_of_actions_arrive_a_moment_later() -> None:
    assert journal(list(play().until(20_000))) == [
        (3_250, "hold: started"),
        (3_450, "hold: done"),
        (7_000, "hold: undoing"),
        (7_200, "hold: undone"),
    ]


def test_a_performer_decides_what_becomes_of_effects() -> None:
    def fail(effect: Effect, at: int) -> Iterator[Timed]:
        if isinstance(effect, RunAction):
            yield at + 1_000, ActionDone(effect.run.id, RunState.FAILED, "no")

    assert journal(list(play(fail).until(20_000))) == [(3_250, "hold: started"), (4_250, "hold: failed")]


@pytest.mark.parametrize("piece", [1, 333, 1_000, 7_777])
def test_a_play_in_pieces_is_the_same_play(piece: int) -> None:
    whole = list(play().until(20_000))
    cut, pieces = play(), []
    for at in (*range(0, 20_000, piece), 20_000):
        pieces += list(cut.until(at))
    assert cut.at == 20_000
    assert journal(pieces) == journal(whole)
    assert [one for each in pieces for one in each.effects if isinstance(one, Notify)] == [
        one for each in whole for one in each.effects if isinstance(one, Notify)
    ]


def test_each_step_stands_at_the_time_of_what_happened() -> None:
    for happened in play().until(20_000):
        assert {effect.at for effect in happened.effects if isinstance(effect, Journaled)} <= {happened.at}


def test_an_input_that_comes_too_late_enters_at_once() -> None:
    late = Play(Pipeline(SeriesTable(), 10_000), iter([(500, REACTIONS)]))
    list(late.until(10_000))
    assert late.pipeline.reactor.reactions == REACTIONS
    assert late.at == 10_000
