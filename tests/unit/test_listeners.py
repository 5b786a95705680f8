"""Sources that listen: real sockets on loopback, and what is done about those who behave badly."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from fakes import StillClock

from rtmd.config import Address, GraphiteSource, StatsdSource
from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.ports import ConfiguredSource
from rtmd.sources import graphite, make_source
from rtmd.sources.graphite import GraphiteListener
from rtmd.sources.statsd import StatsdListener

AT = 1_760_000_000_000
FREE = Address("127.0.0.1", 0)
PATIENCE = 10.0


@dataclass
class Bench:
    series: SeriesTable = field(default_factory=SeriesTable)
    clock: StillClock = field(default_factory=StillClock)
    batches: list[SampleBatch] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Time passes quickly."""
        self.clock.at += round(seconds * 1000)
        await asyncio.sleep(0.001)

    def emit(self, _: str, batch: SampleBatch) -> None:
        self.batches.append(batch)

    def seen(self) -> dict[str, float]:
        """The last value of each metric."""
        found = {}
        for batch in self.batches:
            for series, value in zip(batch.ids.tolist(), batch.values.tolist(), strict=True):
                found[dict(self.series.labels(series))["__name__"]] = value
        return found

    @asynccontextmanager
    async def running(self, source: ConfiguredSource) -> AsyncIterator[None]:
        task = asyncio.create_task(source.run(self.emit))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def statsd(self, address: Address = FREE) -> StatsdListener:
        return StatsdListener(StatsdSource("statsd", address), series=self.series, clock=self.clock, sleep=self.sleep)

    def graphite(self, address: Address = FREE, idle: float = PATIENCE) -> GraphiteListener:
        return GraphiteListener(
            GraphiteSource("graphite", address), series=self.series, clock=self.clock, sleep=self.sleep, idle=idle
        )


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not look():  # noqa: ASYNC110  # sockets tell nobody when they have been read
            await asyncio.sleep(0.001)


async def port_of(source: StatsdListener | GraphiteListener) -> int:
    await until(lambda: source.listening.port)
    return source.listening.port


async def test_datagrams_become_batches_and_rubbish_becomes_a_count() -> None:
    bench = Bench()
    source = bench.statsd()
    async with bench.running(source):
        port = await port_of(source)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for datagram in (b"hits:2|c\nqueue:7|g", b"", b"\0\xff" * 30_000, b"hits:x|c", b"hits:1|c"):
                sock.sendto(datagram, ("127.0.0.1", port))
        await until(lambda: bench.seen().get("hits_total") == 3.0)
    assert bench.seen() == {"hits_total": 3.0, "queue": 7.0}
    assert source.errors == {"line_too_long": 1, "bad_value": 1}
    assert sorted(source.live().tolist()) == [0, 1]


async def test_an_address_is_free_again_once_the_source_has_ended() -> None:
    bench = Bench()
    for make in (bench.statsd, bench.graphite):
        first = make()
        async with bench.running(first):
            port = await port_of(first)
        second = make(Address("127.0.0.1", port))
        async with bench.running(second):
            await asyncio.sleep(0.01)
            assert (second.last_error, dict(second.errors)) == ("", {})


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
async def test_an_address_in_use_is_said_and_tried_again(kind: socket.SocketKind) -> None:
    bench = Bench()
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", int(taken.getsockname()[1]))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        source = bench.statsd(address) if kind is socket.SOCK_DGRAM else bench.graphite(address)
        task = asyncio.create_task(source.run(bench.emit))
        await until(lambda: source.errors["listen"] >= 2)
        assert source.last_error == f"cannot listen on 127.0.0.1:{address.port}: Address already in use"
    await until(lambda: not source.last_error)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_lines_of_one_read_are_one_batch_and_half_a_line_waits() -> None:
    bench = Bench()
    source = bench.graphite()
    async with bench.running(source):
        reader, writer = await asyncio.open_connection("127.0.0.1", await port_of(source))
        writer.write(b"a.b 1\nbad\nc;x=y 2 1760000000\nd.")
        await until(lambda: bench.batches)
        assert [len(batch) for batch in bench.batches] == [2]
        writer.write(b"e 3\nhalf 4")
        await until(lambda: "d_e" in bench.seen())
        writer.close()
        await until(lambda: source.errors["unfinished_line"])
        assert await reader.read() == b""
    assert bench.seen() == {"a_b": 1.0, "c": 2.0, "d_e": 3.0}
    assert source.errors == {"bad_line": 1, "unfinished_line": 1}
    assert not source.connections
    assert len(source.live()) == 0


async def test_a_sender_that_is_faster_than_we_are_loses_nothing() -> None:
    bench = Bench()
    source = bench.graphite()
    async with bench.running(source):
        _, writer = await asyncio.open_connection("127.0.0.1", await port_of(source))
        for start in range(0, 40_000, 1_000):
            writer.write(b"".join(b"a.b %d %d\n" % (number, number) for number in range(start, start + 1_000)))
        await until(lambda: sum(map(len, bench.batches)) == 40_000)
        writer.close()
    times = [time for batch in bench.batches for time in batch.times.tolist()]
    assert times == [number * 1_000 for number in range(40_000)]
    assert not source.errors


@pytest.mark.parametrize(
    ("sent", "idle", "reason"), [(b"x" * 20_000, PATIENCE, "line_too_long"), (b"a 1\nb", 0.01, "idle")]
)
async def test_a_connection_without_manners_is_ended(sent: bytes, idle: float, reason: str) -> None:
    bench = Bench()
    source = bench.graphite(idle=idle)
    async with bench.running(source):
        reader, writer = await asyncio.open_connection("127.0.0.1", await port_of(source))
        writer.write(sent)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
        await until(lambda: not source.connections)
    assert source.errors == {reason: 1}


async def test_too_many_connections_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphite, "CONNECTIONS", 1)
    bench = Bench()
    source = bench.graphite()
    async with bench.running(source):
        port = await port_of(source)
        _, first = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: source.connections)
        reader, second = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        first.write(b"a 1\n")
        await until(bench.seen)
        first.close()
        second.close()
    assert source.errors == {"too_many_connections": 1}


def test_each_kind_is_made_from_its_table() -> None:
    for config in (StatsdSource("s"), GraphiteSource("g")):
        source = make_source(config, series=SeriesTable(), clock=StillClock())
        assert (source.name, source.last_error, len(source.live())) == (config.name, "", 0)
        assert "127.0.0.1" in repr(source)
