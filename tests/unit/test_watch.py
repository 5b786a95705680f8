"""The watch over rule files: the kernel tells, looks follow the names, and it ends when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from rtmd.runtime import watch as watching
from rtmd.runtime.watch import Watch

HOUR = 3600.0


@asynccontextmanager
async def looking(watch: Watch) -> AsyncIterator[asyncio.Queue[None]]:
    """Every look of this watch, while the block lasts; the first is over."""
    found: asyncio.Queue[None] = asyncio.Queue()

    async def follow() -> None:
        async with aclosing(watch.looks()) as looks:
            async for _ in looks:
                found.put_nowait(None)

    following = asyncio.create_task(follow())
    async with asyncio.timeout(60):
        await found.get()
        yield found
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


@pytest.fixture
def no_rescan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "RESCAN", HOUR)


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


@pytest.mark.usefixtures("no_rescan")
async def test_every_way_to_save_a_file_calls_for_a_look(tmp_path: Path) -> None:
    file, other = tmp_path / "r.toml", tmp_path / "new"
    async with looking(Watch([tmp_path])) as looks:
        file.write_text("in place")
        await looks.get()
        other.write_text("under another name")
        await looks.get()
        other.replace(file)
        await looks.get()
        file.chmod(0o600)
        await looks.get()
        file.unlink()
        await looks.get()


@pytest.mark.usefixtures("no_rescan")
async def test_a_single_file_is_watched_even_when_another_takes_its_place(tmp_path: Path) -> None:
    file, other = tmp_path / "r.toml", tmp_path / "new"
    file.write_text("one")
    async with looking(Watch([file])) as looks:
        for _ in range(2):
            other.write_text("another")
            await looks.get()
            other.replace(file)
            await looks.get()


@pytest.mark.usefixtures("no_rescan")
async def test_sub_folders_are_watched_that_came_later_and_folders_that_were_made_anew(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    watch = Watch([rules])
    async with looking(watch) as looks:
        (rules / "team").mkdir()
        await looks.get()
        (rules / "team" / "r.toml").write_text("one")
        await looks.get()
        rules.rename(tmp_path / "old")
        await looks.get()
        rules.mkdir()
        watch.look_after(0)  # a rescan
        await looks.get()
        (rules / "r.toml").write_text("two")
        await looks.get()
        assert looks.empty()


@pytest.mark.usefixtures("no_rescan")
async def test_other_folders_are_watched_when_the_configuration_names_others(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    watch = Watch([tmp_path / "one"])
    async with looking(watch) as looks:
        watch.follow([tmp_path / "other"])
        (tmp_path / "one" / "r.toml").write_text("")
        await looks.get()
        (tmp_path / "other" / "r.toml").write_text("")
        await looks.get()


async def test_where_the_kernel_watches_nothing_more_looks_come_all_the_same_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(watching, "Inotify", refused)
    monkeypatch.setattr(watching, "RESCAN", 0.0)
    async with looking(Watch([tmp_path])) as looks:
        await looks.get()
        await looks.get()
    assert "files are looked at every 0 s only: [Errno 24] Too many open files" in caplog.text
