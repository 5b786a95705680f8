"""This host's own numbers, every second: one atomic batch of `host_…` series, each with the label `host`.

    host_cpu_percent                    host_memory_used_ratio            host_network_receive_bytes_total{device}
    host_cpu_count                      host_swap_used_ratio              host_network_transmit_bytes_total{device}
    host_load1, host_load5, host_load15 host_disk_used_ratio{mount}       host_disk_read_bytes_total
    host_boot_time_seconds              host_disk_free_bytes{mount}       host_disk_written_bytes_total

Reading is cheap and happens on the loop, except for the disks: a file system may hang, so a thread asks them every
few seconds, one question at a time, and the last answer is repeated until it is too old to be true. What is no
longer there (a device, a mount, a number) gets a stale marker.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from rtmd import config
from rtmd.formats.batch import Ids, SampleBatch, SeriesTable
from rtmd.model.labels import METRIC_NAME, Labels, labels_of
from rtmd.ports import Clock, Emit
from rtmd.sources.machine import Disk, Machine, Readings, ThisMachine
from rtmd.sources.schedule import Sleep, offset_of, wait
from rtmd.sources.staleness import Lineage, rows

_DISKS_EVERY = 5_000  # ms
_DISKS_OLD = 60_000  # an answer older than this is none: the disk hangs

# Metric, further labels, value.
Reading: TypeAlias = tuple[str, Labels, float]


def named(readings: Readings, disks: Sequence[Disk]) -> Iterator[Reading]:
    """What was read, under its metric names; what could not be read is left out."""
    loads = readings.load or (None, None, None)
    plain = {
        "host_cpu_percent": readings.cpu_percent,
        "host_cpu_count": readings.cpu_count,
        "host_load1": loads[0],
        "host_load5": loads[1],
        "host_load15": loads[2],
        "host_memory_used_ratio": readings.memory_used_ratio,
        "host_swap_used_ratio": readings.swap_used_ratio,
        "host_boot_time_seconds": readings.boot_time,
        "host_disk_read_bytes_total": readings.disk_read_bytes,
        "host_disk_written_bytes_total": readings.disk_written_bytes,
    }
    yield from ((metric, (), value) for metric, value in plain.items() if value is not None)
    for device in readings.devices:
        labels = (("device", device.name),)
        yield "host_network_receive_bytes_total", labels, device.received
        yield "host_network_transmit_bytes_total", labels, device.transmitted
    for disk in disks:
        labels = (("mount", disk.mount),)
        yield "host_disk_used_ratio", labels, disk.used_ratio
        yield "host_disk_free_bytes", labels, disk.free_bytes


class HostPoller:
    """The source of kind `host`. `machine` and `sleep` are for tests."""

    def __init__(
        self,
        source: config.HostSource,
        *,
        series: SeriesTable,
        clock: Clock,
        machine: Machine | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = source.name
        self.last_error = ""
        self.errors: Counter[str] = Counter()  # what cannot be read is left out: there are none
        self._every = source.every
        self._series = series
        self._clock = clock
        self._machine = machine or ThisMachine()
        self._sleep = sleep
        self._host = self._machine.hostname()
        self._lineage = Lineage(series)
        self._disks: tuple[Disk, ...] = ()
        self._disks_at: int | None = None
        self._asking: asyncio.Task[None] | None = None
        self._asked_at: int | None = None

    def __repr__(self) -> str:
        return f"<HostPoller {self.name} of {self._host}, {len(self._disks)} disks>"

    def live(self) -> Ids:
        """The series of the last poll."""
        return self._lineage.live

    def adopt(self, series: Ids) -> None:
        """Take over from a predecessor: what is not continued ends."""
        self._lineage.adopt(series)

    async def run(self, emit: Emit) -> None:
        """Emit a batch every `every` ms until cancelled."""
        offset = offset_of(self.name, self._every)
        try:
            while True:
                await self._sleep(wait(self._clock.now(), every=self._every, offset=offset) / 1000)
                self._ask_disks(self._clock.now())
                emit(self.name, self.poll())
        finally:
            if self._asking is not None:
                self._asking.cancel()

    def poll(self) -> SampleBatch:
        """Read everything but the disks now; these are as the thread last saw them."""
        at = self._clock.now()
        fresh = self._disks_at is not None and at - self._disks_at <= _DISKS_OLD
        found = named(self._machine.readings(), self._disks if fresh else ())
        return self._lineage.continued(rows([(self._id(*reading[:2]), reading[2]) for reading in found], at), at)

    async def look_at_disks(self) -> None:
        """Ask how full the disks are, in a thread."""
        self._disks = await asyncio.to_thread(self._machine.disks)
        self._disks_at = self._clock.now()

    def _ask_disks(self, at: int) -> None:
        if self._asking is not None and not self._asking.done():
            return  # still hanging: one question is enough
        if self._asked_at is None or at - self._asked_at >= _DISKS_EVERY:
            self._asked_at = at
            self._asking = asyncio.create_task(self.look_at_disks())

    def _id(self, metric: str, labels: Labels) -> int:
        return self._series.intern(labels_of([(METRIC_NAME, metric), ("host", self._host), *labels]))
