"""Reading this machine: psutil behind a port, so that tests bring their own machine.

Containers, old kernels and odd file systems lack one number or another; a number that cannot be read is None (or
absent from its tuple) and costs nothing else.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psutil
from msgspec import Struct

_T = TypeVar("_T")

# Always full, or nobody's disk.
_NO_DISKS = frozenset({"squashfs", "iso9660", "erofs", "udf"})
# The loopback says nothing; a container's end of a cable comes and goes with it.
_NO_DEVICES = ("lo", "veth")


class Device(Struct, frozen=True):
    """Bytes through a network device since it came up."""

    name: str
    received: int
    transmitted: int


class Disk(Struct, frozen=True):
    """How full a mounted file system is; `used_ratio` is of what ordinary users may fill."""

    mount: str
    used_ratio: float
    free_bytes: int


class Readings(Struct, frozen=True):
    """What can be read at once, without waiting for a disk."""

    cpu_percent: float | None = None
    cpu_count: int | None = None
    load: tuple[float, float, float] | None = None
    memory_used_ratio: float | None = None
    swap_used_ratio: float | None = None
    boot_time: float | None = None
    disk_read_bytes: int | None = None
    disk_written_bytes: int | None = None
    devices: tuple[Device, ...] = ()


class Machine(Protocol):
    """A machine that can be read."""

    def hostname(self) -> str:
        """The value of the label `host`."""
        ...

    def readings(self) -> Readings:
        """Everything that is cheap; called on the loop."""
        ...

    def disks(self) -> tuple[Disk, ...]:
        """How full the disks are; may block, so it is called in a thread."""
        ...


class ThisMachine:
    """The machine that rtmd runs on."""

    def __init__(self) -> None:
        _try(lambda: psutil.cpu_percent(interval=None))  # the first call only starts the measurement
        self._boot_time = _try(psutil.boot_time)
        self._cpu_count = _try(psutil.cpu_count)

    def hostname(self) -> str:
        """The name of the host, as `hostname` says it."""
        return socket.gethostname()

    def readings(self) -> Readings:
        """About half a millisecond."""
        traffic: Any = _try(psutil.disk_io_counters)
        return Readings(
            cpu_percent=_try(lambda: psutil.cpu_percent(interval=None)),
            cpu_count=self._cpu_count,
            load=_try(psutil.getloadavg),
            memory_used_ratio=_try(_memory_used),
            swap_used_ratio=_try(_swap_used),
            boot_time=self._boot_time,
            disk_read_bytes=_try(lambda: traffic.read_bytes),
            disk_written_bytes=_try(lambda: traffic.write_bytes),
            devices=_devices(_try(lambda: psutil.net_io_counters(pernic=True)) or {}),
        )

    def disks(self) -> tuple[Disk, ...]:
        """Mounted block devices, each once, and the root whatever it is."""
        mounts: dict[str, str] = {"": "/"}
        for part in sorted(_try(psutil.disk_partitions) or [], key=lambda part: len(part.mountpoint)):
            if part.fstype not in _NO_DISKS and part.mountpoint != "/" and Path(part.mountpoint).is_dir():
                mounts.setdefault(part.device, part.mountpoint)
        return tuple(disk for mount in mounts.values() if (disk := _try(partial(_disk, mount))) is not None)


def _memory_used() -> float:
    memory = psutil.virtual_memory()
    return float(1 - memory.available / memory.total)


def _swap_used() -> float:
    swap = psutil.swap_memory()
    return float(swap.used / swap.total) if swap.total else 0.0


def _disk(mount: str) -> Disk:
    usage = psutil.disk_usage(mount)
    return Disk(mount, usage.percent / 100, usage.free)


def _devices(counters: dict[str, Any]) -> tuple[Device, ...]:
    return tuple(
        Device(name, counter.bytes_recv, counter.bytes_sent)
        for name, counter in sorted(counters.items())
        if not name.startswith(_NO_DEVICES)
    )


def _try(read: Callable[[], _T]) -> _T | None:
    """One number, or None where this machine does not have it."""
    try:
        return read()
    except (OSError, psutil.Error, AttributeError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
        return None
