"""The circuit breaker of one destination: whether it is worth trying.

    closed     everything is tried
    open       it has failed over and over: nobody tries but one message, the probe, at the times of its own retries
    half-open  the probe is under way

A circuit opens after FAILURES attempts in a row have failed over at least SPAN (one burst that fails at once is one
observation, not sixteen), and closes with the first answer. A refusal is an answer: who refuses one message is there.
Transitions are data; an event that a state does not know leaves it as it is. Pure: the time (engine, ms) is an
argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

FAILURES = 5
SPAN = 10_000


class Circuit(StrEnum):
    """The states."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Event(StrEnum):
    """What can happen to it."""

    ANSWERED = "answered"
    TRIPPED = "tripped"  # a failure that makes it too many
    FAILED = "failed"
    PROBED = "probed"


TRANSITIONS: Mapping[Circuit, Mapping[Event, Circuit]] = {
    Circuit.CLOSED: {Event.TRIPPED: Circuit.OPEN},
    Circuit.OPEN: {Event.PROBED: Circuit.HALF_OPEN, Event.ANSWERED: Circuit.CLOSED},
    Circuit.HALF_OPEN: {
        Event.TRIPPED: Circuit.OPEN,
        Event.FAILED: Circuit.OPEN,
        Event.ANSWERED: Circuit.CLOSED,
    },
}


class Breaker:
    """The circuit of one destination: so many `failures` in a row, the first of them at `failing_since`.

    `probe` is the key of the message that alone may go out while the circuit is not closed.
    """

    def __init__(self) -> None:
        self.circuit = Circuit.CLOSED
        self.failures = 0
        self.failing_since: int | None = None
        self.probe = ""

    def __repr__(self) -> str:
        return f"<Breaker {self.circuit}, {self.failures} failures>"

    def lets(self, key: str) -> bool:
        """Whether this message may be tried now; without a probe it becomes the probe."""
        if self.circuit is Circuit.CLOSED:
            return True
        self.probe = self.probe or key
        if self.probe != key:
            return False
        self._on(Event.PROBED)
        return True

    def failed(self, key: str, at: int) -> None:
        """An attempt failed; whoever trips it is the probe."""
        self.failures += 1
        if self.failing_since is None:
            self.failing_since = at
        if self.failures >= FAILURES and at - self.failing_since >= SPAN:
            self.probe = self.probe or key
            self._on(Event.TRIPPED)
        elif self.probe == key:
            self._on(Event.FAILED)

    def answered(self) -> None:
        """Somebody is there."""
        self.failures, self.failing_since, self.probe = 0, None, ""
        self._on(Event.ANSWERED)

    def left(self, key: str) -> None:
        """This message is tried no more; if it was the probe, another one may be."""
        if self.probe == key:
            self.probe = ""

    def _on(self, event: Event) -> None:
        self.circuit = TRANSITIONS[self.circuit].get(event, self.circuit)
