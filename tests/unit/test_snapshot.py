"""The windows' snapshot: all of it, or none of it and why."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rtmd.errors import StoreError
from rtmd.store.snapshot import FILE, StoredWindows, load_windows, save_windows

AT = 1_800_000_000_000
WINDOWS = StoredWindows(
    at=AT,
    labels=[(("__name__", "m"), ("site", "é")), (("a", "b"),)],
    counts=np.array([2, 1], np.int64),
    times=np.array([AT - 2, AT - 1, AT], np.int64),
    values=np.array([1.5, np.nan, -np.inf]),
    firsts=np.array([True, False]),
)


def test_a_snapshot_comes_back_bit_by_bit_with_its_engine_time(tmp_path: Path) -> None:
    save_windows(tmp_path, WINDOWS, AT)
    found = load_windows(tmp_path).windows
    assert found is not None
    assert (found.at, found.labels) == (AT, WINDOWS.labels)
    for name in ("counts", "times", "values", "firsts"):
        saved, loaded = getattr(WINDOWS, name), getattr(found, name)
        assert loaded.dtype == saved.dtype
        assert loaded.tobytes() == saved.tobytes()
        assert loaded.flags.writeable


def test_empty_windows_are_a_snapshot_too(tmp_path: Path) -> None:
    none = np.empty(0)
    save_windows(tmp_path, StoredWindows(AT, [], none, none, none, none), AT)
    found = load_windows(tmp_path).windows
    assert found is not None
    assert len(found.values) == 0


def test_a_later_snapshot_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    save_windows(tmp_path, WINDOWS, AT)
    save_windows(tmp_path, WINDOWS, AT + 1)
    found = load_windows(tmp_path).windows
    assert found is not None
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
    found = load_windows(tmp_path).windows
    assert found is not None
    assert found.at == AT
