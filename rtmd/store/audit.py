"""Reading the audit trail: who changed what, and whether it is as it was written.

Each line carries a hash over itself and the hash of the line before, so that a line that was edited, taken out or
cut off at the end shows. Whoever can write the file can also write a whole new chain: the hash of the last line,
kept elsewhere, tells that too.

It is kept for ever and may be long, so it is read piece by piece over a connection of its own: from any thread, and
nobody waits for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec import Struct

from rtmd.errors import StoreError
from rtmd.store.rows import AuditRow
from rtmd.store.schema import audit_hash, open_reader

_PIECE = 1_000  # lines
_COLUMNS = "SELECT seq, at, by, verb, object, detail, origin, hash FROM audit"
_FOUND = f"""{_COLUMNS} WHERE at >= ?1 AND (?2 = '' OR by = ?2)
AND (?3 = '' OR verb = ?3 OR object = ?3) ORDER BY seq DESC LIMIT ?4"""
_LAST = "SELECT seq FROM sqlite_sequence WHERE name = 'audit'"


class Verified(Struct, frozen=True):
    """How many lines there are, the hash of the last one, and what is wrong with them (empty: nothing)."""

    lines: int
    hash: str
    problem: str = ""


def read_audit(path: Path, *, since: int = 0, by: str = "", what: str = "", limit: int = 200) -> tuple[AuditRow, ...]:
    """The latest `limit` lines since then (wall time), oldest first; `what` is a verb or an object, whole."""
    with _reading(path) as connection:
        found = connection.execute(_FOUND, (since, by, what, limit)).fetchall()
    return tuple(AuditRow(*row) for row in reversed(found))


def verify_audit(path: Path) -> Verified:
    """Whether every line is what was written, and none is missing."""
    previous, count = None, 0
    with _reading(path) as connection:
        for seq, at, by, verb, changed, detail, origin, kept in _lines(connection):
            if seq != count + 1:
                return Verified(count, previous or "", _missing(count + 1, seq - 1))
            if audit_hash(previous, at, by, verb, changed, detail, origin) != kept:
                return Verified(count, previous or "", f"line {seq} is not what was written")
            previous, count = kept, seq
        last = connection.execute(_LAST).fetchone()
    cut = last is not None and last[0] > count
    return Verified(count, previous or "", _missing(count + 1, last[0]) if cut else "")


def _lines(connection: sqlite3.Connection) -> Iterator[tuple[int, int, str, str, str, str, str, str]]:
    seq = 0
    while piece := connection.execute(f"{_COLUMNS} WHERE seq > ? ORDER BY seq LIMIT ?", (seq, _PIECE)).fetchall():
        yield from piece
        seq = piece[-1][0]


def _missing(first: int, last: int) -> str:
    return f"line {first} is missing" if first == last else f"lines {first} to {last} are missing"


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(open_reader(path)) as connection:
            # Only a line that was tampered with is no Unicode: it has to be shown, not stumbled over.
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            yield connection
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
