"""`Readers`: a few reader processes, started when somebody asks, and ended when they take too long.

At most two queries are read at a time, and some more may wait; a reader that was killed, that ran out of time or grew
large is replaced at the next question. A question is answered once and never tried again: it may be what
killed its reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from rtmd.api.questions import Answer, Question
from rtmd.runtime.reader import HEAD, Reply, frame

AT_ONCE = 2
WAITING = 50
LONGEST = 120.0  # seconds, as in Prometheus
LARGE = 128 * 1024**2  # bytes that a reader may hold on to after its answer
_PIECE = 256 * 1024

_replies = msgspec.msgpack.Decoder(Reply)


class Readers:
    """Answers questions about the samples in a state folder."""

    def __init__(self, folder: Path, *, at_once: int = AT_ONCE, waiting: int = WAITING, large: int = LARGE) -> None:
        self._folder = folder
        self._seats = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._large = large
        self._here = 0
        self._idle: list[Process] = []
        self._ending: set[asyncio.Task[int]] = set()

    def __repr__(self) -> str:
        return f"<Readers {len(self._idle)} idle, {self._here} questions>"

    async def answer(self, question: Question, seconds: float) -> Answer:
        """The answer, or the error that says why there is none within `seconds`."""
        if self._here >= self._most:
            return Answer(error_type="unavailable", error="too many queries wait already; try again")
        self._here += 1
        where = "query queue"
        try:
            async with asyncio.timeout(min(seconds, LONGEST)), self._seats:
                where = "expression evaluation"
                return await self._ask(question)
        except TimeoutError:
            return Answer(error_type="timeout", error=f"query timed out in {where}")
        except (OSError, EOFError):
            return Answer(error_type="internal", error="the query ended the process that read it (out of memory?)")
        finally:
            self._here -= 1

    async def stop(self) -> None:
        """End all of them."""
        while self._idle:
            self._end(self._idle.pop())
        await asyncio.gather(*self._ending)

    async def _ask(self, question: Question) -> Answer:
        process = await self._free()
        try:
            reply = await _exchange(process, question)
        except BaseException:
            self._end(process)
            raise
        if reply.spent:
            self._end(process)
        else:
            self._idle.append(process)
        return reply.answer

    async def _free(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
        argv = [sys.executable, "-P", "-X", "utf8", "-m", "rtmd.runtime.reader", str(self._folder), str(self._large)]
        # A session of its own: Ctrl-C at the terminal is for the daemon, which ends its readers itself.
        return await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, start_new_session=True)

    def _end(self, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        ending = asyncio.create_task(process.wait())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


async def _exchange(process: Process, question: Question) -> Reply:
    assert process.stdin is not None  # noqa: S101  # they are pipes
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(frame(msgspec.msgpack.encode(question)))
    await process.stdin.drain()
    reply = _replies.decode(await process.stdout.readexactly(await _length(process.stdout)))
    data = tuple([piece async for piece in _pieces(process.stdout)])
    return Reply(msgspec.structs.replace(reply.answer, data=data), reply.spent)


async def _pieces(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The data as they come: to lay 60 MB side by side would hold up the loop."""
    left = await _length(stream)
    while left:
        piece = await stream.read(min(left, _PIECE))
        if not piece:
            raise EOFError
        left -= len(piece)
        yield piece


async def _length(stream: asyncio.StreamReader) -> int:
    return int.from_bytes(await stream.readexactly(HEAD), "little")
