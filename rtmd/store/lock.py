"""One daemon a state folder: an flock on the file `lock`, held for as long as the process lives.

The kernel lets go of it however the process ends, so there are no stale locks; the pid inside is for people only.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from rtmd.errors import StoreError


class StateLock:
    """The lock of a state folder (made with mode 0700 when it does not exist); raises StoreError naming who has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{folder}: the state folder cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise StoreError(f"{folder}: in use by another rtmd (pid {holder})") from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def __repr__(self) -> str:
        return f"<StateLock {self.folder} {'released' if self._file < 0 else 'held'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def release(self) -> None:
        """Let the next daemon in; idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
