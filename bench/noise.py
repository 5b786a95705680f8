"""What it costs to look at the noise board: `python bench/noise.py [FOLDER]`.

A journal of 30 days and 100,000 lines, of firings of 200 rules as the pipeline writes them. Prints the first look
(which reads all of it), the next one, and the longest that the loop was kept from running meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from rtmd.model.effects import Journaled
from rtmd.runtime.noise import NoiseBoard
from rtmd.store.state import StateStore

_SMALL = os.environ.get("RTMD_BENCH") == "small"
_FIRINGS = 1_000 if _SMALL else 13_000
_RULES = tuple(f"rule-{number:03}" for number in range(200))
_START = 1_790_000_000_000
_SPAN = 30 * 86_400_000


def lines(dice: random.Random) -> Iterator[Journaled]:
    """The journal, eight lines a firing or so."""
    for number in range(_FIRINGS):
        at, rule, firing = _START + number * _SPAN // _FIRINGS, dice.choice(_RULES), f"f{number:09}"

        def line(
            kind: str, later: int, at: int = at, rule: str = rule, firing: str = firing, **detail: str
        ) -> Journaled:
            return Journaled(at + later, kind, rule, firing, "minutes: fired, 120 > 80 for 2m", detail)

        common = {"stage": "seconds", "reason": "120 > 80 for 5s", "value": "120"}
        yield line("transition", 0, change="opened", **common)
        yield line("transition", 0, change="stage fired", **common)
        yield line("told", 1, key="e3b0c44298fc1c14/1790000000000/1", reason="first")
        yield line("transition", 5_000, change="stage moved", **common)
        if dice.random() < 0.2:
            yield line("ack", 6_000, note="")
        yield line("transition", 9_000, change="stage ended", **common)
        yield line("transition", 9_000, change="resolved", **common)
        yield line("told", 9_001, key="e3b0c44298fc1c14/1790000000000/2", reason="resolved")
        yield line(
            "outcome", 60_000, change="judged", stage="seconds", reason=dice.choice(["false start", "confirmed"])
        )


async def measure(folder: Path) -> None:
    """Fill a store in the folder and look at it."""
    store = StateStore(folder / "state.db")
    try:
        journal = list(lines(random.Random(7)))  # noqa: S311  # nothing is secret here
        for start in range(0, len(journal), 5_000):
            await store.commit(journal[start : start + 5_000])
        print(f"{len(journal)} lines")
        board = NoiseBoard(store)
        for what in ("first look", "next look", "a day's board"):
            taken, held = await _look(board, 1 if "day" in what else 30)
            print(f"{what:14} {taken:6.0f} ms   the loop held up for {held:4.1f} ms at most")
    finally:
        store.close()


async def _look(board: NoiseBoard, days: int) -> tuple[float, float]:
    """How long it took, and the longest turn of the loop meanwhile beyond its pause of a millisecond; both in ms."""
    turns = [time.perf_counter()]
    looking = asyncio.create_task(board.look(_RULES, _START + _SPAN, days))
    while not looking.done():
        await asyncio.sleep(0.001)
        turns.append(time.perf_counter())
    held = max(after - before for before, after in pairwise(turns))
    return (turns[-1] - turns[0]) * 1000, max(0.0, held * 1000 - 1)


def main() -> None:
    """Measure in a folder (default: a new one)."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
