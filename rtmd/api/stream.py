"""The event stream: one picture at the start, then what changed, to every reader at its own pace.

The daemon calls `Hub.touched` and `Hub.beat` from its step; both only note something down. Each reader has its
own task, which writes to it and waits for it; nothing else ever does.

* State, not events: a reader's backlog is a set of firing ids. Whatever happened to a firing while the reader was
  busy, it gets the firing as it is when its turn comes (latest wins). Over MOST_DIRTY ids it gets a new snapshot.
  Marks are the exception: they never change, and each is sent once.
* Flushes are shared: the first touch after a quiet time goes out at once, later ones at most ten times a second,
  and readers that keep up are sent the same encoded bytes.
* `seq` rises by one a message. Each reader starts at a thousand million of its own, so that an id `epoch:seq`
  names the reader and the message. `Last-Event-ID` resumes (no snapshot, same numbering) exactly when that message
  was the last one that was sent and nothing was touched since; otherwise there is a snapshot.
* A reader that does not read for `patience` seconds is dropped.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from rtmd.api.auth import Caller
from rtmd.api.desk import Desk
from rtmd.wire import STREAM_BEAT, STREAM_CHANGES, STREAM_SNAPSHOT, FiringView
from rtmd.wire.marks import MarkView
from rtmd.wire.watchers import WatcherView

MOST_READERS = 64
MOST_DIRTY = 5_000
MOST_MARKS = 500
MARKS_SHOWN = 24 * 3_600_000  # ms that a snapshot looks back for marks

_APART = 1_000_000_000
_PIECE = 64 * 1024  # how much is written between two looks at whether the reader reads
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_NONE: frozenset[str] = frozenset()


class Reader:
    """What one reader has still to be sent."""

    def __init__(self, caller: Caller, seq: int, since: int) -> None:
        self.caller = caller
        self.since = since  # wall time
        self.seq = seq  # of the message sent last
        self.seen = 0  # touches it knows about
        self.dirty = _NONE
        self.marks: list[MarkView] = []
        self.whole = True  # it needs a snapshot
        self.beat = False
        self.closed = False
        self.woken = asyncio.Event()

    def __repr__(self) -> str:
        backlog = "snapshot" if self.whole else f"{len(self.dirty)} dirty"
        return f"<Reader {self.caller.name} at {self.seq}, {backlog}{', closed' if self.closed else ''}>"

    def add(self, ids: frozenset[str], marks: Sequence[MarkView] = ()) -> None:
        """These firings changed, and these marks were made."""
        # A reader without a backlog shares the set, and so the bytes, with all others of its kind.
        self.dirty = self.dirty | ids if self.dirty else ids
        self.marks += marks
        if len(self.dirty) > MOST_DIRTY or len(self.marks) > MOST_MARKS:
            self.whole = True
        self.woken.set()

    def beats(self) -> None:
        """A proof of life is due."""
        self.beat = True
        self.woken.set()

    def close(self) -> None:
        """Nothing more is wanted."""
        self.closed = True
        self.woken.set()

    async def ready(self) -> bool:
        """Wait until there is something to send; False: it is over."""
        if not (self.whole or self.closed):
            await self.woken.wait()
        self.woken.clear()
        return not self.closed


class Hub:
    """All readers of the stream. `every` and `patience` are seconds."""

    def __init__(self, desk: Desk, *, every: float = 0.1, patience: float = 30.0) -> None:
        self._desk = desk
        self._every = every
        self._patience = patience
        self._readers: set[Reader] = set()
        self._joined = 0
        self._left: dict[int, int] = {}  # seq of the last message → touches seen, of readers that went away
        self._touches = 0
        self._flushed = 0  # touches that are in the readers' backlogs
        self._fresh: set[str] = set()
        self._marks: list[MarkView] = []  # fresh ones
        self._flush_timer: asyncio.TimerHandle | None = None
        self._next_flush = 0.0
        self._shared: tuple[frozenset[str], list[str], bytes] = (_NONE, [], b"[]")
        self._status = b""
        self._closed = False

    def __repr__(self) -> str:
        return f"<Hub {len(self._readers)} readers, {len(self._fresh)} fresh, {self._touches} touches>"

    def touched(self, ids: Iterable[str]) -> None:
        """What screens show of these firings changed, or they are gone. Cheap; sends nothing itself."""
        self._touches += 1
        if not self._readers:
            return
        self._fresh.update(ids)
        self._flush_soon()

    def marked(self, mark: MarkView) -> None:
        """Something was reported. Cheap; sends nothing itself."""
        self._touches += 1
        if self._readers:
            self._marks.append(mark)
            self._flush_soon()

    def beat(self) -> None:
        """Show every reader that the daemon lives; to be called each second."""
        if not self._readers:
            return
        self._status = msgspec.json.encode(self._desk.status())
        for reader in self._readers:
            reader.beats()

    def watching(self) -> list[WatcherView]:
        """Who reads, by name."""
        screens: defaultdict[str, list[Reader]] = defaultdict(list)
        for reader in self._readers:
            screens[reader.caller.name].append(reader)
        return [_watcher(name, screens[name]) for name in sorted(screens)]

    def close(self) -> None:
        """End all streams and accept no more."""
        self._closed = True
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        for reader in self._readers:
            reader.close()

    def join(self, caller: Caller, last_id: str = "") -> Reader:
        """A new reader, or one that goes on where it was; HTTPException 503 when there are too many."""
        if self._closed or len(self._readers) >= MOST_READERS:
            why = "rtmd is stopping" if self._closed else f"{MOST_READERS} readers are connected already"
            raise HTTPException(503, why, {"Retry-After": "5"})
        self._joined += 1
        reader = Reader(caller, self._joined * _APART, self._desk.wall())
        resumed = self._resumable(last_id)
        if resumed is not None:
            reader.seq, reader.seen, reader.whole = resumed, self._touches, False
            self._status = msgspec.json.encode(self._desk.status())
            reader.beats()
        self._readers.add(reader)
        return reader

    def leave(self, reader: Reader) -> None:
        """The reader is gone; what it knows is remembered for a while."""
        self._readers.discard(reader)
        if not (reader.whole or reader.dirty or reader.marks):
            self._left[reader.seq] = reader.seen
        while len(self._left) > MOST_READERS:
            del self._left[next(iter(self._left))]

    def take(self, reader: Reader) -> Iterator[tuple[bytes, ...]]:
        """The messages that are due to this reader, each as pieces of bytes to write one after the other."""
        if reader.whole:
            yield self._snapshot(reader)
        elif reader.dirty or reader.marks:
            yield self._changes(reader)
        if reader.beat:
            reader.beat = False
            yield self._message(STREAM_BEAT, reader, {}, "status", self._status)

    def _snapshot(self, reader: Reader) -> tuple[bytes, ...]:
        reader.whole, reader.dirty, reader.seen = False, _NONE, self._touches
        reader.marks = []
        status, caller = self._desk.status(), reader.caller
        head = {"epoch": self._desk.epoch, "status": status, "you": caller.name, "role": caller.role}
        head["marks"] = self._desk.marks(status.wall - MARKS_SHOWN)[-MOST_MARKS:]
        return self._message(STREAM_SNAPSHOT, reader, head, "firings", _encode(self._desk.firings()))

    def _changes(self, reader: Reader) -> tuple[bytes, ...]:
        dirty, reader.dirty, reader.seen = reader.dirty, _NONE, self._flushed
        if dirty is not self._shared[0]:
            firings = self._desk.firings(dirty)
            gone = sorted(dirty.difference(firing.id for firing in firings))
            self._shared = (dirty, gone, _encode(firings))
        _, gone, encoded = self._shared
        marks, reader.marks = reader.marks, []
        return self._message(STREAM_CHANGES, reader, {"gone": gone, "marks": marks}, "firings", encoded)

    def _message(
        self, event: str, reader: Reader, head: Mapping[str, object], name: str, encoded: bytes
    ) -> tuple[bytes, ...]:
        """One server-sent event; `encoded` becomes the last member of the object, uncopied."""
        reader.seq += 1
        opened = msgspec.json.encode({"seq": reader.seq, **head})[:-1]
        lines = f"event: {event}\nid: {self._desk.epoch}:{reader.seq}\ndata: ".encode()
        return lines + opened + f',"{name}":'.encode(), encoded, b"}\n\n"

    def _resumable(self, last_id: str) -> int | None:
        epoch, _, number = last_id.rpartition(":")
        if epoch != self._desk.epoch or not number.isdecimal():
            return None
        seen = self._left.pop(int(number), None)
        return int(number) if seen == self._touches else None

    def _flush_soon(self) -> None:
        if self._flush_timer is None:
            loop = asyncio.get_running_loop()
            self._flush_timer = loop.call_at(max(loop.time(), self._next_flush), self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        self._next_flush = asyncio.get_running_loop().time() + self._every
        fresh, self._fresh = frozenset(self._fresh), set()
        marks, self._marks = self._marks, []
        self._flushed = self._touches
        for reader in self._readers:
            reader.add(fresh, marks)

    async def serve(self, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a GET of the stream: write until the reader goes away, stops reading, or the hub closes."""
        reader = self.join(caller, Headers(scope=scope).get("last-event-id", ""))
        leaving = asyncio.create_task(_watch(receive, reader))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            while await reader.ready():
                for pieces in self.take(reader):
                    await self._write(pieces, send)
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            scope["state"]["abort"]()  # closing would wait for buffers that nobody empties
            await leaving
        finally:
            leaving.cancel()
            self.leave(reader)

    async def _write(self, pieces: Iterable[bytes], send: Send) -> None:
        for piece in pieces:
            for start in range(0, len(piece), _PIECE):
                async with asyncio.timeout(self._patience):
                    body = piece[start : start + _PIECE]
                    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _watch(receive: Receive, reader: Reader) -> None:
    """Close the reader when its connection ends."""
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.close()


def _watcher(name: str, screens: Sequence[Reader]) -> WatcherView:
    origins = sorted({each.caller.origin for each in screens})
    return WatcherView(name, min(each.since for each in screens), origins, len(screens))


def _encode(firings: list[FiringView]) -> bytes:
    return msgspec.json.encode(firings)
