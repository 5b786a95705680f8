"""Opening a rule file in the operator's own editor, at its line.

Only where the file that the daemon means is on this machine: device and inode of the path have to be those that the
daemon sees. A socket may be forwarded from elsewhere, and a path there may be another file here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rtmd.wire.rules import RuleFileView

# These want FILE:LINE; all others understand `+LINE FILE`, as vi does.
_COLON = frozenset({"hx", "helix", "subl", "zed"})
_GOTO = frozenset({"code", "codium", "code-insiders", "cursor"})


def command(environ: Mapping[str, str], path: str, line: int) -> list[str]:
    """What to run: $VISUAL, else $EDITOR, else vi. ValueError where that is no command line."""
    wanted = environ.get("VISUAL") or environ.get("EDITOR") or "vi"
    argv = shlex.split(wanted)
    if not argv:
        raise ValueError("$EDITOR is empty")
    name = Path(argv[0]).name
    if line < 1:
        return [*argv, path]
    if name in _COLON:
        return [*argv, f"{path}:{line}"]
    if name in _GOTO:
        return [*argv, "--wait", "--goto", f"{path}:{line}"]
    return [*argv, f"+{line}", path]


def elsewhere(file: RuleFileView) -> str:
    """Why this file cannot be opened from here; empty when it can."""
    try:
        found = Path(file.path).stat()
    except OSError:
        return "it is on the daemon's machine, not on this one"
    same = (found.st_dev, found.st_ino) == (file.device, file.inode)
    return "" if same else "what has this path here is another file than the daemon's"


def content(path: str) -> bytes:
    """What is in the file; nothing where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


async def run(argv: Sequence[str]) -> int:
    """Run the editor in the terminal until it ends; its exit code. OSError where it cannot be started."""
    with _interrupts_are_its_own():
        process = await asyncio.create_subprocess_exec(*argv, env=os.environ.copy())
        return await process.wait()


@contextlib.contextmanager
def _interrupts_are_its_own() -> Iterator[None]:
    """ctrl+c in the editor reaches everything on the terminal: the screen has to outlive it.

    With a handler instead of being ignored: what is started would go on ignoring it.
    """
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
