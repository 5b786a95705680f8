"""Everything that the disk has about one firing, read as of one moment over a connection of its own.

From any thread, beside the loop and whoever else reads. The journal's index by firing finds the firing's lines, and
those that are about everything (of no firing) between its first and its last.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from rtmd.errors import StoreError
from rtmd.model.effects import Audited, Journaled
from rtmd.model.silence import Silence
from rtmd.pipeline.history import Letter, Past
from rtmd.store import rows
from rtmd.store.schema import open_reader

MOST = 1_000  # lines of the firing, and as many of everything meanwhile: the latest

_LINES = "SELECT seq, at, kind, rule, firing, text, detail FROM journal WHERE firing = ? ORDER BY seq DESC LIMIT ?"
_MEANWHILE = """
SELECT seq, at, kind, rule, firing, text, detail FROM journal
WHERE firing = '' AND seq BETWEEN ? AND ? AND (rule = '' OR rule = ?) ORDER BY seq DESC LIMIT ?"""
_LEDGER = "SELECT firing, receiver, told, seq, at, stage, why FROM ledger WHERE firing = ? ORDER BY receiver"
_LETTERS = """
SELECT key, receiver, attempts, error, state FROM outbox
WHERE instr(' ' || firings || ' ', ' ' || ? || ' ') ORDER BY seq"""
_SILENCE = "SELECT doc FROM silences WHERE id = ?"
_AUDIT = "SELECT at, by, verb, object, detail, origin FROM audit WHERE object = ? ORDER BY seq DESC LIMIT ?"


def read_past(path: Path, firing_id: str) -> Past | None:
    """What there is; None where no such firing is remembered. StoreError when the file cannot be read."""
    try:
        with closing(open_reader(path)) as connection:
            connection.execute("BEGIN")  # one moment: what left the outbox meanwhile was delivered
            return _read(connection, firing_id)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error


def _read(connection: sqlite3.Connection, firing_id: str) -> Past | None:
    found = connection.execute("SELECT doc FROM firings WHERE id = ?", (firing_id,)).fetchone()
    if found is None:
        return None
    firing = rows.firing(found[0])
    lines = connection.execute(_LINES, (firing_id, MOST)).fetchall()
    numbered = list(lines)
    if lines:
        last = connection.execute("SELECT max(seq) FROM journal").fetchone()[0] if firing.open else lines[0][0]
        numbered += connection.execute(_MEANWHILE, (lines[-1][0], last, firing.rule, MOST)).fetchall()
    journal = tuple(rows.journaled(row) for _, *row in sorted(numbered))
    audit = connection.execute(_AUDIT, (firing_id, MOST)).fetchall()
    return Past(
        firing=firing,
        journal=journal,
        ledger=tuple(rows.ledger_entry(row) for row in connection.execute(_LEDGER, (firing_id,)).fetchall()),
        letters=tuple(
            Letter(key, receiver, attempts, error, state == "dead")
            for key, receiver, attempts, error, state in connection.execute(_LETTERS, (firing_id,)).fetchall()
        ),
        silences=_silences(connection, journal),
        audit=tuple(Audited(*row) for row in reversed(audit)),
        truncated=len(lines) == MOST,
    )


def _silences(connection: sqlite3.Connection, journal: tuple[Journaled, ...]) -> dict[str, Silence]:
    """Those that the firing's lines name."""
    named = {line.detail.get("by", "") for line in journal if line.kind == "suppressed"}
    found = (connection.execute(_SILENCE, (each,)).fetchone() for each in sorted(named) if each)
    silences = [rows.silence(row[0]) for row in found if row]
    return {silence.id: silence for silence in silences}
