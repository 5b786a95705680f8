"""Who else looks: in the header, and on a page of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import world
from fake_daemon import FakeDaemon
from rich.cells import cell_len
from seat import sitting

from rtmd.wire.watchers import WatcherView
from tui.picture import Picture
from tui.view.glyphs import ASCII, UNICODE
from tui.view.header import header
from tui.view.line import plain
from tui.view.moment import Moment
from tui.view.who import who_page

NOW = Moment(mono=10_000, wall=world.WALL, at=world.AT)
ANA, BO, WALL_SCREEN = world.WATCHING


def picture(*watching: WatcherView) -> Picture:
    shown = Picture()
    shown.hear(world.snapshot([], watching=list(watching)), NOW.mono)
    return shown


def top(shown: Picture, cells: int = 120) -> str:
    return plain(header(shown, NOW, cells, UNICODE))


def test_the_header_counts_persons_without_oneself() -> None:
    assert "ana@operate  14:03" in top(picture(ANA))
    assert "ana@operate +1 op  14:03" in top(picture(ANA, BO))
    assert "ana@operate +2 ops  14:03" in top(picture(ANA, BO, WALL_SCREEN))
    assert "ana@operate  14:03" in top(picture())


def test_on_narrow_screens_the_role_leaves_first_and_then_who_looks() -> None:
    shown = picture(*world.WATCHING)
    seen = [top(shown, cells) for cells in range(60, 130)]
    assert all(cell_len(text) <= cells for cells, text in enumerate(seen, 60))
    short = [cells for cells, text in enumerate(seen, 60) if "ana +2 ops" in text]
    long = [cells for cells, text in enumerate(seen, 60) if "ana@operate +2 ops" in text]
    assert short
    assert long
    assert max(short) < min(long)
    assert "ops" not in seen[0]


def test_the_page_has_everybody_oneself_first() -> None:
    lines = [plain(line).rstrip() for line in who_page(picture(BO, ANA, WALL_SCREEN), NOW, 120, UNICODE)]
    assert lines[1:] == [
        "   WHO                SINCE                      FROM",
        "   ana (you)          12:03:07Z (2h00)           tcp 127.0.0.1, unix uid 1000 · 2 screens",
        "   bo                 13:51:07Z (12m)            unix uid 1001",
        "   token:wall         11-01 08:03:07Z (30h00)    tcp 10.0.0.7 · 3 screens",
    ]
    assert "not known yet" in plain(who_page(Picture(), NOW, 80, UNICODE)[1])


@pytest.mark.parametrize("cells", [60, 120])
@pytest.mark.parametrize("hostile", world.HOSTILE, ids=range(len(world.HOSTILE)))
def test_a_hostile_name_or_place_stays_on_its_line(hostile: str, cells: int) -> None:
    shown = picture(WatcherView(hostile, world.WALL, [hostile, hostile]))
    for line in [*who_page(shown, NOW, cells, ASCII), header(shown, NOW, cells, ASCII)]:
        assert cell_len(plain(line)) <= cells
        assert not set(plain(line)) & set("\x1b\x07\x9b\u202e\n\r\t\x00")


async def test_whoever_comes_and_goes_is_counted_and_the_palette_names_them(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(watching=[ANA])) as seat:
        await seat.sees("ana@operate")
        seat.daemon.status["watching"] = [ANA, BO]
        seat.daemon.beat()
        await seat.sees("ana +1 op")
        await seat.press(":", "w", "h", "o", "enter")
        await seat.sees("unix uid 1001", "13:51:07Z (12m)")
        seat.daemon.status["watching"] = [ANA]
        seat.daemon.beat()
        await seat.until(lambda: "+1 op" not in seat.text and "unix uid 1001" not in seat.text)
