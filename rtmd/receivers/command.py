"""Runs a program for each notification, the documented JSON body on its stdin.

Exit codes, after sysexits(3):

1. 0: taken.
2. 64 (usage), 65 (bad input), 77 (no permission), 78 (configuration), 126 and 127 (cannot be run): it never will.
3. Everything else, 75 (try again later) above all, death by a signal and the end of the time limit: it may later.
   Most programs exit with 1 when the network is away, and a notification is not to be lost over that.
"""

from __future__ import annotations

from rtmd.config import CommandReceiver
from rtmd.errors import PermanentError, RetryableError
from rtmd.model.reaction import Notification
from rtmd.receivers.body import notification_body
from rtmd.receivers.program import run_program

_NEVER = frozenset({64, 65, 77, 78, 126, 127})


class Command:
    """A command receiver; `send` raises RetryableError or PermanentError."""

    def __init__(self, config: CommandReceiver) -> None:
        self.name = config.name
        self._argv = config.argv
        self._timeout = config.timeout

    def __repr__(self) -> str:
        return f"<Command {self.name} → {self._argv[0]}>"

    async def send(self, notification: Notification) -> None:
        """Run the program once; returns when it exits with 0."""
        finished = await run_program(self._argv, notification_body(notification), timeout_ms=self._timeout)
        if finished.code == 0:
            return
        problem = f"{self._argv[0]}: {finished}"
        raise PermanentError(problem) if finished.code in _NEVER else RetryableError(problem)
