"""Telling Alertmanagers again what fires: they forget an alert that they do not hear of.

What a receiver was told, and that it still fires, is read off the ledger each time, so that a restart changes nothing.
Nothing of this goes through the outbox: what is lost is said again soon. Order is kept by the receiver: a resolved
alert never overtakes, nor is overtaken by, one of these.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from rtmd.errors import DeliveryError
from rtmd.model.reaction import Alert, Notification, NotifyReason
from rtmd.pipeline import Pipeline
from rtmd.ports import Receiver
from rtmd.receivers.webhook import PostedAlerts

_LOOK_EVERY = 0.5  # seconds


class Resender:
    """Sends again, for ever; `receivers` and `pipeline` are looked at anew each time."""

    def __init__(
        self,
        receivers: Callable[[], Mapping[str, Receiver]],
        pipeline: Pipeline,
        now: Callable[[], int],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._receivers = receivers
        self._pipeline = pipeline
        self._now = now
        self._sleep = sleep
        self._due: dict[str, int] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def __repr__(self) -> str:
        return f"<Resender {len(self._under_way)} under way>"

    async def keep_up(self) -> None:
        """For ever."""
        try:
            while True:
                self.look()
                await self._sleep(_LOOK_EVERY)
        finally:
            for task in list(self._under_way.values()):
                task.cancel()

    def look(self) -> None:
        """Start what is due; a receiver that still has not taken the last one is left alone."""
        at = self._now()
        for name, receiver in self._receivers().items():
            if not isinstance(receiver, PostedAlerts) or name in self._under_way:
                continue
            if at >= self._due.setdefault(name, at + receiver.resend):
                self._due[name] = at + receiver.resend
                task = asyncio.create_task(self._send(name, receiver))
                self._under_way[name] = task

    async def _send(self, name: str, receiver: PostedAlerts) -> None:
        try:
            with contextlib.suppress(DeliveryError):  # the outbox shows what is wrong with it
                await receiver.send_again(lambda: self._standing(name))
        finally:
            self._under_way.pop(name, None)

    def _standing(self, receiver: str) -> list[Notification]:
        """What the receiver was told and what still fires."""
        at = self._now()
        found = []
        for entry in self._pipeline.reactor.dispatch.ledger.known_to(receiver):
            firing = self._pipeline.firing(entry.firing_id)
            if firing is not None and firing.open:
                runs = tuple(self._pipeline.reactor.acting.runs.of(firing.id))
                alert = Alert(firing, entry.told, entry.seq, "still firing", runs)
                key = f"{firing.id}/{receiver}/again"
                found.append(Notification(key, receiver, at, NotifyReason.REPEAT, (alert,)))
        return found
