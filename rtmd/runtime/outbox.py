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

1 and 3 are reported to `on_result`. A full disk stops no delivery: what could not be written down is tried again in
the background, and at worst a receiver sees a key twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from rtmd.errors import DeliveryError, PermanentError, RetryableError, StoreError
from rtmd.model.inputs import DeliveryDone
from rtmd.model.reaction import Notification
from rtmd.ports import Clock, Receiver, Store

IN_FLIGHT = 16
FIRST_BACKOFF = 1_000
LONGEST_BACKOFF = 5 * 60_000
GIVE_UP_AFTER = 24 * 3_600_000

_LONGEST_WAIT = 15 * 60_000  # whatever the wall clock does meanwhile
_GIVE_UP_ATTEMPTS = 8  # time in which nobody tried does not count as trying
_REWRITE_EVERY = 5.0  # seconds, while the disk refuses

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Item:
    notification: Notification
    attempts: int = 0
    due: int = 0  # wall time


@dataclass(slots=True)
class _Lane:
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))
    last: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # the latest message about each firing


class Outbox:
    """Delivers what is offered. `start` once, on the loop that everything else happens on; `stop` at the end.

    `troubles` has the last error of each destination whose latest attempt failed; `len` is what is undelivered.
    """

    def __init__(
        self,
        store: Store,
        receivers: Mapping[str, Receiver],
        clock: Clock,
        *,
        on_result: Callable[[DeliveryDone], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.troubles: dict[str, str] = {}
        self._store = store
        self._receivers = receivers
        self._clock = clock
        self._on_result = on_result
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311  # spreads load, keeps no secret
        self._keys: set[str] = set()
        self._lanes: dict[str, _Lane] = {}
        self._waiting: set[asyncio.Task[None]] = set()  # one an item
        self._sending: set[asyncio.Task[None]] = set()
        self._rewrites: set[asyncio.Task[None]] = set()
        self._stopping = False

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<Outbox {len(self)} waiting, {len(self._sending)} in flight, {len(self.troubles)} in trouble>"

    def start(self) -> None:
        """Take up what the last run left in the store."""
        for row in self._store.outbox():
            self._enqueue(_Item(row.notification, row.attempts, row.due))

    def offer(self, notification: Notification) -> None:
        """Deliver a notification whose row is on disk; a key that is already here is not taken twice."""
        self._enqueue(_Item(notification))

    def replace(self, receivers: Mapping[str, Receiver]) -> None:
        """Use other receivers from the next attempt on."""
        self._receivers = receivers
        for name in self.troubles.keys() - receivers.keys():
            del self.troubles[name]

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
        _keep(self._waiting, task)

    async def _work(self, lane: _Lane, item: _Item, before: set[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)
        done = False
        while not (done or self._stopping):
            await self._wait(item.due)
            async with lane.slots:
                done = await self._attempt(item)
        if done:
            self._keys.discard(item.notification.key)
            mine = asyncio.current_task()
            for firing in item.notification.firing_ids:
                if lane.last.get(firing) is mine:
                    del lane.last[firing]

    async def _wait(self, due: int) -> None:
        wait = min(due - self._clock.wall(), _LONGEST_WAIT)
        if wait > 0:
            await self._sleep(wait / 1000)

    async def _attempt(self, item: _Item) -> bool:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # items are worked off in tasks
        self._sending.add(task)
        try:
            error = await self._send(item.notification)
            return await self._conclude(item, error)
        finally:
            self._sending.discard(task)

    async def _send(self, notification: Notification) -> DeliveryError | None:
        receiver = self._receivers.get(notification.receiver)
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

    async def _conclude(self, item: _Item, error: DeliveryError | None) -> bool:
        told = item.notification
        if error is None:
            self.troubles.pop(told.receiver, None)
            await self._record(lambda: self._store.confirm(told.key))
            self._report(told, "")
            return True
        item.attempts += 1
        self.troubles[told.receiver] = str(error)
        reason = self._hopeless(item, error)
        if reason:
            await self._record(lambda: self._store.bury(told.key, error=reason))
            self._report(told, reason)
            return True
        item.due = self._clock.wall() + self._backoff(item.attempts, error)
        await self._postpone(item, str(error))
        return False

    def _hopeless(self, item: _Item, error: DeliveryError) -> str:
        if not isinstance(error, RetryableError):
            return str(error)
        old = self._clock.now() - item.notification.at >= GIVE_UP_AFTER
        if old and item.attempts >= _GIVE_UP_ATTEMPTS:
            return f"given up after {item.attempts} attempts: {error}"
        return ""

    def _backoff(self, attempts: int, error: DeliveryError) -> int:
        bound = min(LONGEST_BACKOFF, FIRST_BACKOFF << min(attempts - 1, 20))
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

    def _report(self, told: Notification, error: str) -> None:
        self._on_result(DeliveryDone(told.key, told.receiver, told.firing_ids, error))


def _keep(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    # The loop itself holds tasks weakly.
    tasks.add(task)
    task.add_done_callback(tasks.discard)
