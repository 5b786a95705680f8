"""The file of the state store and its folder: what is not ours, or another daemon's, is refused and left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from rtmd.errors import StoreError
from rtmd.store.lock import StateLock
from rtmd.store.schema import SCHEMA_VERSION
from rtmd.store.state import StateStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def test_a_newer_schema_is_refused_in_clear_words(path: Path) -> None:
    StateStore(path).close()
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    other.close()
    with pytest.raises(StoreError, match="written by a newer rtmd"):
        StateStore(path)


def test_a_foreign_database_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="some other program"):
        StateStore(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        StateStore(path)


def test_the_state_is_readable_by_its_owner_only(path: Path) -> None:
    StateStore(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_daemon_is_told_who_has_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    with StateLock(folder) as held:
        assert repr(held) == f"<StateLock {folder} held>"
        with pytest.raises(StoreError, match=r"another rtmd \(pid \d+\)"):
            StateLock(folder)
    StateLock(folder).release()
