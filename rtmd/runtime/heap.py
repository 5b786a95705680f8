"""What the C library's allocator is told at the start: give memory back.

Windows, posts and flushes are large pieces of memory that come and go. Left alone, glibc learns from each one that was
freed to keep pieces of that size (up to 32 MB) for itself, and each thread that ever wrote the sample log keeps as much
for itself again: at 30,000 series that was a fifth of the process. So large pieces are mappings of their own, which go
back when they are freed, and threads share one heap; they rarely ask at the same time.

Other C libraries have no such settings, and need none.
"""

from __future__ import annotations

import ctypes

_TRIM, _MAP, _ARENAS = -1, -3, -8  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX in malloc.h
_LARGE = 2 << 20  # bytes of a piece that is mapped by itself; the columns of a tick over 200,000 series are smaller
_SPARE = 8 << 20  # bytes at the end of the heap that may stay: what every tick asks for again


def give_back() -> bool:
    """Tell it; False where it does not listen. For the whole process, so best before there are threads."""
    try:
        tell = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return all(tell(setting, value) for setting, value in ((_ARENAS, 1), (_MAP, _LARGE), (_TRIM, _SPARE)))
