"""What the terminal can do, and whether it is still there."""

from __future__ import annotations

import asyncio
import locale
import os
import select
import signal
import sys
from collections.abc import Callable


def speaks_unicode() -> bool:
    """The locale is UTF-8."""
    return locale.getpreferredencoding(do_setlocale=False).upper().replace("-", "") == "UTF8"


def unusable() -> str:
    """Why no screen can be drawn here; empty when one can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "rtmd tui needs a terminal"
    return "rtmd tui needs a terminal that can place text (TERM=dumb)" if os.environ.get("TERM") == "dumb" else ""


def resume_once(redraw: Callable[[], object]) -> None:
    """Take the terminal again only after it was given back; to be called on the loop, once Textual has the terminal.

    Textual answers every SIGCONT by opening the terminal anew, also where nothing had closed it: whoever is stopped
    (SIGSTOP) and goes on would have two threads that read keys, and leave the terminal raw. Then it is only redrawn.
    """
    suspend, resume = signal.getsignal(signal.SIGTSTP), signal.getsignal(signal.SIGCONT)
    given_back = False

    def suspended() -> None:
        nonlocal given_back
        given_back = True
        if callable(suspend):
            suspend(signal.SIGTSTP, None)

    def went_on() -> None:
        nonlocal given_back
        if given_back and callable(resume):
            resume(signal.SIGCONT, None)
        given_back = False
        redraw()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTSTP, suspended)
    loop.add_signal_handler(signal.SIGCONT, went_on)


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
