"""The watch over rule files ends when it is told to, whatever happens at the same moment."""

import asyncio
from pathlib import Path

from rtmd.runtime.watch import Watch


async def test_a_look_that_comes_due_with_the_end_does_not_keep_it_alive(tmp_path: Path) -> None:
    watch = Watch([tmp_path])

    async def follow() -> None:
        async for _ in watch.looks():
            pass

    following = asyncio.create_task(follow())
    for _ in range(3):
        await asyncio.sleep(0)
    watch._look.set()
    following.cancel()
    done, _ = await asyncio.wait({following}, timeout=5)
    assert done
    assert following.cancelled()
