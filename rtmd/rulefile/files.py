"""Rule files on disk: which files of a folder are rules, read with care. The only I/O of this room.

Regular files `*.toml` in the folder and below, following links to them; not rule tests (`*.test.toml`), nor what
editors leave behind, nor hidden folders (Kubernetes keeps `..data` there), nor sub-folders with a file `.rtmdignore`
in them (rules that stand by, or belong to another daemon). No more than the allowed size is read; pipes and devices
are never waited for.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rtmd.errors import FileErrors, Located
from rtmd.rulefile.document import MAX_BYTES

_DEPTH = 16
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV})  # ENXIO: a socket
IGNORE = ".rtmdignore"
_LEFTOVERS = ("~", ".swp", "#")


def is_rule_file(name: str) -> bool:
    """Whether a file of this name holds rules."""
    leftover = name.startswith((".", "#")) or name.endswith(_LEFTOVERS)
    return name.endswith(".toml") and not name.endswith(".test.toml") and not leftover


def read_rule_files(paths: Iterable[Path]) -> Mapping[str, bytes]:
    """Path → content of the rule files in these folders (or of these files themselves), sorted by path.

    A file over the size limit comes with one byte more than is allowed, so that loading refuses it. What vanishes
    while reading, leads nowhere or is no file is left out. FileErrors names what is there and cannot be read (for want
    of permission above all): whoever runs rules keeps the ones it has.
    """
    found: dict[str, bytes] = {}
    problems: list[Located] = []
    for path in paths:
        at = path
        try:
            for at in _walk(path, 0) if path.is_dir() else iter([path]):
                content = _read(at)
                if content is not None:
                    found[str(at)] = content
        except OSError as error:
            problems.append(Located(error.filename or str(at), 0, 0, f"cannot be read: {error.strerror}"))
    if problems:
        raise FileErrors(tuple(problems))
    return dict(sorted(found.items()))


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth < _DEPTH and not entry.name.startswith(".") and not (folder / entry.name / IGNORE).exists():
                yield from _walk(folder / entry.name, depth + 1)
        elif is_rule_file(entry.name):
            yield folder / entry.name


def _read(file: Path) -> bytes | None:
    try:
        # Without O_NONBLOCK, opening a pipe would wait for its other end.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise
    with open(descriptor, "rb") as stream:  # noqa: PTH123  # the descriptor is what was checked
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return stream.read(MAX_BYTES + 1)
