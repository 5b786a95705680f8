"""The host source: what it emits, what it leaves out, and that a hanging disk stops nothing."""

import asyncio
import threading
from dataclasses import dataclass, field

import pytest
from fakes import StillClock

from rtmd.config import HostSource
from rtmd.formats.batch import SampleBatch, SeriesTable, is_stale
from rtmd.model.labels import METRIC_NAME, Labels, get, without
from rtmd.sources import make_source
from rtmd.sources.host import HostPoller, named
from rtmd.sources.machine import Device, Disk, Readings, ThisMachine
from rtmd.sources.schedule import offset_of, wait

AT = 1_760_000_000_000
FULL = Readings(
    cpu_percent=12.5,
    cpu_count=4,
    load=(1.0, 2.0, 3.0),
    memory_used_ratio=0.5,
    swap_used_ratio=0.0,
    boot_time=1_750_000_000.0,
    disk_read_bytes=10,
    disk_written_bytes=20,
    devices=(Device("eth0", 100, 200),),
)
ROOT = Disk("/", 0.25, 4096)


@dataclass
class PaperMachine:
    seen: Readings = FULL
    mounted: tuple[Disk, ...] = (ROOT,)
    hangs: threading.Event | None = None
    asked: int = 0

    def hostname(self) -> str:
        return "desk-1"

    def readings(self) -> Readings:
        return self.seen

    def disks(self) -> tuple[Disk, ...]:
        self.asked += 1
        if self.hangs is not None:
            self.hangs.wait()
        return self.mounted


@dataclass
class Bench:
    clock: StillClock = field(default_factory=StillClock)
    machine: PaperMachine = field(default_factory=PaperMachine)
    series: SeriesTable = field(default_factory=SeriesTable)

    def __post_init__(self) -> None:
        source = HostSource("host")
        self.poller = HostPoller(source, series=self.series, clock=self.clock, machine=self.machine, sleep=self.sleep)
        self.batches: list[SampleBatch] = []
        self.rounds = 0

    async def sleep(self, seconds: float) -> None:
        """Time passes; after the last round the source is cancelled."""
        self.clock.at += round(seconds * 1000)
        self.rounds -= 1
        await asyncio.sleep(0)
        if self.rounds < 0:
            raise asyncio.CancelledError

    async def run(self, rounds: int) -> None:
        self.rounds = rounds
        with pytest.raises(asyncio.CancelledError):
            await self.poller.run(lambda _, batch: self.batches.append(batch))

    def rows(self, batch: SampleBatch) -> dict[tuple[str, Labels], float | None]:
        stale = is_stale(batch.values).tolist()
        found: dict[tuple[str, Labels], float | None] = {}
        for series, value, ended in zip(batch.ids.tolist(), batch.values.tolist(), stale, strict=True):
            labels = self.series.labels(series)
            assert get(labels, "host") == "desk-1"
            found[get(labels, METRIC_NAME), without(labels, frozenset({METRIC_NAME, "host"}))] = (
                None if ended else value
            )
        return found


async def test_one_poll_is_one_batch_at_one_time_with_every_number() -> None:
    bench = Bench()
    await bench.poller.look_at_disks()
    batch = bench.poller.poll()
    assert set(batch.times.tolist()) == {AT}
    assert bench.rows(batch) == {
        ("host_cpu_percent", ()): 12.5,
        ("host_cpu_count", ()): 4.0,
        ("host_load1", ()): 1.0,
        ("host_load5", ()): 2.0,
        ("host_load15", ()): 3.0,
        ("host_memory_used_ratio", ()): 0.5,
        ("host_swap_used_ratio", ()): 0.0,
        ("host_boot_time_seconds", ()): 1_750_000_000.0,
        ("host_disk_read_bytes_total", ()): 10.0,
        ("host_disk_written_bytes_total", ()): 20.0,
        ("host_network_receive_bytes_total", (("device", "eth0"),)): 100.0,
        ("host_network_transmit_bytes_total", (("device", "eth0"),)): 200.0,
        ("host_disk_used_ratio", (("mount", "/"),)): 0.25,
        ("host_disk_free_bytes", (("mount", "/"),)): 4096.0,
    }


def test_what_a_container_cannot_read_is_left_out() -> None:
    assert list(named(Readings(), ())) == []
    assert [metric for metric, _, _ in named(Readings(load=(1.0, 2.0, 3.0)), ())] == [
        "host_load1",
        "host_load5",
        "host_load15",
    ]


def test_a_device_that_is_gone_ends_its_series_once() -> None:
    bench = Bench()
    bench.poller.poll()
    bench.machine.seen = Readings(cpu_percent=1.0)
    gone = bench.rows(bench.poller.poll())
    assert gone["host_network_receive_bytes_total", (("device", "eth0"),)] is None
    assert gone["host_cpu_percent", ()] == 1.0
    assert bench.rows(bench.poller.poll()) == {("host_cpu_percent", ()): 1.0}


async def test_disks_are_repeated_until_their_answer_is_too_old() -> None:
    bench = Bench()
    await bench.poller.look_at_disks()
    bench.clock.at += 60_000
    assert bench.rows(bench.poller.poll())["host_disk_used_ratio", (("mount", "/"),)] == 0.25
    bench.clock.at += 1
    assert bench.rows(bench.poller.poll())["host_disk_used_ratio", (("mount", "/"),)] is None


async def test_it_polls_each_second_at_its_own_phase() -> None:
    bench = Bench()
    await bench.run(3)
    first = bench.batches[0].times[0]
    assert [int(batch.times[0] - first) for batch in bench.batches] == [0, 1000, 2000]
    assert int(first) % 1000 == offset_of("host", 1000)


async def test_a_hanging_disk_is_asked_once_and_stops_nothing() -> None:
    bench = Bench(machine=PaperMachine(hangs=threading.Event()))
    try:
        await bench.run(20)
        assert len(bench.batches) == 20
        assert bench.machine.asked == 1
    finally:
        assert bench.machine.hangs is not None
        bench.machine.hangs.set()


def test_the_wait_is_never_zero_and_skips_what_was_missed() -> None:
    assert wait(1_000, every=1_000, offset=0) == 1_000
    assert wait(999, every=1_000, offset=0) == 1
    assert wait(12_345, every=1_000, offset=400) == 55
    assert wait(100, every=1_000, offset=400) == 300


def test_this_machine_can_be_read() -> None:
    machine = ThisMachine()
    seen = machine.readings()
    assert seen.memory_used_ratio is None or 0 <= seen.memory_used_ratio <= 1
    assert all(0 <= disk.used_ratio <= 1 for disk in machine.disks())


def test_the_configuration_makes_it() -> None:
    source = make_source(HostSource("here"), series=SeriesTable(), clock=StillClock())
    assert source.name == "here"
