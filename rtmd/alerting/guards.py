"""What a silence would hide, and when that has to be meant (semantics S4): pure, asked before anything is done.

Counted in open firings at the moment of asking, whatever else mutes them. An edit that hides no more than before, for
no longer, needs no second thought.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from rtmd.alerting.exposed import exposed
from rtmd.alerting.silences import about
from rtmd.model.firing import Firing
from rtmd.model.inputs import SilenceSet
from rtmd.model.rule import HOUR, Severity, StageName
from rtmd.model.silence import Silence, SilenceState

MANY = 10  # firings, where they are more than a quarter of all
TOO_MANY = 50
LONG = 7 * 24 * HOUR


class Weight(Struct, frozen=True):
    """What a silence hides: so many of the open firings, of them so many critical ones at `hours`, how long (ms)."""

    matches: int
    of: int
    critical: int
    length: int

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it has to be confirmed; nothing where it has not."""
        found = []
        if self.matches > TOO_MANY or (self.matches >= MANY and self.matches * 4 > self.of):
            found.append(f"hides {self.matches} of {self.of} open firings")
        if self.critical:
            found.append("hides something critical at hours")
        if self.length > LONG:
            found.append("lasts over 7 days")
        return tuple(found)


def weigh(wanted: SilenceSet, firings: Iterable[Firing], wall: int) -> Weight:
    """What this silence would hide."""
    covers = about(wanted.matchers)
    is_open = [firing for firing in firings if firing.open]
    hit = [firing for firing in is_open if covers(exposed(firing))]
    return Weight(
        matches=len(hit),
        of=len(is_open),
        critical=sum(map(grave, hit)),
        length=wanted.ends_at - max(wanted.starts_at, wall),
    )


def grave(firing: Firing) -> bool:
    """Critical at `hours`: what nobody hides by the way."""
    return firing.severity is Severity.CRITICAL and firing.stage is StageName.HOURS


def widens(wanted: SilenceSet, old: Silence | None, wall: int) -> bool:
    """Whether this hides more than the silence it edits did, or for longer."""
    if old is None or old.state(wall) is SilenceState.EXPIRED:
        return True
    return tuple(sorted(wanted.matchers)) != old.matchers or wanted.ends_at > old.ends_at
