"""One loop, one writer, one verb: inputs off the queue, `step`, commit, perform, results back into the queue.

The loop never waits for a disk or a receiver. A step's durable effects go to the store, whose commits resolve in
order; its other effects are performed once the commit is down, in the order of the steps, by a second task. While
the disk refuses (full), evaluation and delivery go on from memory and people's inputs are answered with an error;
after an I/O error, or a step that raised half-way, the daemon must not go on: `fatal` is set, and a new start takes up
what is on disk.

What a step decided then goes through many hands (disk, outbox, connection), each of which gets a turn of the event
loop. With posts in line there would be a step before each of them, and a message that is ready would wait for dozens;
so while something that somebody waits for is on its way, turns give way to it, and posts wait that long (`Inbox.room`).

Time enters here and only here. A turn that comes more than two seconds late, or a wall clock that jumped ahead of
the monotonic one (suspend, clock step), is a gap that nobody watched, and enters as `TimeGap`.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import get_args

from rtmd.errors import StoreError
from rtmd.model.effects import Answered, Durable, Effect, Notify, RunAction
from rtmd.model.inputs import AskedInput, RulesLoaded, TimeGap, WallClock
from rtmd.pipeline import Input, Pipeline, RoomWanted, Samples
from rtmd.ports import LoggedBatch
from rtmd.runtime.delays import Delays
from rtmd.runtime.storage import Storage

STALL = 2_000  # ms
STALE = 5_000  # ms without a step after which evaluation counts as stuck
_AT_LEAST_EVERY = 1_000  # ms between turns: the watchdog, the log and people see that time goes on
_DRIFT = 250  # ms between wall and engine clock that are worth an input
_DURABLE = get_args(Durable)
_AWAITED = (Notify, RunAction, Answered)
_TURNS = 8  # that give way after one of these was decided, and after it was set going: to connect takes a while
_HANDS = 32  # rounds of the event loop that take a message from the disk to the wire; without work a few µs each

log = logging.getLogger(__name__)


def stuck(at: int, now: int) -> str:
    """Why rules are not being evaluated, when the last step was at `at`; empty while they are."""
    age = now - at
    return f"the last evaluation was {age // 1000} s ago" if age > STALE else ""


class Inbox:
    """Inputs waiting for the next step. Everybody may put; only the loop takes."""

    def __init__(self) -> None:
        self._queue: list[Input] = []
        self._filled = asyncio.Event()
        self._room: asyncio.Event | None = None  # while the loop gives way: set when it does no more

    def __repr__(self) -> str:
        return f"<Inbox {len(self._queue)}>"

    def put(self, given: Input) -> None:
        """Queue an input."""
        self._queue.append(given)
        self._filled.set()

    def take(self) -> list[Input]:
        """Everything that waits."""
        taken, self._queue = self._queue, []
        self._filled.clear()
        return taken

    @property
    def has_room(self) -> bool:
        """Whether the loop does not give way."""
        return self._room is None

    async def room(self) -> None:
        """Wait while the loop gives way: samples of which more may be in line come after what is under way."""
        while self._room is not None:
            await self._room.wait()

    async def give_way(self) -> None:
        """Let what was decided get on, before anything that waits for `room`."""
        self._room = asyncio.Event()
        try:
            for _ in range(_HANDS):
                await asyncio.sleep(0)
        finally:
            self._room.set()
            self._room = None

    async def filled(self, seconds: float) -> None:
        """Wait for an input, at most so long."""
        timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._filled.set)
        try:
            await self._filled.wait()
        finally:
            timer.cancel()


class StepLoop:
    """The only caller of `Pipeline.step`; `perform` is given each effect once its step is on disk."""

    def __init__(
        self, pipeline: Pipeline, inbox: Inbox, *, storage: Storage, perform: Callable[[Effect], None]
    ) -> None:
        self.pipeline = pipeline
        self.storage = storage
        self.at = pipeline.engine.evaluated_at
        self.fatal: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self.degraded = ""  # why the last commit failed; empty while the disk takes everything
        self.inbox = inbox
        self.delays = Delays()
        self._clock = storage.clock
        self._perform = perform
        self._due = self.at
        self._offset = pipeline.wall(0)
        self._courtesy = 0  # turns that are still to give way
        self._steps: asyncio.Queue[tuple[Awaitable[None] | None, tuple[Effect, ...]]] = asyncio.Queue()
        self._requests = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Answered]] = {}

    def __repr__(self) -> str:
        return f"<StepLoop at {self.at}, {self._steps.qsize()} steps uncommitted, {self.inbox!r}>"

    async def ask(self, make: Callable[[int], AskedInput]) -> Answered:
        """Queue an input that somebody waits for; resolves with its answer, once that is on disk."""
        request = next(self._requests)
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._answers[request] = answer
        self.inbox.put(make(request))
        return await answer

    def start(self, stack: AsyncExitStack) -> None:
        """Turn until the stack unwinds; what was stepped by then is committed and performed first."""
        turning = asyncio.create_task(self._turn_on(), name="turn")
        turning.add_done_callback(self._ended)
        performing = asyncio.create_task(self._perform_steps(), name="perform")

        async def end() -> None:
            turning.cancel()
            await asyncio.gather(turning, return_exceptions=True)
            if not self.fatal.done():
                self.turn()
            await self._steps.join()
            performing.cancel()

        stack.push_async_callback(end)

    def turn(self) -> None:
        """One step, now."""
        self._notice_gaps()
        now = self._clock.now()
        if now >= self._due:
            self.delays.add(now - self._due)
        self.step(self.inbox.take(), now)
        if self.pipeline.engine.wants_room(self.at):
            self.step([RoomWanted()], self.at)  # all that was decoded is stepped, and on disk's way under its old ids

    def step(self, inputs: list[Input], at: int) -> None:
        """One step at `at`, and everything that has to happen to its inputs and effects."""
        step = self.pipeline.step(inputs, at)
        if any(isinstance(given, RulesLoaded) for given in inputs):
            # They stay: the collector would walk all of them every now and then, a third of a second for 10,000 rules
            # in which nothing else goes on. Without cycles, they go when nothing holds them, frozen or not.
            gc.freeze()
        self.at, self._due = max(at, self.pipeline.engine.evaluated_at), step.next_due
        for given in inputs:
            if isinstance(given, Samples):
                self.storage.samples.append(LoggedBatch(at, given.source, given.batch))
        if step.effects:
            durable = [effect for effect in step.effects if isinstance(effect, _DURABLE)]
            self._hurry(step.effects)
            self._steps.put_nowait((self.storage.store.commit(durable) if durable else None, step.effects))

    async def _turn_on(self) -> None:
        while True:
            await self.inbox.filled(min(self._due - self._clock.now(), _AT_LEAST_EVERY) / 1000)
            self.turn()
            if self._courtesy:
                self._courtesy -= 1
                await self.inbox.give_way()

    def _ended(self, turning: asyncio.Task[None]) -> None:
        error = None if turning.cancelled() else turning.exception()
        if error is not None and not self.fatal.done():
            log.critical("a step failed", exc_info=error)
            self.fatal.set_result(error)

    def _hurry(self, effects: tuple[Effect, ...]) -> None:
        if any(isinstance(effect, _AWAITED) for effect in effects):
            self._courtesy = _TURNS

    def _notice_gaps(self) -> None:
        now = self._clock.now()
        offset = self._clock.wall() - now
        jumped = offset - self._offset
        if jumped > STALL:
            self._clock.skip(jumped)
            self._skip(now, now + jumped, "the clock jumped ahead (suspend, or set by hand)")
            offset -= jumped
        elif now - max(self._due, self.at) > STALL:
            self._skip(max(self._due - 1, self.at), now, "the daemon was held up")
        if abs(offset - self._offset) > _DRIFT:
            self._offset = offset
            self.inbox.put(WallClock(offset))

    def _skip(self, since: int, until: int, reason: str) -> None:
        log.warning("nobody watched for %.1f s: %s", (until - since) / 1000, reason)
        self.step([TimeGap(until, reason)], since)

    async def _perform_steps(self) -> None:
        while True:
            commit, effects = await self._steps.get()
            try:
                problem = await self._committed(commit)
                for effect in effects:
                    self._do(effect, problem)
                self._hurry(effects)
            except Exception:
                log.exception("an effect could not be performed")
            finally:
                self._steps.task_done()

    async def _committed(self, commit: Awaitable[None] | None) -> str:
        if commit is None:
            return ""
        try:
            await commit
        except StoreError as error:
            if error.fatal and not self.fatal.done():
                self.fatal.set_result(error)
            if str(error) != self.degraded:
                log.error("not on disk: %s", error)  # noqa: TRY400  # the text says it all
            self.degraded = str(error)
            return self.degraded
        self.degraded = ""
        return ""

    def _do(self, effect: Effect, problem: str) -> None:
        match effect:
            case Answered(request=request):
                answer = self._answers.pop(request, None)
                if answer is not None and not answer.done():
                    answer.set_result(Answered(request, 507, error=f"not stored: {problem}") if problem else effect)
            case _:
                self._perform(effect)
