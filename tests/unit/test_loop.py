"""The loop between its steps: what was decided gets on, however many posts stand in line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from fakes import StillClock

from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.effects import Durable, Effect, Notify
from rtmd.model.inputs import ReactionsLoaded, RulesLoaded
from rtmd.model.labels import labels_of
from rtmd.pipeline import Pipeline, Samples
from rtmd.ports import LoggedBatch
from rtmd.rulefile.load import load_rules
from rtmd.runtime.clock import SystemClock
from rtmd.runtime.loop import Inbox, StepLoop
from rtmd.runtime.storage import Storage
from rtmd.store.samplelog import SegmentLog
from rtmd.store.state import StateStore

RULE = "[rules.surge]\nsignal = 'm'\n[rules.surge.seconds]\nabove = 10\nnotify = ['desk']\n"
POSTS = 50
HANDS = 6  # that the disk, and then the wire, pass a thing on through


async def pass_on() -> None:
    for _ in range(HANDS):
        await asyncio.sleep(0)


class Disk:
    """A store that only ever commits, after a while."""

    def commit(self, effects: Sequence[Durable]) -> Awaitable[None]:
        assert effects
        return asyncio.create_task(pass_on())


@dataclass
class Line:
    """Posts in line, each a firing of its own, and what came of them."""

    series: SeriesTable = field(default_factory=SeriesTable)
    clock: StillClock = field(default_factory=StillClock)
    inbox: Inbox = field(default_factory=Inbox)
    stepped: int = 0
    sent: list[int] = field(default_factory=list)  # posts that were stepped when each message left
    sending: set[asyncio.Task[None]] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    through: asyncio.Event = field(default_factory=asyncio.Event)  # all posts were stepped

    def append(self, _: LoggedBatch) -> None:
        """The sample log."""
        self.stepped += 1
        if self.stepped == POSTS:
            self.through.set()

    def perform(self, effect: Effect) -> None:
        """The outbox."""
        if isinstance(effect, Notify):
            self.sending.add(asyncio.create_task(self.send()))

    async def send(self) -> None:
        await pass_on()
        self.sent.append(self.stepped)
        self.arrived.set()

    async def post(self) -> None:
        for number in range(POSTS):
            await self.inbox.room()
            one = np.array([self.series.intern(labels_of({"__name__": "m", "n": str(number)}))])
            batch = SampleBatch(one, np.array([self.clock.at]), np.array([20.0]))
            self.inbox.put(Samples("line", batch))
            await asyncio.sleep(0)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    made = Line()
    pipeline = Pipeline(made.series, made.clock.at)
    pipeline.step(
        [ReactionsLoaded(receivers=frozenset({"desk"})), RulesLoaded(load_rules({"r": RULE}).rules)], made.clock.at
    )
    storage = Storage(
        Path(),
        made.series,
        cast("StateStore", Disk()),
        cast("SegmentLog", made),
        cast("SystemClock", made.clock),
    )
    async with AsyncExitStack() as stack:
        StepLoop(pipeline, made.inbox, storage=storage, perform=made.perform).start(stack)
        posting = asyncio.create_task(made.post())
        yield made
        posting.cancel()


async def test_a_message_leaves_before_the_posts_that_stand_in_line(line: Line) -> None:
    await line.arrived.wait()
    assert line.sent[0] <= 2


async def test_posts_that_decide_something_each_get_their_turn_as_well(line: Line) -> None:
    await line.through.wait()
    assert line.sent
