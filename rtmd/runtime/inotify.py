"""Being told by the kernel that something in folders changed: inotify, which the standard library does not have.

A hint and nothing more: `noticed` is called on the loop once for all that was waiting to be read. A watch belongs to
a folder and not to its name, and not to what is below it; who wants to follow names says again and again which
folders stand under them now, and what is watched already costs a system call each.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

# <sys/inotify.h>
_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_ONLYDIR = 0x0100_0000
_CHANGES = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_READ = 64 * 1024  # bytes; what is left wakes the loop again

_libc = ctypes.CDLL(None, use_errno=True)


class Inotify:
    """Watches folders while it is entered; OSError where the kernel gives no more of these."""

    def __init__(self, noticed: Callable[[], None]) -> None:
        self._noticed = noticed
        self._watches: set[int] = set()
        self._descriptor = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def __repr__(self) -> str:
        return f"<Inotify {len(self._watches)} folders>"

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def watch(self, folders: Iterable[Path]) -> None:
        """Watch exactly these from now on, as far as they are there; OSError where the kernel allows no more."""
        before, self._watches = self._watches, set()
        full = False
        for folder in folders:
            watch = _libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _CHANGES | _ONLYDIR)
            if watch >= 0:
                self._watches.add(watch)
            else:
                full |= ctypes.get_errno() == errno.ENOSPC
        for gone in before - self._watches:  # of a folder that was deleted the kernel has let go by itself
            _libc.inotify_rm_watch(self._descriptor, gone)
        if full:
            raise OSError(errno.ENOSPC, "no more folders can be watched (fs.inotify.max_user_watches)")

    def _read(self) -> None:
        os.read(self._descriptor, _READ)
        self._noticed()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
