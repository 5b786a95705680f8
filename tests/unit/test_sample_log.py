"""The sample log: what was flushed comes back with present ids, whatever happened to the tail or the disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from rtmd.errors import StoreError
from rtmd.formats.batch import EMPTY, STALE, PlacedExemplar, SampleBatch, SeriesLimits, SeriesTable, is_stale
from rtmd.model.firing import Exemplar
from rtmd.model.labels import Labels
from rtmd.ports import LoggedBatch
from rtmd.store.samplelog import LogLimits, SegmentLog

MINUTE = 60_000
START = 1_800_000_000_000

Plain: TypeAlias = tuple[int, str, list[tuple[Labels, int, float]]]


def series(n: int) -> Labels:
    return (("__name__", "m"), ("n", str(n)))


def entry(table: SeriesTable, at: int, *numbers: int, source: str = "push") -> LoggedBatch:
    ids = np.array([table.intern(series(n)) for n in numbers], np.int64)
    return LoggedBatch(at, source, SampleBatch(ids, np.full(len(ids), at - 7), np.array(numbers, np.float64)))


def plain(table: SeriesTable, found: LoggedBatch) -> Plain:
    batch = found.batch
    rows = zip(batch.ids.tolist(), batch.times.tolist(), batch.values.tolist(), strict=True)
    return found.at, found.source, [(table.labels(id_), time, value) for id_, time, value in rows]


def everything(folder: Path, since: int = 0) -> list[Plain]:
    table = SeriesTable()
    log = SegmentLog(folder, table)
    return [plain(table, found) for found in log.read(since)]


def test_batches_come_back_in_order_of_arrival_after_a_restart(tmp_path: Path) -> None:
    table = SeriesTable()
    log = SegmentLog(tmp_path, table)
    entries = [entry(table, START, 3, 1), entry(table, START + 1, 2, source="node"), entry(table, START + 1, 3, 3)]
    for each in entries:
        log.append(each)
    log.close()
    assert everything(tmp_path) == [plain(table, each) for each in entries]


def test_ids_are_those_of_the_present_table(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    log.append(entry(table, START, 5, 6))
    log.close()
    present = SeriesTable()
    present.intern(series(9))
    present.intern(series(6))
    (found,) = SegmentLog(tmp_path, present).read(0)
    assert found.batch.ids.tolist() == [2, 1]
    assert found.batch.values.tolist() == [5.0, 6.0]


def test_every_bit_of_a_value_survives(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    values = np.array([STALE, np.nan, -0.0, np.inf, 5e-324])
    ids = np.array([table.intern(series(n)) for n in range(5)])
    times = np.array([START, 0, -5, 2**62, START - 1])
    log.append(LoggedBatch(START, "push", SampleBatch(ids, times, values)))
    (found,) = log.read(0)
    assert found.batch.values.tobytes() == values.tobytes()
    assert is_stale(found.batch.values).tolist() == [True, False, False, False, False]
    assert found.batch.times.tolist() == times.tolist()


def test_thousands_of_series_that_appear_one_batch_after_the_other_come_back(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    for n in (3_000, 0, 9_000):
        log.append(entry(table, START, *range(n, n + 3_000)))
        log.flush()
    log.close()
    assert [row[2][0][0] for row in everything(tmp_path)] == [series(3_000), series(0), series(9_000)]


def test_exemplars_come_back_with_their_series(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    placed = PlacedExemplar(table.intern(series(4)), START, Exemplar("text", "me", 12.5, "https://x"))
    log.append(LoggedBatch(START, "push", SampleBatch(EMPTY.ids, EMPTY.times, EMPTY.values, (placed,))))
    log.append(entry(table, START, 1))
    log.close()
    present = SeriesTable()
    first, second = SegmentLog(tmp_path, present).read(0)
    assert first.batch.exemplars == (PlacedExemplar(0, START, placed.exemplar),)
    assert present.labels(0) == series(4)
    assert second.batch.exemplars == ()


def test_only_what_arrived_since_is_read(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    for n in range(6):
        log.append(entry(table, START + n, n))
        if n % 2:
            log.flush()
    assert [found.at - START for found in log.read(START + 2)] == [2, 3, 4, 5]
    assert [found.at - START for found in log.read(START + 3)] == [3, 4, 5]


def test_what_was_not_flushed_is_read_too(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    log.append(entry(table, START, 1))
    assert len(list(log.read(START))) == 1


def test_a_tick_proves_that_engine_time_was_reached(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    assert log.last_at is None
    log.append(entry(table, START, 1))
    log.tick(START + 900)
    log.flush()
    assert log.last_at == START + 900
    log.tick(START + 1900)
    log.close()
    again = SegmentLog(tmp_path, SeriesTable())
    assert again.last_at == START + 1900
    assert len(list(again.read(0))) == 1


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, SeriesTable())
    log.flush()
    assert log.size == 0
    log.tick(START)
    log.flush()
    size = log.size
    log.flush()
    assert log.size == size


def test_a_torn_tail_ends_its_segment_and_is_counted_and_later_segments_are_read(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    log.append(entry(table, START, 1))
    log.flush()
    log.append(entry(table, START + 1, 2))
    log.close()
    (first,) = tmp_path.iterdir()
    os.truncate(first, first.stat().st_size - 3)
    log = SegmentLog(tmp_path, table)
    assert log.last_at == START
    log.append(entry(table, START + 2, 3))
    assert [found.at for found in log.read(0)] == [START, START + 2]
    assert [found.at for found in log.read(0)] == [START, START + 2]
    assert log.torn == 1


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    log.append(entry(table, START, 1))
    log.close()
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    log = SegmentLog(tmp_path, SeriesTable())
    assert list(log.read(0)) == []
    assert log.torn == 1


def test_segments_stand_alone_and_old_ones_are_deleted_whole(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable(), LogLimits(keep=30 * MINUTE))
    for minute in range(60):
        log.append(entry(table, START + minute * MINUTE, 1, 2))
        log.flush()
    found = everything(tmp_path)
    assert found[-1] == (START + 59 * MINUTE, "push", [(series(n), START + 59 * MINUTE - 7, float(n)) for n in (1, 2)])
    assert START + 24 * MINUTE <= found[0][0] <= START + 29 * MINUTE
    assert len(list(tmp_path.iterdir())) <= 8


def test_the_log_stays_within_its_bytes(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable(), LogLimits(keep_bytes=20_000))
    for n in range(300):
        log.append(entry(table, START + n, *range(20)))
        log.flush()
    assert log.size <= 20_000
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == log.size
    assert everything(tmp_path)[-1][0] == START + 299


def test_series_over_the_limit_are_left_out(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    log.append(entry(table, START, 1, 2, 1))
    log.close()
    small = SeriesTable(SeriesLimits(series=1))
    (found,) = SegmentLog(tmp_path, small).read(0)
    assert found.batch.ids.tolist() == [0, 0]


def test_only_series_that_occur_are_interned_and_by_the_readers_own_means(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    log.append(entry(table, START, 1))
    log.flush()
    log.append(entry(table, START + 1, 2))
    log.close()
    asked: list[Labels] = []

    def intern(labels: Sequence[Labels]) -> list[int]:
        asked.extend(labels)
        return [70] * len(labels)

    reading = SegmentLog(tmp_path, SeriesTable()).read(START + 1, intern)
    assert [found.batch.ids.tolist() for found in reading] == [[70]]
    assert asked == [series(2)]


def test_a_disk_that_refuses_loses_the_flush_counts_it_and_goes_on(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable())
    log.append(entry(table, START, 1))
    log.flush()
    os.close(log._file)
    log._file = os.open(os.devnull, os.O_RDONLY)  # every write fails
    log.append(entry(table, START + 1, 1, 2))
    with pytest.raises(StoreError, match="cannot be written"):
        log.flush()
    log.append(entry(table, START + 2, 3))
    assert [found.at - START for found in log.read(0)] == [0, 2]
    assert (log.lost, log.torn) == (2, 0)


def test_reading_while_another_thread_writes_sees_whole_entries_only(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, table := SeriesTable(), LogLimits(segment=20))
    entries = [entry(table, START + n, *range(50)) for n in range(400)]

    def write() -> None:
        for each in entries:
            log.append(each)
            log.flush()

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while seen < 400:
        found = list(log.read(0))
        assert [each.at - START for each in found] == list(range(len(found)))
        seen = len(found)
    writer.join()
    assert log.torn == 0
