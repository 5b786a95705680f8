"""The tables of `state.db`, and the only two ways to open it.

Every column that a person may want to ask for stands by itself; `doc` holds the whole value as MessagePack, which
unlike JSON brings NaN and the infinities back as they were. Times are ms since the epoch.

Exactly one connection writes and checkpoints (`open_writer`): two that do so at once can damage a WAL database in
SQLite before 3.51.3. Everyone else reads (`open_reader`). A commit is on disk when it returns
(`synchronous=FULL`), and checkpoints are ours (`wal_autocheckpoint=0`): SQLite would keep quiet about a failed
sync in its own ones.

`user_version` is the version of the schema. A newer one is refused; an older one is migrated in one transaction.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

from rtmd.errors import StoreError

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x72746D64  # "rtmd"
_WAL_BYTES = 16 * 1024**2  # what a burst may leave behind on disk
_GENESIS = "0" * 64

_TABLES = """
CREATE TABLE instances (
  rule TEXT NOT NULL, labels TEXT NOT NULL, doc BLOB NOT NULL,
  PRIMARY KEY (rule, labels)
) WITHOUT ROWID;

CREATE TABLE firings (
  id TEXT PRIMARY KEY, rule TEXT NOT NULL, opened INTEGER NOT NULL, resolved INTEGER, doc BLOB NOT NULL
);
CREATE INDEX firings_resolved ON firings (resolved);

CREATE TABLE silences (id TEXT PRIMARY KEY, starts INTEGER NOT NULL, ends INTEGER NOT NULL, doc BLOB NOT NULL);

CREATE TABLE marks (id TEXT PRIMARY KEY, time INTEGER NOT NULL, doc BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE ledger (
  firing TEXT NOT NULL, receiver TEXT NOT NULL, told TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
  stage TEXT, why TEXT NOT NULL,
  PRIMARY KEY (firing, receiver)
) WITHOUT ROWID;

CREATE TABLE memberships (firing TEXT PRIMARY KEY, doc BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE storms (receiver TEXT PRIMARY KEY, doc BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE groups (id TEXT PRIMARY KEY, due INTEGER, doc BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE runs (
  id TEXT PRIMARY KEY, firing TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL,
  doc BLOB NOT NULL
);
CREATE INDEX runs_firing ON runs (firing);

CREATE TABLE proposals (
  id TEXT PRIMARY KEY, firing TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL, made INTEGER NOT NULL,
  expires INTEGER NOT NULL, doc BLOB NOT NULL
);
CREATE INDEX proposals_firing ON proposals (firing);

CREATE TABLE escalations (
  firing TEXT PRIMARY KEY, name TEXT NOT NULL, since INTEGER NOT NULL, step INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE journal (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, rule TEXT NOT NULL,
  firing TEXT NOT NULL, text TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE INDEX journal_firing ON journal (firing, seq);
CREATE INDEX journal_at ON journal (at);

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, by TEXT NOT NULL, verb TEXT NOT NULL,
  object TEXT NOT NULL, detail TEXT NOT NULL, origin TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE INDEX audit_object ON audit (object);
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_complete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, receiver TEXT NOT NULL, firings TEXT NOT NULL,
  created INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'dead')),
  doc BLOB NOT NULL
);
CREATE INDEX outbox_state ON outbox (state, receiver, seq);

CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


def audit_hash(previous: str | None, *row: str | int) -> str:
    """The link of the audit chain: SHA-256 over the hash before (None: there is none) and the row's columns."""
    digest = hashlib.sha256((previous or _GENESIS).encode())
    for column in row:
        text = str(column).encode()
        digest.update(b"%d:%b" % (len(text), text))  # with its length: no two rows look the same
    return digest.hexdigest()


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; makes or migrates the tables. To be used by the calling thread only.

    Raises StoreError when the file is no state of ours, damaged, or written by a newer rtmd.
    """
    connection: sqlite3.Connection | None = None
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, timeout=5)
        _check_version(connection, path)
        _configure(connection, path)
        connection.create_function("audit_hash", -1, audit_hash, deterministic=True)
        _migrate(connection)
    except (sqlite3.Error, OSError) as error:
        if connection is not None:
            connection.close()
        raise StoreError(f"{path}: cannot be used: {error}") from error
    except StoreError:
        if connection is not None:
            connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads; may be handed from thread to thread. The writer has to be open already."""
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5, check_same_thread=False
        )
        connection.execute("PRAGMA query_only=1")
        connection.execute("PRAGMA mmap_size=0")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    version = _pragma(connection, "user_version")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path}: written by a newer rtmd (schema {version}, this one knows up to {SCHEMA_VERSION}): "
            "run that version, or start with another state folder"
        )
    owner = _pragma(connection, "application_id")
    if owner not in (0, _APPLICATION_ID) or (owner == 0 and _pragma(connection, "schema_version") != 0):
        raise StoreError(f"{path}: a database of some other program")


def _configure(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA journal_mode=WAL").fetchone() != ("wal",):
        raise StoreError(f"{path}: this file system cannot keep a WAL database")
    for pragma in ("synchronous=FULL", "wal_autocheckpoint=0", "mmap_size=0", f"journal_size_limit={_WAL_BYTES}"):
        connection.execute(f"PRAGMA {pragma}")


def _migrate(connection: sqlite3.Connection) -> None:
    if _pragma(connection, "user_version") == SCHEMA_VERSION:
        return
    connection.executescript(
        f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id={_APPLICATION_ID}; "
        f"PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
    )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    row: tuple[int] = connection.execute(f"PRAGMA {name}").fetchone()
    return row[0]
