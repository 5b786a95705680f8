"""The Silences screen: what is hidden, and everything that people do to a silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import world
from fake_daemon import FakeDaemon
from seat import Seat, sitting

from rtmd.model.silence import Lift
from rtmd.wire.silences import ExpireRequest, SilenceRequest
from tui.scale import HOUR, MINUTE
from tui.screens.live import LiveScreen
from tui.screens.silences import SilencesScreen
from tui.silences import SilenceList, step
from tui.silencing import DAY
from tui.view import silences as view
from tui.view.glyphs import ASCII, UNICODE
from tui.view.line import plain, width
from tui.view.moment import Moment

NOW = Moment(0, world.WALL, world.AT)


def daemon() -> FakeDaemon:
    served = FakeDaemon()
    served.silences = {each.id: each for each in world.silences()}
    return served


async def on_silences(seat: Seat) -> SilencesScreen:
    """The seat on the Silences screen, with its answer."""
    await seat.press("3")
    await seat.sees("migration", "3 active")
    screen = seat.app.screen
    assert isinstance(screen, SilencesScreen)
    return screen


def sent(seat: Seat) -> list[Any]:
    return [request for _, request in seat.daemon.requests]


async def test_active_ones_come_first_and_each_says_what_it_does_and_until_when(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon(), (160, 30)) as seat:
        screen = await on_silences(seat)
        assert [each.id for each in screen.silences.rows] == ["s2", "s1", "s3", "s5", "s4"]
        rows = [" ".join(line[1:].split()) for line in seat.text.splitlines()[3:8]]
        assert rows == [
            'active ! 2m or ok rule="site-latency" site="checkout" bo 1 7 investigating',
            'active 14m rule="gc-pause" stage=~"seconds|minutes" cy 2 1 104 over-reactive',
            'FORGOTTEN 6d dc="eu-2" cy 0 0 migration',
            'to come from 2h00 service=~"pay.*" cy - 0 maintenance',
            'over 4m ago host="db-07" ana - 12 reboot',
        ]
        await seat.sees("3 active · 1 about to end · 1 forgotten · 5 in all")


async def test_x_lifts_at_once_and_undo_makes_it_again(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await on_silences(seat)
        await seat.press("j", "X")
        await seat.sees('✓ lifted rule="gc-pause"', "2 active")
        await seat.press("U")
        await seat.sees("the silence is back, under a new id", "3 active")
        assert sent(seat) == [
            ExpireRequest("s1", 2),
            SilenceRequest(id="s1", length=14 * MINUTE, confirm=True),
        ]
        await seat.press("G", "X", "-", "e")
        assert seat.said[-3:] == ["it is over already; + renews it"] * 3


async def test_one_to_come_is_undone_with_its_start(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await on_silences(seat)
        await seat.press("j", "j", "j", "X")
        await seat.sees("lifted service")
        await seat.press("U")
        await seat.sees("under a new id")
        assert sent(seat)[1] == SilenceRequest(id="s5", starts_at=world.WALL + 2 * HOUR, length=HOUR, confirm=True)


async def test_plus_and_minus_move_the_end_by_the_step_of_the_stage(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await on_silences(seat)
        await seat.press("j", "+")
        await seat.sees("✓ until 14:32:07Z (29m more)")
        await seat.until(lambda: "29m" in seat.text.splitlines()[4])
        await seat.press("-")
        await seat.sees("✓ until 14:17:07Z (14m more)")
        assert sent(seat) == [
            SilenceRequest(id="s1", version=2, length=29 * MINUTE),
            SilenceRequest(id="s1", version=3, length=14 * MINUTE),
        ]


async def test_one_that_is_over_is_renewed_under_a_new_id(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        screen = await on_silences(seat)
        await seat.press("G", "+")
        await seat.sees('⊘ renewed host="db-07" until 14:45:07Z · U undo', "4 active")
        assert sent(seat) == [SilenceRequest(id="s4", version=2, length=42 * MINUTE)]
        assert {each.id for each in screen.silences.rows} == {"s1", "s2", "s3", "s4", "s5", "s101"}
        await seat.press("U")
        await seat.sees("is over again")
        assert sent(seat)[1] == ExpireRequest("s101")


async def test_a_length_can_be_typed_and_what_the_daemon_doubts_needs_a_second_key(tmp_path: Path) -> None:
    served = daemon()
    served.asks = ["hides 60 of 80 open firings", "lasts over 7 days"]
    async with sitting(tmp_path, served) as seat:
        await on_silences(seat)
        await seat.press("t", *"soon", "enter")
        await seat.sees("not changed: give a length like 90s, 45m, 2h, 3d")
        await seat.press("t", *"8d", "enter")
        await seat.sees("it hides 60 of 80 open firings, lasts over 7 days: do it?")
        await seat.press("escape", "t", *"8d", "enter")
        await seat.sees("do it?")
        await seat.press("y")
        await seat.sees("✓ until 11-10 14:03:07Z (8d more)")
        assert [request.confirm for request in sent(seat)] == [False, False, True]
        assert sent(seat)[-1].length == 8 * DAY


async def test_the_reason_can_be_said_anew_and_nothing_else_changes(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await on_silences(seat)
        await seat.press("j", "e")
        await seat.sees("because: over-reactive")
        await seat.press("ctrl+u", *"Kim has it", "enter")
        await seat.sees("Kim has it")
        assert sent(seat) == [
            SilenceRequest(id="s1", version=2, length=14 * MINUTE, comment="Kim has it", confirm=True)
        ]


async def test_who_was_first_is_told(tmp_path: Path) -> None:
    served = daemon()
    served.refuse = "bo was first"
    async with sitting(tmp_path, served) as seat:
        await on_silences(seat)
        await seat.press("X", "+", "e", "x", "enter")
        await seat.until(lambda: len(seat.said) == 3)
        assert seat.said == ["✗ not lifted: bo was first", "✗ not changed: bo was first", "✗ not changed: bo was first"]
        await seat.press("R", "X", "+", "-", "t", "e", "U")
        assert len(seat.daemon.requests) == 3


async def test_enter_has_all_of_it_with_the_firings_that_it_hides(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon(), (120, 40)) as seat:
        await on_silences(seat)
        await seat.sees("or until all that it matched has resolved; what it hides still fires")
        await seat.press("j", "enter")
        await seat.sees("1 104 messages so far", "gc-pause  api-3", "gc-pause  api-4", "(s1, version 2)")
        await seat.press("escape", "j", "enter")
        await seat.sees("has matched nothing for 3d, has lasted 8d")
        await seat.press("escape", "q")
        await seat.until(lambda: isinstance(seat.app.screen, LiveScreen))


async def test_the_filter_finds_forgotten_ones_and_words(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await on_silences(seat)
        await seat.press(*"/forgotten", "enter")
        await seat.sees("filter: forgotten", "1 of 5")
        await seat.press("escape", *"/zz", "enter")
        await seat.sees('0 of 5 match "zz" · esc clears')


async def test_one_made_elsewhere_is_seen_and_without_any_the_screen_says_so(tmp_path: Path) -> None:
    served = FakeDaemon([])
    async with sitting(tmp_path, served) as seat:
        await seat.press("3")
        await seat.sees("Nothing is silenced: s on Live does.", "0 active")
        await seat.press("X", "+", "-", "t", "e", "enter", "j")
        assert not served.requests
        served.silences = {"s1": world.silence()}
        served.beat()
        await seat.sees("over-reactive", "1 active")


def test_the_step_is_that_of_the_highest_stage_that_it_names() -> None:
    assert step(world.silence()) == 15 * MINUTE
    assert step(world.silence(matchers=['stage="hours"'])) == 4 * HOUR
    assert step(world.silence(matchers=['stage!="hours"', 'rule="x"'])) == HOUR


@pytest.mark.parametrize("cells", [60, 80, 120, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("label", world.HOSTILE)
def test_hostile_names_stay_on_their_line(label: str, cells: int, glyphs: Any) -> None:
    facts: dict[str, Any] = {"matchers": [label], "created_by": label, "comment": label, "updated_by": label}
    found = [
        world.silence(label, **facts, lift=str(Lift.RESOLVED), ending=True, forgotten=[label]),
        world.silence("s2", state="pending", **facts),
        world.silence("s3", state="expired", **facts),
    ]
    hidden = world.firing(rule=label, labels={label: label}, silenced_by=[label, "s2", "s3"])
    silences = SilenceList(filter=label)
    silences.take(found)
    lines = [
        view.heading(cells),
        view.info(silences, label, cells, glyphs),
        *(view.row(each, NOW, cells, glyphs, selected=True) for each in found),
        *(line for each in found for line in view.explain(each, [hidden], NOW, cells, glyphs)),
    ]
    lines += [line for each in found for line in view.brief(each, NOW, cells)]
    assert len(lines) > 20
    for line in lines:
        assert "unrenderable" not in plain(line)
        assert width(line) <= cells
        assert not any(character < " " or character in "\x7f\x9b\u202e\u2066" for character in plain(line))
