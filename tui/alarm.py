"""When the terminal's bell rings: for a critical firing that is new and nobody's, at most once in ten seconds.

What there was when the screen opened is no news, nor what only changed. One that was somebody's and is nobody's again
rings as a new one does. Pure: `mono` is monotonic ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec import Struct

from rtmd.wire import Beat, Changes, FiringView, Snapshot
from tui.picture import Message
from tui.states import Condition, condition

QUIET = 10_000


class Alarm(Struct):
    """The critical firings that nobody has, as far as the stream said."""

    waiting: set[str] | None = None  # None: nothing was heard yet
    _quiet_until: int = 0

    def hear(self, message: Message, mono: int) -> bool:
        """Whether what the stream says is a reason to ring now."""
        before = self.waiting
        match message:
            case Snapshot():
                self.waiting = _alarming(message.firings)
            case Changes():
                told = {one.id for one in message.firings}
                self.waiting = ((before or set()) - told - set(message.gone)) | _alarming(message.firings)
            case Beat():
                return False
            case _:
                assert_never(message)
        if before is None or self.waiting <= before or mono < self._quiet_until:
            return False
        self._quiet_until = mono + QUIET
        return True


def _alarming(firings: Iterable[FiringView]) -> set[str]:
    return {one.id for one in firings if one.severity == "critical" and condition(one) is Condition.NEW}
