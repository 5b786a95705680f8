"""The windows' snapshot: all of it, or none of it and why."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rtmd.engine.buckets import SavedBuckets
from rtmd.engine.plan import WindowSnapshot
from rtmd.errors import StoreError
from rtmd.store.snapshot import FILE, load_windows, save_windows

AT = 1_800_000_000_000
BUCKETS = SavedBuckets(
    width=60_000,
    sealed=AT - 70_000,
    newest=AT // 60_000,
    series=np.array([1], np.int64),
    born=np.array([AT], np.int64),
    since=np.array([-(1 << 62)], np.int64),
    columns={"count": np.array([[3], [4]], np.int32), "sum": np.array([[-0.0], [np.nan]]), "ended": np.eye(2, 1) > 0},
)
WINDOWS = WindowSnapshot(
    labels=[(("__name__", "m"), ("site", "é")), (("a", "b"),)],
    counts=np.array([2, 1], np.int64),
    times=np.array([AT - 2, AT - 1, AT], np.int64),
    values=np.array([1.5, np.nan, -np.inf]),
    firsts=np.array([AT - 2, AT], np.int64),
    lateness=600_000,
    buckets=[BUCKETS],
    senders=np.array([3, -1], np.int64),
    delivered=np.array([AT, 0], np.int64),
)


def same(saved: object, loaded: object, *names: str) -> None:
    for name in names:
        before, after = getattr(saved, name), getattr(loaded, name)
        assert after.dtype == before.dtype
        assert after.tobytes() == before.tobytes()
        assert after.flags.writeable


def test_a_snapshot_comes_back_bit_by_bit_with_its_engine_time(tmp_path: Path) -> None:
    save_windows(tmp_path, WINDOWS, AT)
    found = load_windows(tmp_path)
    assert found.at == AT
    windows = found.windows
    assert windows is not None
    assert (windows.labels, windows.lateness) == (WINDOWS.labels, 600_000)
    same(WINDOWS, windows, "counts", "times", "values", "firsts", "senders", "delivered")
    (buckets,) = windows.buckets
    assert (buckets.width, buckets.sealed, buckets.newest) == (BUCKETS.width, BUCKETS.sealed, BUCKETS.newest)
    same(BUCKETS, buckets, "series", "born", "since")
    assert buckets.columns.keys() == BUCKETS.columns.keys()
    for field, column in BUCKETS.columns.items():
        assert buckets.columns[field].shape == column.shape
        assert buckets.columns[field].tobytes() == column.tobytes()


def test_empty_windows_are_a_snapshot_too(tmp_path: Path) -> None:
    none = np.empty(0)
    save_windows(tmp_path, WindowSnapshot([], none, none, none, none), AT)
    found = load_windows(tmp_path).windows
    assert found is not None
    assert len(found.values) == 0


def test_a_later_snapshot_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    save_windows(tmp_path, WINDOWS, AT)
    save_windows(tmp_path, WINDOWS, AT + 1)
    found = load_windows(tmp_path)
    assert found.windows is not None
    assert found.at == AT + 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_missing_snapshot_is_no_error(tmp_path: Path) -> None:
    assert load_windows(tmp_path).reason == "no snapshot"


@pytest.mark.parametrize("place", range(0, 120, 7))
def test_a_damaged_or_cut_snapshot_is_passed_over(tmp_path: Path, place: int) -> None:
    save_windows(tmp_path, WINDOWS, AT)
    file = tmp_path / FILE
    content = bytearray(file.read_bytes())
    content[place] ^= 0x40
    file.write_bytes(content)
    found = load_windows(tmp_path)
    assert found.windows is None
    assert found.reason in ("damaged", "written by another version")
    save_windows(tmp_path, WINDOWS, AT)
    os.truncate(file, place)
    assert load_windows(tmp_path).reason in ("cut short", "damaged")


def test_a_disk_that_refuses_leaves_the_old_snapshot(tmp_path: Path) -> None:
    save_windows(tmp_path, WINDOWS, AT)
    (tmp_path / f"{FILE}.new").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        save_windows(tmp_path, WINDOWS, AT + 1)
    found = load_windows(tmp_path)
    assert found.windows is not None
    assert found.at == AT
