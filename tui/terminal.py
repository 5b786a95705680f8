"""What the terminal can do, and whether it is still there."""

from __future__ import annotations

import locale
import os
import select
import sys


def speaks_unicode() -> bool:
    """The locale is UTF-8."""
    return locale.getpreferredencoding(do_setlocale=False).upper().replace("-", "") == "UTF8"


def unusable() -> str:
    """Why no screen can be drawn here; empty when one can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "rtmd tui needs a terminal"
    return "rtmd tui needs a terminal that can place text (TERM=dumb)" if os.environ.get("TERM") == "dumb" else ""


def hung_up(descriptor: int) -> bool:
    """The other end of the terminal is gone, though no signal said so (nohup, a half-dead ssh).

    Without this check a screen whose input is at its end spins.
    """
    poll = select.poll()
    try:
        poll.register(descriptor, select.POLLHUP | select.POLLERR | select.POLLNVAL)
        return bool(poll.poll(0))
    except OSError:
        return True
