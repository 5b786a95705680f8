from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from fakes_api import FakeDesk, firing_view
from starlette.exceptions import HTTPException

from rtmd.api.auth import Caller
from rtmd.api.stream import MOST_DIRTY, MOST_MARKS, MOST_READERS, Hub
from rtmd.config import Role
from rtmd.model.replace import replace
from rtmd.wire import Beat, Changes, Snapshot
from rtmd.wire.marks import MarkView
from rtmd.wire.watchers import WatcherView

ANA = Caller("ana", Role.OPERATE, origin="unix uid 1000")
BO = Caller("bo", Role.VIEW, origin="tcp 10.0.0.7")
KINDS: dict[str, type[Any]] = {"snapshot": Snapshot, "changes": Changes, "beat": Beat}


class FakeReader:
    """The far end of a stream: reads while `reading` is set."""

    def __init__(self, last_id: str = "") -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self.reading = asyncio.Event()
        self.reading.set()
        self.gone = asyncio.Event()
        self.ended = False
        self.rest = b""
        self.last_id = last_id
        headers = [(b"last-event-id", last_id.encode())] if last_id else []
        self.scope = {"type": "http", "headers": headers, "state": {"abort": self.gone.set}}

    async def receive(self) -> dict[str, object]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            return
        await self.reading.wait()
        self.ended = not message.get("more_body")
        await self.arrived.put(message["body"])

    async def message(self) -> Any:
        """The next message, decoded."""
        while b"\n\n" not in self.rest:
            self.rest += await asyncio.wait_for(self.arrived.get(), 2)
        event, self.rest = self.rest.split(b"\n\n", 1)
        fields = dict(line.split(b": ", 1) for line in event.split(b"\n"))
        self.last_id = fields[b"id"].decode()
        return msgspec.json.decode(fields[b"data"], type=KINDS[fields[b"event"].decode()])


@asynccontextmanager
async def reading(hub: Hub, last_id: str = "") -> AsyncIterator[FakeReader]:
    reader = FakeReader(last_id)
    task = asyncio.create_task(hub.serve(ANA, reader.scope, reader.receive, reader.send))
    try:
        yield reader
    finally:
        reader.gone.set()
        reader.reading.set()
        await asyncio.wait_for(task, 2)


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def hub(desk: FakeDesk) -> Hub:
    return Hub(desk, every=0.01, patience=0.05)


async def test_a_reader_gets_the_whole_picture_first(hub: Hub, desk: FakeDesk) -> None:
    async with reading(hub) as reader:
        snapshot = await reader.message()
        assert (snapshot.epoch, snapshot.you, snapshot.role) == (desk.epoch, "ana", "operate")
        assert [firing.id for firing in snapshot.firings] == ["f1"]
        assert reader.last_id == f"{desk.epoch}:{snapshot.seq}"


async def test_changes_come_whole_and_what_is_gone_by_id(hub: Hub, desk: FakeDesk) -> None:
    async with reading(hub) as reader:
        seq = (await reader.message()).seq
        desk.open["f2"] = firing_view("f2", title="line\nbreak\u2028")
        del desk.open["f1"]
        hub.touched(["f1", "f2"])
        changes = await reader.message()
        assert changes == Changes(seq + 1, [desk.open["f2"]], ["f1"])


async def test_touches_of_one_interval_are_one_message_with_the_latest_state(hub: Hub, desk: FakeDesk) -> None:
    async with reading(hub) as reader:
        seq = (await reader.message()).seq
        for value in range(100):
            desk.open["f1"] = firing_view(value=float(value))
            hub.touched(["f1"])
        changes = await reader.message()
        assert (changes.seq, changes.firings[0].value) == (seq + 1, 99.0)


async def test_the_first_touch_goes_out_at_once_and_the_next_waits_for_its_interval(desk: FakeDesk) -> None:
    hub = Hub(desk, every=3600)
    async with reading(hub) as reader:
        await reader.message()
        hub.touched(["f1"])
        assert (await reader.message()).firings
        hub.touched(["f1"])
        hub.beat()
        assert isinstance(await reader.message(), Beat)
    hub.close()


async def test_seq_rises_by_one_a_message_of_any_kind(hub: Hub) -> None:
    async with reading(hub) as reader:
        seqs = [(await reader.message()).seq]
        for _ in range(3):
            hub.touched(["f1"])
            seqs.append((await reader.message()).seq)
            hub.beat()
            seqs.append((await reader.message()).seq)
        assert seqs == list(range(seqs[0], seqs[0] + 7))


async def test_a_mark_is_sent_once_and_a_snapshot_has_those_of_the_last_day(hub: Hub, desk: FakeDesk) -> None:
    desk.kept_marks = [MarkView("old", desk.time - 90_000_000, "post", ""), MarkView("m1", desk.time, "post", "")]
    async with reading(hub) as reader:
        snapshot = await reader.message()
        assert snapshot.marks == desk.kept_marks[1:]
        made = MarkView("m2", desk.time, "deploy", "v2.3")
        hub.marked(made)
        changes = await reader.message()
        assert (changes.marks, changes.firings) == ([made], [])
        hub.touched(["f1"])
        assert (await reader.message()).marks == []


async def test_marks_over_the_bound_become_a_snapshot(hub: Hub, desk: FakeDesk) -> None:
    async with reading(hub) as reader:
        await reader.message()
        for number in range(MOST_MARKS + 1):
            hub.marked(MarkView(str(number), desk.time, "event", ""))
        assert isinstance(await reader.message(), Snapshot)


async def test_a_backlog_over_the_bound_becomes_a_snapshot(hub: Hub) -> None:
    async with reading(hub) as reader:
        await reader.message()
        hub.touched(str(number) for number in range(MOST_DIRTY + 1))
        assert isinstance(await reader.message(), Snapshot)


async def test_a_slow_reader_coalesces_while_others_go_on(desk: FakeDesk) -> None:
    hub = Hub(desk, every=0)
    async with reading(hub) as slow, reading(hub) as quick:
        await slow.message()
        await quick.message()
        slow.reading.clear()
        for number in range(20):
            desk.open["f1"] = firing_view(value=float(number))
            hub.touched(["f1"])
            assert (await quick.message()).firings[0].value == number
        slow.reading.set()
        values = [(await slow.message()).firings[0].value]
        while values[-1] != 19.0:
            values.append((await slow.message()).firings[0].value)
        assert len(values) <= 2


async def test_readers_that_keep_up_share_one_encoding(hub: Hub, desk: FakeDesk) -> None:
    async with reading(hub) as one, reading(hub) as two:
        await one.message()
        await two.message()
        desk.asked_for.clear()
        hub.touched(["f1"])
        assert (await one.message()).firings == (await two.message()).firings
        assert desk.asked_for == [["f1"]]


async def test_a_reader_that_does_not_read_is_dropped(hub: Hub) -> None:
    async with reading(hub) as reader:
        reader.reading.clear()
        await asyncio.wait_for(reader.gone.wait(), 2)


async def test_resuming_where_nothing_was_missed_needs_no_snapshot(hub: Hub) -> None:
    async with reading(hub) as reader:
        seq = (await reader.message()).seq
    async with reading(hub, reader.last_id) as again:
        beat = await again.message()
        assert (type(beat), beat.seq) == (Beat, seq + 1)
        hub.touched(["f1"])
        assert (await again.message()).seq == seq + 2


@pytest.mark.parametrize("what", ["touched", "another epoch", "an older message", "nonsense", "somebody else's"])
async def test_resuming_where_something_was_missed_is_a_snapshot(hub: Hub, desk: FakeDesk, what: str) -> None:
    async with reading(hub) as reader:
        seq = (await reader.message()).seq
    last_id = {"another epoch": f"e0:{seq}", "an older message": f"e1:{seq - 1}", "nonsense": "e1:²"}.get(what)
    if what == "touched":
        hub.touched(["f1"])
    if what == "somebody else's":
        last_id = f"{desk.epoch}:{seq + 1_000_000_000}"
    async with reading(hub, last_id or reader.last_id) as again:
        assert isinstance(await again.message(), Snapshot)


async def test_closing_ends_every_stream_and_accepts_no_more(hub: Hub) -> None:
    async with reading(hub) as reader:
        await reader.message()
        hub.touched(["f1"])
        hub.close()
        while not reader.ended:
            await asyncio.wait_for(reader.arrived.get(), 2)
    with pytest.raises(HTTPException, match="stopping"):
        hub.join(ANA)


async def test_everybody_who_reads_is_known_once_by_name_since_their_first_screen(hub: Hub, desk: FakeDesk) -> None:
    assert hub.watching() == []
    start = desk.time
    first = hub.join(ANA)
    desk.time += 60_000
    bo = hub.join(BO)
    second = hub.join(replace(ANA, origin="tcp 127.0.0.1"))
    of_ana = WatcherView("ana", start, ["tcp 127.0.0.1", "unix uid 1000"], screens=2)
    of_bo = WatcherView("bo", start + 60_000, ["tcp 10.0.0.7"])
    assert hub.watching() == [of_ana, of_bo]
    hub.leave(first)
    hub.leave(bo)
    assert hub.watching() == [WatcherView("ana", start + 60_000, ["tcp 127.0.0.1"])]
    hub.leave(second)
    assert hub.watching() == []


async def test_there_is_a_limit_on_readers(hub: Hub) -> None:
    readers = [hub.join(ANA) for _ in range(MOST_READERS)]
    with pytest.raises(HTTPException, match="connected already"):
        hub.join(ANA)
    hub.leave(readers[0])
    assert hub.join(ANA)


async def test_touching_without_readers_does_nothing(hub: Hub, desk: FakeDesk) -> None:
    hub.touched(["f1"])
    hub.beat()
    assert repr(hub) == "<Hub 0 readers, 0 fresh, 1 touches>"
    assert desk.asked_for == []
