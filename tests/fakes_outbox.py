"""An outbox with everything it works with, on virtual time: what the tests of deliveries share."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field

from rtmd.errors import DeliveryError, RetryableError, StoreError
from rtmd.model.effects import Durable
from rtmd.model.firing import Firing
from rtmd.model.inputs import DeliveryDone, Restored, Undelivered
from rtmd.model.reaction import Alert, Notification, NotifyReason, Told
from rtmd.model.replace import replace
from rtmd.model.rule import Kind, Severity, StageName
from rtmd.ports import DeadLetter, OutboxRow
from rtmd.runtime.outbox import Outbox

START = 1_800_000_000_000
FIRING = Firing(
    id="f1",
    version=1,
    rule="r",
    labels=(),
    kind=Kind.HEALTH,
    title="t",
    severity=Severity.INFO,
    stage=StageName.SECONDS,
    stages=(),
    active_at=START,
    fired_at=START,
)


def note(key: str, receiver: str = "desk", firing: str = "f1", at: int = START) -> Notification:
    return about([firing], key, receiver, at)


def about(firings: Iterable[str], key: str, receiver: str = "desk", at: int = START) -> Notification:
    alerts = tuple(Alert(replace(FIRING, id=firing), Told.FIRING, 1, "") for firing in firings)
    return Notification(key, receiver, at, NotifyReason.FIRST, alerts)


class VirtualTime:
    """A clock whose sleepers wake when a test moves it."""

    def __init__(self) -> None:
        self.at = START
        self.sleepers: list[tuple[int, asyncio.Future[None]]] = []
        self.waits: list[float] = []

    def now(self) -> int:
        return self.at

    def wall(self) -> int:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.at + round(seconds * 1000), waiter))
        await waiter

    async def advance(self, milliseconds: int) -> None:
        end = self.at + milliseconds
        await settle()
        while due := [sleeper for sleeper in self.sleepers if sleeper[0] <= end]:
            first = min(due, key=lambda sleeper: sleeper[0])
            self.sleepers.remove(first)
            self.at = max(self.at, first[0])
            if not first[1].done():
                first[1].set_result(None)
            await settle()
        self.at = end


async def settle() -> None:
    for _ in range(60):
        await asyncio.sleep(0)


class MemoryStore:
    """`ports.Store` in a dictionary; what it holds survives the outbox, as a disk does."""

    def __init__(self) -> None:
        self.rows: dict[str, OutboxRow] = {}
        self.dead: dict[str, str] = {}
        self.letters: list[DeadLetter] = []
        self.full = False

    def add(self, notification: Notification) -> Notification:
        self.rows[notification.key] = OutboxRow(notification, 0, 0)
        return notification

    def commit(self, effects: Sequence[Durable]) -> Awaitable[None]:
        raise NotImplementedError

    def restore(self) -> Restored:
        return Restored()

    def outbox(self) -> tuple[OutboxRow, ...]:
        return tuple(self.rows.values())

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        return tuple(self.letters)

    async def confirm(self, key: str) -> None:
        self._take()
        self.rows.pop(key)

    async def postpone(self, key: str, *, attempts: int, due: int, error: str) -> None:
        self._take()
        assert error
        self.rows[key] = replace(self.rows[key], attempts=attempts, due=due)

    async def bury(self, key: str, *, error: str) -> None:
        self._take()
        row = self.rows.pop(key)
        self.dead[key] = error
        self.letters.insert(0, DeadLetter(row.notification, row.attempts + 1, error))

    def _take(self) -> None:
        if self.full:
            raise StoreError("disk is full")


@dataclass
class Sink:
    """`ports.Receiver` that does as told: errors one after the other, or no answer until the gate opens."""

    name: str = "desk"
    errors: list[DeliveryError] = field(default_factory=list)
    gate: asyncio.Event | None = None
    taken: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    busy: int = 0
    most: int = 0

    async def send(self, notification: Notification) -> None:
        self.asked.append(notification.key)
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.errors:
                raise self.errors.pop(0)
            self.taken.append(notification.key)
        finally:
            self.busy -= 1


class Highest(random.Random):
    """Always the longest wait that the jitter allows."""

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002  # the signature of its base
        return b


@dataclass
class Desk:
    """One outbox with everything it works with."""

    sinks: list[Sink]
    time: VirtualTime = field(default_factory=VirtualTime)
    store: MemoryStore = field(default_factory=MemoryStore)
    results: list[DeliveryDone] = field(default_factory=list)
    undelivered: list[Undelivered] = field(default_factory=list)
    patience: dict[str, int] = field(default_factory=dict)
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.boot()

    def boot(self) -> None:
        self.outbox = Outbox(
            self.store,
            {sink.name: sink for sink in self.sinks},
            self.time,
            on_result=self.take,
            sleep=self.time.sleep,
            rng=Highest(),
        )
        self.outbox.patience = self.patience

    def take(self, result: DeliveryDone | Undelivered) -> None:
        if isinstance(result, Undelivered):
            self.undelivered.append(result)
        else:
            self.results.append(result)

    def offer(self, *notifications: Notification) -> None:
        for each in notifications:
            self.outbox.offer(self.store.add(each))


def later(wait: int | None = None) -> RetryableError:
    return RetryableError("answered 503", wait)
