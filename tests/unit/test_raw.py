"""The raw leaf by example: what is kept, for how long, and where."""

from __future__ import annotations

import tracemalloc

import numpy as np

from rtmd.engine.raw import UNSEEN, RawLeaf
from rtmd.engine.window import pieces
from rtmd.formats.batch import STALE

MINUTE = 60_000
START = 1_700_000_000_000


def leaf_of(series: int, window: int = MINUTE) -> RawLeaf:
    leaf = RawLeaf()
    leaf.cover(series)
    leaf.read(np.arange(series), window)
    leaf.advance(START)
    return leaf


def put(leaf: RawLeaf, *samples: tuple[int, int, float]) -> tuple[list[int], int]:
    """Samples as (series, ms after START, value)."""
    ids, times, values = (np.array(column) for column in zip(*samples, strict=True))
    stored = leaf.store(ids, START + times, values.astype(np.float64))
    return sorted(stored.series.tolist()), stored.duplicates


def seen(leaf: RawLeaf, series: int, at: int, length: int = MINUTE) -> list[float]:
    window = leaf.window(np.array([series]), START + at, length)
    return window.values[window.low[0] : window.high[0]].tolist()


def test_a_window_leaves_its_start_out_and_takes_its_end_in() -> None:
    leaf = leaf_of(1)
    put(leaf, (0, 0, 1.0), (0, 30_000, 2.0), (0, 60_000, 3.0))
    assert seen(leaf, 0, 60_000) == [2.0, 3.0]
    assert seen(leaf, 0, 59_999) == [1.0, 2.0]


def test_a_late_sample_goes_where_it_belongs() -> None:
    leaf = leaf_of(2)
    put(leaf, (0, 1000, 1.0), (1, 1000, 7.0), (0, 5000, 5.0))
    assert put(leaf, (0, 3000, 3.0), (1, 2000, 8.0)) == ([0, 1], 0)
    assert seen(leaf, 0, 5000) == [1.0, 3.0, 5.0]
    assert seen(leaf, 1, 5000) == [7.0, 8.0]


def test_of_two_samples_of_one_time_the_first_wins_within_a_batch_and_across_batches() -> None:
    leaf = leaf_of(1)
    assert put(leaf, (0, 1000, 1.0), (0, 1000, 2.0), (0, 2000, 3.0)) == ([0], 1)
    assert put(leaf, (0, 1000, 9.0), (0, 2000, 9.0)) == ([], 2)
    assert seen(leaf, 0, 2000) == [1.0, 3.0]


def test_a_full_slab_lets_go_of_what_no_window_reaches_and_of_nothing_else() -> None:
    leaf = leaf_of(3)
    for second in range(500):
        leaf.advance(START + second * 1000)
        put(leaf, *((series, second * 1000, float(second)) for series in range(3)))
        assert seen(leaf, 1, second * 1000) == [float(each) for each in range(max(0, second - 59), second + 1)]
    assert leaf.size < 3 * 1200 + 88 * 64


def test_the_sample_before_the_window_stays_to_say_that_the_series_is_alive() -> None:
    leaf = leaf_of(1)
    put(leaf, (0, 0, 4.0))
    leaf.advance(START + 200_000)
    leaf.tidy()
    values, alive = leaf.latest(np.array([0]), START + 299_999, 300_000)
    assert (values.tolist(), alive.tolist()) == ([4.0], [True])
    assert leaf.latest(np.array([0]), START + 300_000, 300_000)[1].tolist() == [False]
    leaf.advance(START + 300_001)
    leaf.tidy()
    assert leaf.size == leaf_of(1).size


def test_a_stale_marker_ends_a_series_until_its_next_sample() -> None:
    leaf = leaf_of(1)
    put(leaf, (0, 1000, 1.0), (0, 2000, float(STALE)))
    assert leaf.latest(np.array([0]), START + 1500, 300_000)[1].tolist() == [True]
    assert leaf.latest(np.array([0]), START + 2500, 300_000)[1].tolist() == [False]
    put(leaf, (0, 3000, 2.0))
    assert leaf.latest(np.array([0]), START + 3000, 300_000)[1].tolist() == [True]
    window = leaf.window(np.array([0]), START + 3000, MINUTE)
    assert window.unmarked().values.tolist() == [1.0, 2.0]


def test_history_goes_in_front_of_what_was_there_and_moves_the_first_time() -> None:
    leaf = leaf_of(1)
    put(leaf, (0, 50_000, 5.0))
    times = START + np.array([20_000, 50_000, 40_000, -900_000])
    leaf.fill(np.zeros(4, np.int64), times, np.array([2.0, 9.0, 4.0, 0.0]))
    assert seen(leaf, 0, 50_000) == [2.0, 4.0, 5.0]
    assert leaf.first[0] == START - 900_000


def test_a_series_kept_longer_than_before_is_not_called_covered() -> None:
    leaf = leaf_of(1)
    for second in range(0, 900, 10):
        leaf.advance(START + second * 1000)
        put(leaf, (0, second * 1000, 0.0))
    assert leaf.since[0] < START == leaf.first[0]
    leaf.read(np.array([0]), 10 * MINUTE)
    assert START + 600_000 < leaf.since[0] < START + 840_000
    assert leaf.since[0] == leaf.columns()[2][0]


def test_offsets_move_with_time_over_months() -> None:
    leaf = leaf_of(2, window=6 * 24 * 3_600_000)
    day = 24 * 3_600_000
    for days in range(100):
        leaf.advance(START + days * day)
        put(leaf, (0, days * day, float(days)))
        assert seen(leaf, 0, days * day, 6 * day) == [float(each) for each in range(max(0, days - 5), days + 1)]


def test_a_series_that_nobody_reads_is_forgotten() -> None:
    leaf = leaf_of(2)
    put(leaf, (0, 0, 1.0), (1, 0, 1.0))
    leaf.keep(np.where(np.arange(len(leaf.first)) == 1, MINUTE, -1))
    assert leaf.first[0] == UNSEEN
    assert seen(leaf, 0, 0) == []
    assert seen(leaf, 1, 0) == [1.0]
    assert leaf.columns()[0].tolist() == [1]


def test_no_series_ever_sees_the_samples_of_another() -> None:
    leaf = leaf_of(6)
    random = np.random.default_rng(7)
    for step in range(3000):
        leaf.advance(START + step * 500)
        ids = random.integers(0, 6, random.integers(1, 8))
        times = START + step * 500 - 1000 * random.choice([0, 0, 0, 1, 2, 40], len(ids))
        leaf.store(ids, times, ids.astype(np.float64))
        window = leaf.window(np.arange(6), START + step * 500, MINUTE)
        assert set(window.values[window.flat()] - np.repeat(np.arange(6), window.counts)) <= {0.0}


def test_history_that_ran_ahead_of_the_clock_does_not_cost_the_start_of_the_window() -> None:
    leaf = RawLeaf()
    leaf.cover(1)
    leaf.read(np.array([0]), MINUTE)
    times = START + np.arange(0, 81_000, 1000)  # the engine was at 60 s when the last one came
    leaf.fill(np.zeros(81, np.int64), times, np.arange(81.0))
    leaf.tidy()
    assert seen(leaf, 0, 60_000) == [float(second) for second in range(1, 61)]


def test_laying_windows_side_by_side_takes_little_memory_besides_the_new_pool() -> None:
    leaf = leaf_of(2_000)
    for second in range(0, 200, 50):
        ids, ahead = np.repeat(np.arange(2_000), 50), np.tile(np.arange(50), 2_000)
        leaf.store(ids, START + 1000 * (second + ahead), np.ones(len(ids)))
    tracemalloc.start()
    leaf.tidy()
    pool, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < pool + 4 * 1024**2 < 2 * pool


def test_every_row_is_in_one_piece_whatever_it_holds() -> None:
    counts = np.array([0, 3, 1 << 17, 0, 1 << 15, 1 << 15, 1 << 15, 5, 0])
    rows = [np.arange(len(counts))[some] for some in pieces(counts)]
    assert len(rows) > 1
    assert np.concatenate(rows).tolist() == list(range(len(counts)))
    assert all(len(some) == 1 or counts[some].sum() < 1 << 18 for some in rows)
    assert list(pieces(counts[:0])) == []
