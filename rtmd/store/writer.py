"""Group commit: one thread owns the connection that writes, and callers wait on their own loops.

Who commits while the thread is idle is written at once; what queues up meanwhile becomes the next group, one
transaction. Commits reach the disk in the order in which they were asked for. The numbered cases of failure:

1. The disk is full, or a statement is refused: the group is rolled back and exactly its waiters get a StoreError;
   later commits are tried again.
2. An I/O error, or damage: the group's waiters get a *fatal* StoreError, and so does everybody after them. After a
   failed sync nobody knows what is on disk, and trying again would only seem to help.

Chores (pruning) run in small pieces, each its own transaction, only while nobody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from queue import Empty, SimpleQueue

from msgspec import Struct

from rtmd.errors import StoreError
from rtmd.store.rows import Statement
from rtmd.store.schema import open_writer

_GROUP_STATEMENTS = 5_000  # a longer group would keep its first waiter waiting
_CHECKPOINT_EVERY = 1_000  # statements; a few MiB of WAL
_PIECE = 500  # rows a chore deletes at a time

_FATAL = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN}


class _Commit(Struct, frozen=True):
    statements: list[Statement]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


def refused(error: StoreError) -> asyncio.Future[None]:
    """What a commit returns that was never queued."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_exception(error)
    return done


class GroupWriter:
    """The writer thread of one database. The constructor opens the file and raises its StoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.groups = 0
        self.commits = 0
        self.failures = 0
        self.fatal: StoreError | None = None
        self._queue: SimpleQueue[_Commit | None] = SimpleQueue()
        self._chores: deque[Statement] = deque()
        self._unchecked = 0
        self._closed = False
        opened: SimpleQueue[StoreError | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(opened,), name="rtmd-store", daemon=True)
        self._thread.start()
        error = opened.get()
        if error is not None:
            raise error

    def __repr__(self) -> str:
        state = "closed" if self._closed else "failed" if self.fatal else "open"
        return f"<GroupWriter {state}, {self.commits} commits in {self.groups} groups, {self.failures} failed>"

    def submit(self, statements: list[Statement]) -> asyncio.Future[None]:
        """Queue one commit; the future belongs to the calling loop."""
        if self._closed:
            return refused(StoreError(f"{self.path}: closed"))
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._queue.put(_Commit(statements, loop, done))
        return done

    def add_chores(self, chores: Iterable[Statement]) -> None:
        """Statements that are repeated while they change rows; the last parameter of each is the rows a piece."""
        self._chores.extend((sql, (*columns, _PIECE)) for sql, columns in chores)

    def close(self) -> None:
        """Commit what is queued, then close the file; idempotent. Blocks for as long as the disk takes."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self, opened: SimpleQueue[StoreError | None]) -> None:
        try:
            self._db = open_writer(self.path)
        except StoreError as error:
            opened.put(error)
            return
        opened.put(None)
        while self._turn():
            pass
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    def _turn(self) -> bool:
        try:
            first = self._queue.get(block=not self._chores)
        except Empty:
            self._do_chore()
            return True
        if first is None:
            return False
        group, more = self._gather(first)
        error = self._write([statement for commit in group for statement in commit.statements])
        self._count(group, error)
        _resolve(group, error)
        self._checkpoint()
        return more

    def _gather(self, first: _Commit) -> tuple[list[_Commit], bool]:
        group, size = [first], len(first.statements)
        while size < _GROUP_STATEMENTS:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                return group, False
            group.append(following)
            size += len(following.statements)
        return group, True

    def _write(self, statements: list[Statement]) -> StoreError | None:
        if self.fatal is not None or not statements:
            return self.fatal
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for sql, columns in statements:
                self._db.execute(sql, columns)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            return self._failed(error)
        self._unchecked += len(statements)
        return None

    def _failed(self, error: sqlite3.Error) -> StoreError:
        problem = StoreError(f"{self.path}: {error}", fatal=_is_fatal(error))
        problem.__cause__ = error
        if problem.fatal:
            self.fatal = problem
        else:
            self._unchecked = _CHECKPOINT_EVERY  # if the disk is full: a WAL that was moved is room to write in
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        return problem

    def _count(self, group: list[_Commit], error: StoreError | None) -> None:
        if error is None:
            self.groups += 1
            self.commits += len(group)
        else:
            self.failures += len(group)

    def _checkpoint(self) -> None:
        if self._unchecked < _CHECKPOINT_EVERY or self.fatal is not None:
            return
        try:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            # Full: the WAL keeps everything until a later one works. Anything worse is case 2.
            self._failed(error)
        self._unchecked = 0

    def _do_chore(self) -> None:
        sql, columns = self._chores[0]
        try:
            changed = 0 if self.fatal is not None else self._db.execute(sql, columns).rowcount
        except sqlite3.Error as error:
            self._failed(error)
            changed = 0
        self._unchecked += changed
        if changed <= 0:
            self._chores.popleft()
        self._checkpoint()


def _is_fatal(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    # No room for the shared-memory index is a full disk under another name.
    return code != sqlite3.SQLITE_IOERR_SHMSIZE and code & 0xFF in _FATAL


def _resolve(group: list[_Commit], error: StoreError | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for commit in group:
        by_loop.setdefault(commit.loop, []).append(commit.done)
    for loop, waiters in by_loop.items():
        with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, waiters, error)


def _settle(waiters: list[asyncio.Future[None]], error: StoreError | None) -> None:
    for waiter in waiters:
        if waiter.done():  # cancelled meanwhile
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
