"""Runs one program: no shell, a body on stdin, a time limit for it and everything it started.

The program leads a process group of its own. When the time is up, or the caller is cancelled, the whole group is
killed. stdout and stderr are one pipe, kept up to a limit and read until the program has ended and, at most a
second longer, until nobody holds the other end: what it left running in the background does not hold us up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from io import FileIO

from msgspec import Struct

from rtmd.errors import PermanentError, RetryableError

OUTPUT_BYTES = 1024
_AFTER_THE_END = 1.0  # seconds


class Finished(Struct, frozen=True):
    """How a program ended: exit code (negative: the signal that killed it) and the first KiB of what it said."""

    code: int
    output: str

    def __str__(self) -> str:
        how = f"exit {self.code}" if self.code >= 0 else f"killed by signal {-self.code}"
        said = self.output.strip().splitlines()
        return f"{how}: {said[-1][:200]}" if said else how


async def run_program(argv: Sequence[str], body: bytes, *, timeout_ms: int) -> Finished:
    """Run to the end. PermanentError when it cannot be started, RetryableError when the time is up."""
    process, pipe = await _start(argv, body)
    try:
        async with _reading(pipe) as said:
            async with asyncio.timeout(timeout_ms / 1000):
                code = await process.wait()
            await said.rest()
    except TimeoutError:
        await _kill_group(process)
        raise RetryableError(f"{argv[0]}: not done within {timeout_ms / 1000:g} s, killed") from None
    except asyncio.CancelledError:
        await _kill_group(process)
        raise
    return Finished(code, said.kept.decode("utf-8", "replace"))


async def _start(argv: Sequence[str], body: bytes) -> tuple[Process, FileIO]:
    """The process, and our end of the pipe that it writes to."""
    ours, theirs = os.pipe()
    pipe = FileIO(ours)
    # A file in memory, not a pipe: nobody has to feed it, and the program need not read it.
    with FileIO(os.memfd_create("body"), "r+") as stdin:
        os.write(stdin.fileno(), body)
        stdin.seek(0)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=stdin.fileno(), stdout=theirs, stderr=theirs, start_new_session=True
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL, or a string that is not Unicode
            pipe.close()
            reason = error.strerror if isinstance(error, OSError) else "an argument cannot be passed on"
            raise PermanentError(f"{argv[0]}: cannot be started: {reason}") from error
        except asyncio.CancelledError:  # the program may run already; asyncio kills it
            pipe.close()
            raise
        finally:
            os.close(theirs)
    return process, pipe


class _Said(asyncio.Protocol):
    """Takes in what the program writes; `kept` has the first of it."""

    def __init__(self) -> None:
        self.kept = b""
        self._ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.kept += data[: OUTPUT_BYTES - len(self.kept)]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        self._ended.set()

    async def rest(self) -> None:
        """Wait for the end, but not for what runs on in the background."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_AFTER_THE_END):
                await self._ended.wait()


@contextlib.asynccontextmanager
async def _reading(pipe: FileIO) -> AsyncIterator[_Said]:
    transport, said = await asyncio.get_running_loop().connect_read_pipe(_Said, pipe)
    try:
        yield said
    finally:
        transport.close()


async def _kill_group(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_AFTER_THE_END):
            await process.wait()
