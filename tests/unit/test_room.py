"""Ids of series that come and go are freed (semantics S13), and everybody who remembers ids keeps up."""

from pathlib import Path

import numpy as np
from scenarios.score import START, Score

from rtmd.formats.batch import SampleBatch, SeriesLimits, SeriesTable
from rtmd.formats.exposition import ExpositionDecoder
from rtmd.formats.influx import InfluxDecoder
from rtmd.pipeline import RoomWanted, Samples
from rtmd.ports import LoggedBatch
from rtmd.sources.staleness import Lineage
from rtmd.sources.tally import Tally
from rtmd.store.samplelog import SegmentLog

RULES = """
[rules.pods]
no_data_limit = "24h"
signal = 'sum by (pod) (m)'
above = 10
[rules.all]
signal = 'count(m)'
above = 1e9
"""


def labels(name: str) -> tuple[tuple[str, str], ...]:
    return (("__name__", name),)


def filled(*names: str) -> SeriesTable:
    table = SeriesTable()
    for name in names:
        table.intern(labels(name))
    return table


def test_churn_goes_on_through_a_full_table_and_what_fires_or_lives_stays() -> None:
    table = SeriesTable(SeriesLimits(series=1_000))
    score = Score(RULES, series=table)
    for second in range(0, 10_000, 20):
        pods = [(f'm{{pod="{second}-{each}"}}', 1.0) for each in range(25)]
        fires = [('m{pod="hot"}', 11.0)] if second < 100 else []
        score.send(second, Samples("t", score.batch([('m{pod="lives"}', 1.0), *fires, *pods], second)))
        if score.pipeline.engine.wants_room(START + second * 1000):
            score.send(second, RoomWanted())
    assert table.refused == {}
    assert score.pipeline.counts["freed", "series"] > 10_000
    known = {dict(each).get("pod") for _, each in table.since(0)}
    assert {"lives", "hot"} <= known
    assert score.firing.open
    assert score.pipeline.engine.tables("pods")[0].refused == 0


def test_a_decoder_still_knows_what_is_left_and_reads_the_rest_anew() -> None:
    table = filled("other")
    page, influx = ExpositionDecoder(table), InfluxDecoder(table)
    page.decode(b"a 1\nb 1\nc 1\n", at=1)
    influx.decode(b"m x=1,y=2\nn x=1,y=2\n", at=1)
    gone = [table.intern(labels(name)) for name in ("other", "b", "n_x")]
    living = np.ones(len(table), np.bool_)
    living[gone] = False
    table.renumber(living)
    assert list(page.cache.ids) == [b"a", b"c"]
    assert [table.labels(int(each)) for each in page.decode(b"a 1\nb 1\nc 1\n", at=2).ids] == [*map(labels, "abc")]
    again = influx.decode(b"m x=1,y=2\nn x=1,y=2\n", at=2)
    assert [dict(table.labels(int(each)))["__name__"] for each in again.ids] == ["m_x", "m_y", "n_x", "n_y"]


def test_what_a_source_holds_lives_on() -> None:
    table = filled("other", "live")
    lineage, tally = Lineage(table), Tally(table, every=1000)
    lineage.adopt(np.array([1]))
    tally.take(b"hits:1|c")
    assert sorted(table.held().tolist()) == [1, 2]
    table.renumber(np.array([False, True, True]))
    assert [table.labels(int(each)) for each in lineage.live] == [labels("live")]
    assert {table.labels(int(each)) for each in tally.flush(5_000).ids} == {labels("hits_total")}


def test_the_sample_log_keeps_the_names_that_ids_had_when_they_came(tmp_path: Path) -> None:
    table = filled("a", "b")
    log = SegmentLog(tmp_path, table)

    def append(at: int, name: str) -> None:
        ids = np.array([table.intern(labels(name))])
        log.append(LoggedBatch(at, "t", SampleBatch(ids, np.array([at]), np.array([1.0]))))

    append(1, "a")
    append(2, "b")
    table.renumber(np.array([False, True]))
    append(3, "b")
    append(4, "c")
    log.flush()
    append(5, "a")
    assert [table.labels(int(entry.batch.ids[0])) for entry in log.read(0)] == [*map(labels, "abbca")]
    log.close()
