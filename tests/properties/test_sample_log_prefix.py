"""Whatever is written and wherever the file is cut: a prefix of the flushes comes back, bit by bit."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TypeAlias

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.ports import LoggedBatch
from rtmd.store.samplelog import LogLimits, SegmentLog

Sample: TypeAlias = tuple[int, int, float]

# Steps of engine time, then the samples of one batch: series, time, value.
batches = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.lists(st.tuples(st.integers(0, 40), st.integers(-(2**40), 2**62), st.floats()), max_size=6),
        st.booleans(),
    ),
    max_size=25,
)


def entry(table: SeriesTable, at: int, samples: list[Sample]) -> LoggedBatch:
    ids = np.array([table.intern((("n", str(n)),)) for n, _, _ in samples], np.int64)
    times = np.array([time for _, time, _ in samples], np.int64)
    return LoggedBatch(at, f"s{at % 3}", SampleBatch(ids, times, np.array([v for *_, v in samples], np.float64)))


def content(table: SeriesTable, found: LoggedBatch) -> tuple[object, ...]:
    batch = found.batch
    labels = tuple(table.labels(series) for series in batch.ids.tolist())
    return found.at, found.source, labels, batch.times.tolist(), batch.values.tobytes()


@given(batches, st.data())
@settings(max_examples=60, deadline=None)
def test_a_cut_log_gives_back_a_prefix(script: list[tuple[int, list[Sample], bool]], draw: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        table = SeriesTable()
        log = SegmentLog(path, table, LogLimits(segment=1_000))
        written, at = [], 0
        for step, samples, flushed in script:
            at += step
            each = entry(table, at, samples)
            log.append(each)
            written.append(content(table, each))
            if flushed:
                log.flush()
        log.close()
        cut = None
        for last in sorted(path.iterdir())[-1:]:
            size = last.stat().st_size
            cut = size - draw.draw(st.integers(0, size), label="kept")
            os.truncate(last, size - cut)
        present = SeriesTable()
        found = [content(present, each) for each in SegmentLog(path, present).read(0)]
        assert found == written[: len(found)]
        assert cut or len(found) == len(written)
