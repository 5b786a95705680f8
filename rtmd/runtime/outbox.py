"""From the outbox to the receivers: at least once, under a stable key, in order per destination and firing.

A notification arrives here after its row is on disk, or comes from the store at the start. Each destination has a
lane of its own, so that a slow or dead one delays nobody else; in a lane a message waits for the ones before it that
speak of one of its firings. At most 16 of a lane are in flight, from the first byte to the confirmation on disk: that
is what a crash can make a receiver see twice. Waiting for the next attempt takes no place among the 16.

What becomes of an attempt:

1. Taken: confirmed by itself, at once, even when we are being stopped.
2. Retryable: tried again after a random wait of up to 1 s, 2 s, 4 s, … 5 min (full jitter), or later if the receiver
   asked for that. The count and the time go to the store and survive a restart.
3. Permanent, not configured any more, or retryable for 24 hours: buried as a dead letter, with the reason.

A destination that fails over and over has its circuit opened (`breaker`): only one message is tried any more, at most
30 s apart, and the others wait for an answer. What has a fallback is reported as undelivered when its circuit has been
open for `patience`, and when it is buried; a start reports anew what was buried in the last hour, as the end of the
last run may have come in between. Whether that is news to the fallback, the ledger knows.

1 and 3 are reported to `on_result`. A full disk stops no delivery: what could not be written down is tried again in
the background, and at worst a receiver sees a key twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct, field

from rtmd.errors import DeliveryError, PermanentError, RetryableError, StoreError
from rtmd.model.inputs import DeliveryDone, Undelivered
from rtmd.model.reaction import Notification
from rtmd.ports import Clock, OutboxRow, Receiver, Store
from rtmd.runtime.breaker import Breaker, Circuit

IN_FLIGHT = 16
FIRST_BACKOFF = 1_000
LONGEST_BACKOFF = 5 * 60_000
GIVE_UP_AFTER = 24 * 3_600_000
PROBE_EVERY = 30_000  # at most, while a circuit is open

_LONGEST_WAIT = 15 * 60_000  # whatever the wall clock does meanwhile
_GIVE_UP_ATTEMPTS = 8  # time in which nobody tried does not count as trying
_REWRITE_EVERY = 5.0  # seconds, while the disk refuses
_BURIED_LATELY = 3_600_000

_log = logging.getLogger(__name__)


class _Item(Struct):
    notification: Notification
    attempts: int = 0
    due: int = 0  # wall time
    passed_on: bool = False  # reported as undelivered


class _Lane(Struct):
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))
    last: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # the latest message about each firing
    items: dict[str, _Item] = field(default_factory=dict)  # all that wait or are in flight, by key
    breaker: Breaker = field(default_factory=Breaker)
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # replaced whenever the circuit moved
    trouble: str = ""
    impatience: asyncio.Task[None] | None = None

    def moved(self) -> None:
        """Let everybody look at the circuit again."""
        self.changed.set()
        self.changed = asyncio.Event()


class LaneState(Struct, frozen=True):
    """One destination as people see it; `since` is when it began to fail, engine time."""

    receiver: str
    circuit: Circuit
    since: int | None
    waiting: int
    trouble: str


class Outbox:
    """Delivers what is offered. `start` once, on the loop that everything else happens on; `stop` at the end.

    `patience` has, for each receiver with a fallback, how long its circuit may be open; `len` is what is undelivered.
    """

    def __init__(
        self,
        store: Store,
        receivers: Mapping[str, Receiver],
        clock: Clock,
        *,
        on_result: Callable[[DeliveryDone | Undelivered], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._store = store
        self.receivers = receivers
        self._clock = clock
        self._on_result = on_result
        self.patience: Mapping[str, int] = {}
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311  # spreads load, keeps no secret
        self._keys: set[str] = set()
        self._lanes: dict[str, _Lane] = {}
        self._waiting: set[asyncio.Task[None]] = set()  # one an item
        self._sending: set[asyncio.Task[None]] = set()
        self._rewrites: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def troubles(self) -> dict[str, str]:
        """The last error of each destination that there still is and whose latest attempt failed."""
        return {lane.receiver: lane.trouble for lane in self.lanes() if lane.trouble}

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<Outbox {len(self)} waiting, {len(self._sending)} in flight, {len(self.troubles)} in trouble>"

    def start(self) -> None:
        """Take up what the last run left in the store."""
        for row in self._store.outbox():
            self._enqueue(_Item(row.notification, row.attempts, row.due))
        for letter in self._store.dead_letters():
            if self._clock.now() - letter.notification.at < _BURIED_LATELY:
                self._pass_on(_Item(letter.notification), letter.error)

    def offer(self, notification: Notification) -> None:
        """Deliver a notification whose row is on disk; a key that is already here is not taken twice."""
        self._enqueue(_Item(notification))

    def lanes(self) -> list[LaneState]:
        """All destinations, by name."""
        names = sorted({*self.receivers, *(name for name, lane in self._lanes.items() if lane.items)})
        lanes = ((name, self._lanes.get(name) or _Lane()) for name in names)
        return [
            LaneState(name, lane.breaker.circuit, lane.breaker.failing_since, len(lane.items), lane.trouble)
            for name, lane in lanes
        ]

    def waiting(self) -> list[OutboxRow]:
        """What is undelivered, oldest first."""
        items = (item for lane in self._lanes.values() for item in lane.items.values())
        rows = (OutboxRow(item.notification, item.attempts, item.due) for item in items)
        return sorted(rows, key=lambda row: (row.notification.at, row.notification.key))

    def stuck(self, longer_than: int) -> bool:
        """Whether something waits that nobody was told for so long (ms): neither its receiver nor a fallback."""
        at = self._clock.now() - longer_than
        items = (item for lane in self._lanes.values() for item in lane.items.values())
        return any(item.attempts and not item.passed_on and item.notification.at < at for item in items)

    async def try_out(self, notification: Notification) -> DeliveryError | None:
        """Send once, now, with nothing stored and nothing tried again; the error, if it failed."""
        lane = self._lanes.setdefault(notification.receiver, _Lane())
        async with lane.slots:
            return await self._send(notification)

    def replace(self, receivers: Mapping[str, Receiver]) -> None:
        """Use other receivers from the next attempt on; those that are held back are tried at once."""
        self.receivers = receivers
        for lane in self._lanes.values():
            lane.breaker.answered()
            lane.moved()

    async def stop(self, grace: float) -> None:
        """Give what is in flight `grace` seconds to finish; the rest stays in the store for the next start."""
        self._stopping = True
        for task in self._waiting - self._sending:
            task.cancel()
        if self._sending:
            await asyncio.wait(set(self._sending), timeout=grace)
        left = self._waiting | self._rewrites
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _enqueue(self, item: _Item) -> None:
        key, firings = item.notification.key, item.notification.firing_ids
        if self._stopping or key in self._keys:
            return
        self._keys.add(key)
        lane = self._lanes.setdefault(item.notification.receiver, _Lane())
        before = {lane.last[firing] for firing in firings if firing in lane.last}
        task = asyncio.create_task(self._work(lane, item, before))
        lane.last.update(dict.fromkeys(firings, task))
        lane.items[key] = item
        _keep(self._waiting, task)
        self._lose_patience(lane)

    async def _work(self, lane: _Lane, item: _Item, before: set[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)
        done, key = False, item.notification.key
        while not (done or self._stopping):
            await self._wait(item.due)
            await self._admitted(lane, key)
            async with lane.slots:
                # The circuit may have opened while it stood in line.
                done = lane.breaker.lets(key) and await self._attempt(lane, item)
        if done:
            lane.breaker.left(key)
            lane.moved()
            del lane.items[key]
            self._keys.discard(key)
            mine = asyncio.current_task()
            for firing in item.notification.firing_ids:
                if lane.last.get(firing) is mine:
                    del lane.last[firing]

    async def _admitted(self, lane: _Lane, key: str) -> None:
        while not lane.breaker.lets(key):
            await lane.changed.wait()

    async def _wait(self, due: int) -> None:
        wait = min(due - self._clock.wall(), _LONGEST_WAIT)
        if wait > 0:
            await self._sleep(wait / 1000)

    async def _attempt(self, lane: _Lane, item: _Item) -> bool:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # items are worked off in tasks
        self._sending.add(task)
        try:
            error = await self._send(item.notification)
            return await self._conclude(lane, item, error)
        finally:
            self._sending.discard(task)

    async def _send(self, notification: Notification) -> DeliveryError | None:
        receiver = self.receivers.get(notification.receiver)
        if receiver is None:
            return PermanentError(f"no receiver {notification.receiver} is configured any more")
        try:
            await receiver.send(notification)
        except DeliveryError as error:
            return error
        except Exception as error:  # noqa: BLE001  # a mistake in one receiver must not end its lane
            _log.exception("receiver %s failed on %s", notification.receiver, notification.key)
            return RetryableError(f"internal error: {type(error).__name__}")
        return None

    async def _conclude(self, lane: _Lane, item: _Item, error: DeliveryError | None) -> bool:
        told = item.notification
        self._learn(lane, told, error)
        if error is None:
            await self._record(lambda: self._store.confirm(told.key))
            self._report(item, "", item.attempts + 1)
            return True
        item.attempts += 1
        reason = self._hopeless(lane, item, error)
        if reason:
            self._pass_on(item, reason)
            await self._record(lambda: self._store.bury(told.key, error=reason))
            self._report(item, reason, item.attempts)
            return True
        item.due = self._clock.wall() + self._backoff(lane, item.attempts, error)
        await self._postpone(item, str(error))
        return False

    def _learn(self, lane: _Lane, told: Notification, error: DeliveryError | None) -> None:
        """What an attempt says about the destination."""
        if isinstance(error, RetryableError):
            lane.breaker.failed(told.key, self._clock.now())
            self._lose_patience(lane)
        elif lane.breaker.failures:
            lane.breaker.answered()
            lane.moved()
        lane.trouble = str(error or "")

    def _lose_patience(self, lane: _Lane) -> None:
        """See to it that what waits behind an open circuit is passed on in time."""
        if lane.breaker.circuit is Circuit.CLOSED or not lane.items:
            return
        receiver = next(iter(lane.items.values())).notification.receiver
        patience = self.patience.get(receiver)
        if patience is not None and lane.impatience is None:
            lane.impatience = asyncio.create_task(self._wait_and_pass_on(lane, patience))
            _keep(self._rewrites, lane.impatience)

    async def _wait_and_pass_on(self, lane: _Lane, patience: int) -> None:
        failing = lane.breaker.failing_since
        try:
            while failing is not None and lane.breaker.failing_since == failing and not self._stopping:
                left = failing + patience - self._clock.now()
                if left <= 0:
                    for item in list(lane.items.values()):
                        self._pass_on(item, lane.trouble)
                    return
                await self._sleep(left / 1000)
        finally:
            lane.impatience = None

    def _pass_on(self, item: _Item, error: str) -> None:
        if not item.passed_on and item.notification.receiver in self.patience:
            item.passed_on = True
            self._on_result(Undelivered(item.notification, error))

    def _hopeless(self, lane: _Lane, item: _Item, error: DeliveryError) -> str:
        if not isinstance(error, RetryableError):
            return str(error)
        old = self._clock.now() - item.notification.at >= GIVE_UP_AFTER
        if old and max(item.attempts, lane.breaker.failures) >= _GIVE_UP_ATTEMPTS:  # the probe was tried for all
            return f"given up after {item.attempts} attempts: {error}"
        return ""

    def _backoff(self, lane: _Lane, attempts: int, error: DeliveryError) -> int:
        longest = LONGEST_BACKOFF if lane.breaker.circuit is Circuit.CLOSED else PROBE_EVERY
        bound = min(longest, FIRST_BACKOFF << min(attempts - 1, 20))
        wanted = error.retry_after if isinstance(error, RetryableError) else None
        return max(int(self._rng.uniform(0, bound)), min(wanted or 0, _LONGEST_WAIT))

    async def _postpone(self, item: _Item, error: str) -> None:
        try:
            await self._store.postpone(item.notification.key, attempts=item.attempts, due=item.due, error=error)
        except StoreError as failed:
            _log.warning("an attempt could not be written down: %s", failed)  # only a restart would ask for it

    async def _record(self, verb: Callable[[], Awaitable[None]]) -> None:
        try:
            await asyncio.shield(asyncio.ensure_future(verb()))
        except StoreError as failed:
            _log.warning("a delivery could not be written down: %s", failed)
            if not failed.fatal:
                _keep(self._rewrites, asyncio.create_task(self._rewrite(verb)))

    async def _rewrite(self, verb: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._sleep(_REWRITE_EVERY)
            try:
                return await verb()
            except StoreError as failed:
                if failed.fatal:
                    return None

    def _report(self, item: _Item, error: str, attempts: int) -> None:
        told = item.notification
        self._on_result(DeliveryDone(told.key, told.receiver, told.firing_ids, error, attempts))


def _keep(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    # The loop itself holds tasks weakly.
    tasks.add(task)
    task.add_done_callback(tasks.discard)
