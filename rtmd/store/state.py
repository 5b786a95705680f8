"""`StateStore`: the durable state of the daemon in one SQLite file (`ports.Store`).

Writing goes through the one writer thread (`rtmd.store.writer`) and never blocks the loop. Reading goes through a
second, read-only connection, sees what is committed, is cheap, and may be done from any thread.

*Decisions are restored, never recomputed*: what `restore` returns is what was committed.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rtmd.errors import StoreError
from rtmd.model.effects import Audited, Durable, Journaled
from rtmd.model.firing import Firing
from rtmd.model.inputs import Restored
from rtmd.model.reaction import UNDER_WAY, Escalation
from rtmd.ports import DeadLetter, OutboxRow
from rtmd.store import rows
from rtmd.store.rows import Column, Statement
from rtmd.store.schema import open_reader
from rtmd.store.writer import GroupWriter, refused

_HOUR = 3_600_000
_DAY = 24 * _HOUR
_RECENT = _DAY  # resolved firings that come back: screens show them, instances may continue them
_RECENT_AT_MOST = 1_000
KEEP = 30 * _DAY

_LAST_GOOD = "last_good"
_last_good_decoder = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])

_UNDER_WAY = ", ".join(f"'{state}'" for state in sorted(UNDER_WAY))
_OPEN = "SELECT doc FROM firings WHERE resolved IS NULL ORDER BY opened, id"
_RESOLVED = f"""
SELECT doc FROM firings WHERE resolved IS NOT NULL AND id IN (
  SELECT id FROM (SELECT id FROM firings WHERE resolved >= ? ORDER BY resolved DESC, id LIMIT ?)
  UNION SELECT firing FROM proposals WHERE state IN ('pending', 'braked')
  UNION SELECT firing FROM runs WHERE state IN ({_UNDER_WAY}))
ORDER BY resolved DESC, id"""  # noqa: S608  # our own words
_NEWEST = "SELECT max(ifnull((SELECT max(at) FROM journal), 0), ifnull((SELECT max(resolved) FROM firings), 0))"
_LEDGER = """
SELECT ledger.firing, receiver, told, seq, at, stage, why FROM ledger JOIN firings ON firings.id = ledger.firing
WHERE resolved IS NULL OR resolved >= ?"""
_RUNS = f"""
SELECT runs.doc FROM runs JOIN firings ON firings.id = runs.firing
WHERE resolved IS NULL OR resolved >= ? OR state IN ({_UNDER_WAY}) ORDER BY at, runs.id"""  # noqa: S608  # our own words
_PROPOSALS = """
SELECT proposals.doc FROM proposals JOIN firings ON firings.id = proposals.firing
WHERE resolved IS NULL OR resolved >= ? OR state IN ('pending', 'braked') ORDER BY made, proposals.id"""

_REVIVE = "UPDATE outbox SET state = 'pending', attempts = 0, due = 0 WHERE key = ? AND state = 'dead'"

_JOURNAL = "SELECT at, kind, rule, firing, text, detail FROM journal ORDER BY seq DESC LIMIT ?"
_JOURNAL_OF = "SELECT at, kind, rule, firing, text, detail FROM journal WHERE firing = ? ORDER BY seq DESC LIMIT ?"
_JOURNAL_AFTER = """
SELECT seq, at, kind, rule, firing, text, detail FROM journal
WHERE seq > ? AND at >= ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?"""

# In this order: what hangs on a firing goes after it.
_PRUNE = (
    "DELETE FROM journal WHERE seq IN (SELECT seq FROM journal WHERE at < ? LIMIT ?)",
    "DELETE FROM firings WHERE id IN (SELECT id FROM firings WHERE resolved < ? LIMIT ?)",
    "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE state = 'dead' AND created < ? LIMIT ?)",
    """DELETE FROM runs WHERE id IN (
         SELECT id FROM runs WHERE at < ? AND firing NOT IN (SELECT id FROM firings) LIMIT ?)""",
    """DELETE FROM proposals WHERE id IN (
         SELECT id FROM proposals WHERE expires < ? AND firing NOT IN (SELECT id FROM firings) LIMIT ?)""",
    """DELETE FROM ledger WHERE (firing, receiver) IN (
         SELECT firing, receiver FROM ledger WHERE at < ? AND firing NOT IN (SELECT id FROM firings) LIMIT ?)""",
)


class StateStore:
    """The state in the SQLite file at `path`, made when it does not exist; raises StoreError when it cannot be used.

    The folder's `StateLock` has to be held. What `commit` and the other writing verbs return resolves on the
    calling loop once it is on disk, or raises StoreError (`fatal`: the daemon has to start anew).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = GroupWriter(path)
        self._reader = open_reader(path)
        self._reading = threading.Lock()
        self._pruned_at: int | None = None

    def __repr__(self) -> str:
        return f"<StateStore {self.path} {self._writer!r}>"

    def commit(self, effects: Sequence[Durable]) -> Awaitable[None]:
        """All of these effects or none, in one transaction, after everything committed before."""
        try:
            return self._writer.submit(rows.statements(effects))
        except StoreError as error:  # told like every other failure: to whoever waits
            return refused(error)

    def confirm(self, key: str) -> Awaitable[None]:
        """A receiver took this notification: it leaves the outbox."""
        return self._write("DELETE FROM outbox WHERE key = ?", key)

    def postpone(self, key: str, *, attempts: int, due: int, error: str) -> Awaitable[None]:
        """Remember a failed attempt; the next one is due at wall time `due`."""
        return self._write(
            "UPDATE outbox SET attempts = ?, due = ?, error = ? WHERE key = ?", attempts, due, error, key
        )

    def bury(self, key: str, *, error: str) -> Awaitable[None]:
        """Make it a dead letter, kept and shown."""
        return self._write("UPDATE outbox SET state = 'dead', error = ? WHERE key = ?", error, key)

    def revive(self, keys: Sequence[str], audited: Audited) -> Awaitable[None]:
        """Make these dead letters messages again that are to be delivered, and write down who wanted it."""
        again: list[Statement] = [(_REVIVE, (key,)) for key in keys]
        try:
            return self._writer.submit([*again, *rows.statements([audited])])
        except StoreError as error:
            return refused(error)

    def save_last_good(self, files: Mapping[str, bytes]) -> Awaitable[None]:
        """Remember the texts of all rule files as they are in use, in place of what was remembered before."""
        # Names as bytes: not every file name is Unicode.
        packed = msgspec.msgpack.encode(
            [(name.encode("utf-8", "surrogateescape"), text) for name, text in files.items()]
        )
        return self._write("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", _LAST_GOOD, packed)

    def prune(self, at: int, keep: int = KEEP) -> None:
        """Forget what is older than `keep` ms, in small pieces while nobody commits; acts at most once an hour."""
        if self._pruned_at is not None and at - self._pruned_at < _HOUR:
            return
        self._pruned_at = at
        self._writer.add_chores((sql, (at - keep,)) for sql in _PRUNE)

    def close(self) -> None:
        """Commit what is queued and close; idempotent."""
        with self._reading:
            self._reader.close()
        self._writer.close()

    def newest(self) -> int:
        """The engine time of the latest decision; 0 where there is none."""
        return int(self._read(_NEWEST)[0][0])

    def restore(self) -> Restored:
        """What the last run left behind: everything open, and the firings resolved in its last 24 hours."""
        since = self.newest() - _RECENT
        found = self._read(_OPEN) + self._read(_RESOLVED, since, _RECENT_AT_MOST)
        firings = tuple(rows.firing(doc) for (doc,) in found)
        known = {firing.id for firing in firings}
        ledger = map(rows.ledger_entry, self._read(_LEDGER, since))
        runs = (rows.run(doc) for (doc,) in self._read(_RUNS, since))
        proposals = (rows.proposal(doc) for (doc,) in self._read(_PROPOSALS, since))
        escalations = self._read("SELECT firing, name, since, step FROM escalations ORDER BY firing")
        hold = self._read("SELECT value FROM meta WHERE name = 'hold'")
        instances = self._read("SELECT doc FROM instances ORDER BY rule, labels")
        silences = self._read("SELECT doc FROM silences ORDER BY id")
        marks = self._read("SELECT doc FROM marks ORDER BY time, id")
        groups = self._read("SELECT doc FROM groups ORDER BY id")
        storms = self._read("SELECT doc FROM storms ORDER BY receiver")
        memberships = self._read("SELECT doc FROM memberships ORDER BY firing")
        return Restored(
            instances=tuple(rows.instance(doc) for (doc,) in instances),
            firings=firings,
            silences=tuple(rows.silence(doc) for (doc,) in silences),
            ledger=tuple(entry for entry in ledger if entry.firing_id in known),
            groups=tuple(rows.group_times(doc) for (doc,) in groups),
            storms=tuple(rows.storm(doc) for (doc,) in storms),
            memberships=tuple(rows.membership(doc) for (doc,) in memberships),
            runs=tuple(run for run in runs if run.firing_id in known),
            marks=tuple(rows.mark(doc) for (doc,) in marks),
            proposals=tuple(proposal for proposal in proposals if proposal.firing_id in known),
            escalations=tuple(Escalation(*row) for row in escalations if row[0] in known),
            hold=rows.hold(hold[0][0]) if hold else None,
        )

    def outbox(self) -> tuple[OutboxRow, ...]:
        """Notifications still to be delivered, oldest first per receiver."""
        found = self._read("SELECT doc, attempts, due FROM outbox WHERE state = 'pending' ORDER BY receiver, seq")
        return tuple(OutboxRow(rows.notification(doc), attempts, due) for doc, attempts, due in found)

    def dead_letters(self, limit: int = 100) -> tuple[DeadLetter, ...]:
        """The latest notifications that were given up, newest first; below 0 there is no limit."""
        found = self._read(
            "SELECT doc, attempts, error FROM outbox WHERE state = 'dead' ORDER BY seq DESC LIMIT ?", limit
        )
        return tuple(DeadLetter(rows.notification(doc), attempts, error) for doc, attempts, error in found)

    def dead_letter_counts(self) -> dict[str, int]:
        """How many were given up (and not pruned yet), by receiver."""
        return dict(self._read("SELECT receiver, count(*) FROM outbox WHERE state = 'dead' GROUP BY receiver"))

    def firing(self, firing_id: str) -> Firing | None:
        """A firing as it was last saved, however long ago it resolved."""
        found = self._read("SELECT doc FROM firings WHERE id = ?", firing_id)
        return rows.firing(found[0][0]) if found else None

    def journal(self, firing_id: str = "", limit: int = 200) -> tuple[Journaled, ...]:
        """The latest `limit` lines, of one firing or (empty id) of everything; oldest first."""
        found = self._read(_JOURNAL_OF, firing_id, limit) if firing_id else self._read(_JOURNAL, limit)
        return tuple(rows.journaled(row) for row in reversed(found))

    def journal_after(self, seq: int, *, kinds: Sequence[str], since: int, limit: int) -> list[tuple[int, Journaled]]:
        """The next `limit` lines after line `seq`, not older than `since`, of these kinds; with their numbers."""
        found = self._read(_JOURNAL_AFTER, seq, since, msgspec.json.encode(kinds).decode(), limit)
        return [(number, rows.journaled(tuple(row))) for number, *row in found]

    def last_good(self) -> dict[str, bytes]:
        """The rule files as they were last in use: name → text."""
        found = self._read("SELECT value FROM meta WHERE name = ?", _LAST_GOOD)
        if not found:
            return {}
        return {name.decode("utf-8", "surrogateescape"): text for name, text in _last_good_decoder.decode(found[0][0])}

    def _write(self, sql: str, *columns: Column) -> asyncio.Future[None]:
        statement: Statement = (sql, columns)
        return self._writer.submit([statement])

    def _read(self, sql: str, *columns: Column) -> list[tuple[Any, ...]]:
        # Fetched whole and at once: an open read would keep the WAL from starting over.
        with self._reading:
            try:
                return self._reader.execute(sql, columns).fetchall()
            except sqlite3.Error as error:
                raise StoreError(f"{self.path}: cannot be read: {error}") from error
