"""What a commit costs on this disk: `python bench/fdatasync.py [FOLDER]`.

Prints how long `fdatasync` of a small append takes, then how many commits (a firing and its outbox row each) the
state store makes in a second, one at a time and a hundred at a time.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from rtmd.model.effects import Durable, FiringSaved, Notify
from rtmd.model.firing import Firing
from rtmd.model.reaction import Alert, Notification, NotifyReason, Told
from rtmd.model.replace import replace
from rtmd.model.rule import Kind, Severity, StageName
from rtmd.store.state import StateStore

_BLOCK = b"x" * 4096
_COMMITS = 2_000

_FIRING = Firing(
    id="f",
    version=1,
    rule="bench",
    labels=(("brand", "acme"), ("site", "fr")),
    kind=Kind.HEALTH,
    title="A firing of ordinary size",
    severity=Severity.WARNING,
    stage=StageName.SECONDS,
    stages=(),
    active_at=0,
    fired_at=0,
)


def measure(path: Path, n: int = 200) -> tuple[float, float]:
    """Append and `fdatasync` 4 KiB `n` times in the folder `path`: median and 99th percentile in ms."""
    with tempfile.NamedTemporaryFile(dir=path) as file:
        taken = sorted(_once(file.fileno()) for _ in range(n))
    return taken[n // 2], taken[min(n - 1, n * 99 // 100)]


def line(path: Path) -> str:
    """The machine's own figures for the folder, to print beside others."""
    p50, p99 = measure(path)
    return f"{'fdatasync here':28} p50 {p50:6.2f} ms  p99 {p99:6.2f} ms"


def _once(descriptor: int) -> float:
    os.write(descriptor, _BLOCK)
    start = time.perf_counter()
    os.fdatasync(descriptor)
    return (time.perf_counter() - start) * 1000


def _effects(n: int) -> list[Durable]:
    firing = replace(_FIRING, id=f"f{n}")
    alert = Alert(firing, Told.FIRING, 1, "")
    return [FiringSaved(firing), Notify(Notification(f"k{n}", "desk", 0, NotifyReason.FIRST, (alert,)))]


async def _commits(store: StateStore, group: int) -> float:
    start = time.perf_counter()
    for first in range(0, _COMMITS, group):
        await asyncio.gather(*(store.commit(_effects(n)) for n in range(first, first + group)))
    return _COMMITS / (time.perf_counter() - start)


def main() -> None:
    """Measure in the given folder, or in the present one."""
    parent = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        median, worst = measure(Path(folder))
        print(f"fdatasync: p50 {median:.2f} ms, p99 {worst:.2f} ms")
        for group in (1, 100):
            store = StateStore(Path(folder) / f"{group}.db")
            print(f"commits, {group:3} at a time: {asyncio.run(_commits(store, group)):,.0f}/s")
            store.close()


if __name__ == "__main__":
    main()
