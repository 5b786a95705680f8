"""Deliveries as people see and handle them: receivers and their circuits, what waits, what was given up.

Implements `api.desk.DeliveryDesk`. Bringing dead letters back and trying a receiver out are written to the audit
trail. A receiver that opens something (an incident, an alert) for a test is told of its end as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rtmd.api.desk import Metric
from rtmd.config import AlertmanagerReceiver, Config, PagerDutyReceiver, ReceiverConfig, WebhookFormat, WebhookReceiver
from rtmd.config.receivers import kind_of
from rtmd.errors import NotFoundError, PermanentError
from rtmd.model.effects import Audited
from rtmd.model.reaction import Notification
from rtmd.ports import Clock, DeadLetter, OutboxRow
from rtmd.receivers.body import summary
from rtmd.receivers.trial import trial
from rtmd.runtime.breaker import Circuit
from rtmd.runtime.outbox import Outbox
from rtmd.store.state import StateStore
from rtmd.wire.deliveries import LetterView, OutboxView, ReceiverView, RetryRequest, TryResult

_LISTED = 1_000
_LEVELS = {Circuit.CLOSED: 0.0, Circuit.HALF_OPEN: 1.0, Circuit.OPEN: 2.0}


class Deliveries:
    """What the outbox does, in pictures, and the verbs on it. `failures` counts templates that failed."""

    def __init__(
        self, outbox: Outbox, store: StateStore, clock: Clock, config: Config, *, failures: Mapping[str, int]
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._clock = clock
        self._failures = failures
        self._config = config

    def __repr__(self) -> str:
        return f"<Deliveries of {self._outbox!r}>"

    def __len__(self) -> int:
        return len(self._outbox)

    @property
    def troubles(self) -> dict[str, str]:
        """What is wrong with receivers now, by name, in words."""
        return {
            lane.receiver: self._trouble(lane.trouble, lane.circuit) for lane in self._outbox.lanes() if lane.trouble
        }

    def configure(self, config: Config) -> None:
        """Other receivers are in force."""
        self._config = config

    def receivers(self) -> list[ReceiverView]:
        """All receivers by name, with those that are not configured any more and still have something waiting."""
        dead = self._store.dead_letter_counts()
        views = []
        for lane in self._outbox.lanes():
            config = self._config.receivers.get(lane.receiver)
            views.append(
                ReceiverView(
                    name=lane.receiver,
                    kind=kind_of(config) if config else "",
                    fallback=config.fallback if config else "",
                    circuit=str(lane.circuit),
                    failing_since=lane.since,
                    waiting=lane.waiting,
                    dead_letters=dead.get(lane.receiver, 0),
                    trouble=lane.trouble,
                )
            )
        return views

    def outbox(self) -> OutboxView:
        """What waits, oldest first, and what was given up, newest first."""
        return OutboxView(
            waiting=[_waiting(row) for row in self._outbox.waiting()[:_LISTED]],
            dead=[_dead(letter) for letter in self._store.dead_letters(_LISTED)],
        )

    async def retry(self, wanted: RetryRequest, by: str, origin: str) -> list[str]:
        """Bring dead letters back; gives their keys. NotFoundError when there is none that was meant."""
        letters = await asyncio.to_thread(self._store.dead_letters, -1)
        meant = [letter for letter in letters if _is_meant(letter, wanted)]
        if not meant:
            raise NotFoundError("there is no such dead letter")
        keys = [letter.notification.key for letter in reversed(meant)]
        shown = ", ".join(keys[:10]) + (f" and {len(keys) - 10} more" if len(keys) > 10 else "")
        audited = Audited(self._clock.wall(), by, "retry", wanted.receiver or "outbox", shown, origin)
        await self._store.revive(keys, audited)
        for letter in reversed(meant):
            self._outbox.offer(letter.notification)
        return keys

    async def try_out(self, receiver: str, by: str, origin: str) -> TryResult:
        """Send a test message, now; NotFoundError when there is no such receiver."""
        config = self._config.receivers.get(receiver)
        if config is None:
            raise NotFoundError(f'there is no receiver "{receiver[:60]}"')
        await self._store.commit([Audited(self._clock.wall(), by, "test", receiver, origin=origin)])
        for message in messages_for(config, self._config.daemon.name, self._clock.now()):
            error = await self._outbox.try_out(message)
            if error is not None:
                return TryResult(receiver, str(error), permanent=isinstance(error, PermanentError))
        return TryResult(receiver)

    def metrics(self) -> list[Metric]:
        """The part of /metrics that is about receivers."""
        lanes = self._outbox.lanes()
        circuits = [((("receiver", lane.receiver),), _LEVELS[lane.circuit]) for lane in lanes]
        waiting = [((("receiver", lane.receiver),), float(lane.waiting)) for lane in lanes]
        failed = [((("receiver", name),), float(count)) for name, count in sorted(self._failures.items())]
        words = "Whether receivers answer: 0 closed (they do), 1 half-open, 2 open."
        return [
            Metric("rtmd_receiver_circuit", "gauge", words, circuits),
            Metric("rtmd_receiver_waiting", "gauge", "Notifications not delivered yet, by receiver.", waiting),
            Metric("rtmd_template_failures_total", "counter", "Templates that failed, by receiver.", failed),
        ]

    @staticmethod
    def _trouble(trouble: str, circuit: Circuit) -> str:
        return trouble if circuit is Circuit.CLOSED else f"{trouble} (circuit {circuit})"


def messages_for(config: ReceiverConfig, daemon: str, at: int) -> tuple[Notification, ...]:
    """What a receiver is sent for a test."""
    first, last = trial(config.name, daemon, at)
    opens = isinstance(config, PagerDutyReceiver | AlertmanagerReceiver) or (
        isinstance(config, WebhookReceiver) and config.format is WebhookFormat.ALERTMANAGER
    )
    return (first, last) if opens else (first,)


def patience_of(config: Config) -> dict[str, int]:
    """How long each receiver with a fallback may be silent, ms."""
    return {name: each.fallback_after for name, each in config.receivers.items() if each.fallback}


def _is_meant(letter: DeadLetter, wanted: RetryRequest) -> bool:
    message = letter.notification
    return wanted.all or message.key in wanted.keys or (message.receiver == wanted.receiver != "")


def _waiting(row: OutboxRow) -> LetterView:
    message = row.notification
    words = summary(message)
    return LetterView(message.key, message.receiver, message.at, words, attempts=row.attempts, due=row.due or None)


def _dead(letter: DeadLetter) -> LetterView:
    message = letter.notification
    words = summary(message)
    return LetterView(message.key, message.receiver, message.at, words, attempts=letter.attempts, error=letter.error)
