"""Runs one program: no shell, a body on stdin, a time limit for it and everything it started.

The program leads a process group of its own. When the time is up, or the caller is cancelled, the whole group is
killed. stdout and stderr are one stream, read to its end and kept up to a limit, so a program that leaves something
running in the background has to give it another stdout.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Sequence
from dataclasses import dataclass

from rtmd.errors import PermanentError, RetryableError

OUTPUT_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended: exit code (negative: the signal that killed it) and the first KiB of what it said."""

    code: int
    output: str

    def __str__(self) -> str:
        how = f"exit {self.code}" if self.code >= 0 else f"killed by signal {-self.code}"
        said = self.output.strip().splitlines()
        return f"{how}: {said[-1][:200]}" if said else how


async def run_program(argv: Sequence[str], body: bytes, *, timeout_ms: int) -> Finished:
    """Run to the end. PermanentError when it cannot be started, RetryableError when the time is up."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=PIPE, stdout=PIPE, stderr=STDOUT, start_new_session=True
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL, or a string that is not Unicode
        reason = error.strerror if isinstance(error, OSError) else "an argument cannot be passed on"
        raise PermanentError(f"{argv[0]}: cannot be started: {reason}") from error
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            output, _ = await asyncio.gather(_read(process), _feed(process, body))
            code = await process.wait()
    except TimeoutError:
        await _kill_group(process)
        raise RetryableError(f"{argv[0]}: not done within {timeout_ms / 1000:g} s, killed") from None
    except asyncio.CancelledError:
        await _kill_group(process)
        raise
    return Finished(code, output.decode("utf-8", "replace"))


async def _read(process: Process) -> bytes:
    kept = b""
    while process.stdout and (chunk := await process.stdout.read(65536)):
        kept += chunk[: OUTPUT_BYTES - len(kept)]
    return kept


async def _feed(process: Process, body: bytes) -> None:
    if process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not read
        process.stdin.write(body)
        await process.stdin.drain()
    process.stdin.close()


async def _kill_group(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # Whoever left the group may hold stdout open for ever: that is not waited for.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await process.wait()
