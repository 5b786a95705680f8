"""The watch over rule files: it goes where it is told to, and ends then, whatever happens at the same moment."""

import asyncio
from contextlib import aclosing
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


async def test_other_folders_are_watched_when_the_configuration_names_others(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    watch = Watch([tmp_path])
    looks = watch.looks()
    watch.follow([tmp_path / "other"])
    async with asyncio.timeout(60), aclosing(looks):
        async for _ in looks:
            if [folder for folder, _, _ in watch._watched] == [tmp_path / "other"]:
                break
