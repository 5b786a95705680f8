"""Performing effects: to the outbox, to programs, to the log's history, to the screens; results become inputs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from rtmd.api.stream import Hub
from rtmd.errors import DeliveryError, PermanentError, UnreachedError
from rtmd.model.display import safe
from rtmd.model.effects import Effect, FillWanted, MarkSaved, Notify, RunAction, Touched
from rtmd.model.inputs import ActionDone
from rtmd.model.reaction import RunState
from rtmd.pipeline import Input, WindowFilled
from rtmd.ports import ActionRunner
from rtmd.runtime.history import read_history
from rtmd.runtime.outbox import Outbox
from rtmd.runtime.storage import Storage
from rtmd.wire.pictures import mark_view

log = logging.getLogger(__name__)


class Performer:
    """Called with each effect once its step is on disk; `put` takes the inputs that come of it."""

    def __init__(
        self,
        put: Callable[[Input], None],
        storage: Storage,
        *,
        outbox: Outbox,
        actions: ActionRunner,
    ) -> None:
        self.hub: Hub | None = None  # the screens come last
        self._put = put
        self._storage = storage
        self._outbox = outbox
        self._actions = actions
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Performer {len(self._tasks)} under way>"

    def __call__(self, effect: Effect) -> None:
        """Start what the effect asks for; never waits."""
        match effect:
            case Notify(notification):
                self._outbox.offer(notification)
            case RunAction():
                self._start(self._run(effect))
            case FillWanted():
                self._start(self._fill(effect))
            case Touched(firing_ids):
                if self.hub is not None:
                    self.hub.touched(firing_ids)
            case MarkSaved(mark):
                if self.hub is not None:
                    self.hub.marked(mark_view(mark))
            case _:
                pass  # durable only: the commit was all there was to do

    async def finish(self, grace: float) -> None:
        """Let programs under way end within `grace` seconds; what is cut off is `unknown` after the next start."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, effect: RunAction) -> None:
        done, failed = (RunState.UNDONE, RunState.UNDO_FAILED) if effect.undo else (RunState.DONE, RunState.FAILED)
        try:
            said = await self._actions.run(effect.run, effect.firing, undo=effect.undo)
        except DeliveryError as error:
            log.warning("%s of %s failed: %s", effect.run.action, effect.run.firing_id, safe(str(error)))
            certain = isinstance(error, PermanentError | UnreachedError)
            self._put(ActionDone(effect.run.id, failed if certain else RunState.UNKNOWN, str(error)))
        except Exception as error:  # a mistake of ours must not leave the run under way for ever
            log.exception("%s of %s failed", effect.run.action, effect.run.firing_id)
            self._put(ActionDone(effect.run.id, RunState.UNKNOWN, f"internal error: {type(error).__name__}"))
        else:
            self._put(ActionDone(effect.run.id, done, said))

    async def _fill(self, wanted: FillWanted) -> None:
        try:
            history = await asyncio.to_thread(read_history, self._storage.samples, wanted.since, wanted.selectors)
        except Exception:  # the window fills with what comes in
            log.exception("a window could not be filled from the sample log")
            return
        batch = history.moved_to(self._storage.series)
        if len(batch):
            self._put(WindowFilled(batch))
