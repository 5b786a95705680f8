"""The outside world on one page: what the shell injects and tests replace (`tests/fakes.py` implements each).

Everything here is asynchronous or cheap; nothing here decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from rtmd.formats.batch import Ids, SampleBatch
from rtmd.model.effects import Durable
from rtmd.model.firing import Firing
from rtmd.model.inputs import Restored
from rtmd.model.labels import Labels
from rtmd.model.reaction import ActionRun, Notification


class Clock(Protocol):
    """The engine's clock and the people's clock, both in ms since the epoch."""

    def now(self) -> int:
        """Engine time: wall time at start plus monotonic time since; never backwards."""
        ...

    def wall(self) -> int:
        """Wall time: what people's deadlines follow."""
        ...


# How a source hands over one atomic batch: (source name, batch).
Emit: TypeAlias = Callable[[str, SampleBatch], None]


class Source(Protocol):
    """Something that brings samples in by itself."""

    name: str

    async def run(self, emit: Emit) -> None:
        """Emit batches until cancelled. Errors of the far side are counted and shown, never raised."""
        ...


class ConfiguredSource(Source, Protocol):
    """A source of rtmd.toml: it can be looked at, replaced and removed while the daemon runs."""

    errors: Counter[str]  # what went wrong, by reason; it only grows

    @property
    def last_error(self) -> str:
        """What is wrong now; empty while all is well."""
        ...

    def live(self) -> Ids:
        """Series that end when the source does: nobody else continues them."""
        ...

    def adopt(self, series: Ids) -> None:
        """Series of a predecessor of the same name: continue or end them."""
        ...


class Receiver(Protocol):
    """Something that takes notifications."""

    name: str

    async def send(self, notification: Notification) -> None:
        """Deliver one; raises RetryableError or PermanentError."""
        ...


class ActionRunner(Protocol):
    """Runs actions and their reversals."""

    async def run(self, run: ActionRun, firing: Firing | None, *, undo: bool) -> str:
        """Run to the end and return what it said (at most 1 KiB).

        Raises PermanentError or UnreachedError when it failed, another RetryableError where it may have been done.
        """
        ...


class Correlator(Protocol):
    """Finds where rules meet: a correlation is a set of rules, a place a label set (`alerting.correlation`).

    It is told of each rule at each place once, and once more when it leaves; all of its verbs are synchronous.
    """

    @property
    def name(self) -> str:
        """What it is, as the status shows it."""
        ...

    def watch(self, correlation: str, rules: Sequence[str]) -> None:
        """Begin: nothing is there yet."""
        ...

    def unwatch(self, correlation: str) -> None:
        """Forget a correlation and everything that is there."""
        ...

    def come(self, correlation: str, rule: str, place: Labels) -> None:
        """One of its rules is at a place now, and was not before."""
        ...

    def leave(self, correlation: str, rule: str, place: Labels) -> None:
        """One of its rules was at a place, and is no more."""
        ...

    def meet(self, correlation: str, place: Labels) -> bool:
        """Whether all of its rules are at a place."""
        ...


class OutboxRow(Struct, frozen=True):
    """A notification that nobody has confirmed yet: `attempts` made so far, next one due at wall time `due`."""

    notification: Notification
    attempts: int
    due: int


class DeadLetter(Struct, frozen=True):
    """A notification that was given up, and why."""

    notification: Notification
    attempts: int
    error: str


class Store(Protocol):
    """The durable state: one writer, one transaction a commit."""

    def commit(self, effects: Sequence[Durable]) -> Awaitable[None]:
        """Resolves when everything is on disk; commits queued meanwhile share the next transaction."""
        ...

    def restore(self) -> Restored:
        """What the last run left behind."""
        ...

    def outbox(self) -> tuple[OutboxRow, ...]:
        """Notifications still to be delivered, oldest first per receiver."""
        ...

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """The latest notifications that were given up, newest first."""
        ...

    def confirm(self, key: str) -> Awaitable[None]:
        """A receiver took this notification."""
        ...

    def postpone(self, key: str, *, attempts: int, due: int, error: str) -> Awaitable[None]:
        """It did not; try again at wall time `due`."""
        ...

    def bury(self, key: str, *, error: str) -> Awaitable[None]:
        """It never will: a dead letter, kept and shown."""
        ...


class LoggedBatch(Struct, frozen=True):
    """One entry of the sample log: arrived at engine time `at` from `source`."""

    at: int
    source: str
    batch: SampleBatch
