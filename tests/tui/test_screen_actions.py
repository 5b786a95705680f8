"""The Actions screen, and what people decide about actions on the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import world
from fake_daemon import FakeDaemon
from seat import Seat, sitting
from textual.events import Paste

from rtmd.wire.actions import ApproveRequest, DeclineRequest, HoldRequest, HoldView, RerunRequest, RunView
from tui.actions import ActionList, Item, items
from tui.approval import ARMED_AFTER, Approval
from tui.picture import Picture
from tui.screens.actions import ActionsScreen
from tui.screens.live import LiveScreen
from tui.view import actions as view
from tui.view.glyphs import ASCII, UNICODE
from tui.view.header import header, hold
from tui.view.line import plain, width
from tui.view.moment import Moment
from tui.view.row import row as live_row

NOW = Moment(0, world.WALL, world.AT)
HELD = HoldView("bo", world.WALL, "wrong prices")


async def on_actions(seat: Seat) -> ActionsScreen:
    """The seat on the Actions screen."""
    await seat.press("4")
    await seat.sees("pause-ads", "to decide")
    screen = seat.app.screen
    assert isinstance(screen, ActionsScreen)
    return screen


def daemon(**facts: Any) -> FakeDaemon:
    return FakeDaemon(world.deciding(), **facts)


def sent(seat: Seat) -> list[Any]:
    return [request for _, request in seat.daemon.requests]


async def test_what_waits_stands_first_then_trouble_then_what_goes_on_then_the_rest(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon(), (160, 30)) as seat:
        screen = await on_actions(seat)
        keys = " ".join(item.key for item in screen.actions.rows)
        assert keys == "pp2 pp3 pp1 pp5 rr6 rr7 rr8 rr1 pp4 pp6"
        rows = [" ".join(line[1:].split()[:4]) for line in seat.text.splitlines()[3:13]]
        assert rows == [
            "42s left WAITS pause-ads", "7m left BRAKED reply-post", "11m left WAITS reply-post",
            "60s ago FAILED reply-post", "3m ago UNKNOWN drain", "5m ago UNDO FAILED", "3s ago started page-dba",
            "50s ago done hold-queue", "2m ago declined reply-post", "2m ago expired reply-post",
        ]  # fmt: skip
        await seat.sees("3 to decide · 3 to look at · 10 in all", "? 3", "bo: Kim answers by hand", "ana: answered 502")


async def test_an_approval_shows_what_would_run_and_takes_no_key_that_comes_too_soon(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await on_actions(seat)
        await seat.press("A", "enter", "enter")
        await seat.sees("APPROVE pause-ads  version 3", "/usr/local/bin/ads pause acme --until tomorrow", "42s left")
        assert not seat.daemon.requests
        seat.passed = ARMED_AFTER
        await seat.press("x", "enter")
        await seat.sees("✓ approved pause-ads (acme: mentions surge)", "2 to decide")
        assert sent(seat) == [ApproveRequest("p2", 3)]
        await seat.press("A", "escape", "A", "q")
        assert seat.app.screen.strip is None  # type: ignore[attr-defined]
        assert len(seat.daemon.requests) == 1


async def test_what_changed_since_it_was_shown_is_shown_before_it_is_approved(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await on_actions(seat)
        await seat.press("A")
        one = seat.daemon.firings["f1"]
        proposals = [one.proposals[0], msgspec.structs.replace(one.proposals[1], version=4, would_run="rm everything")]
        seat.daemon.put(msgspec.structs.replace(one, proposals=proposals))
        await seat.until(lambda: seat.app.desk.picture.firings["f1"].proposals[1].version == 4)
        seat.passed = ARMED_AFTER
        await seat.press("enter", "enter")
        await seat.sees("it changed just now: look again", "rm everything", "version 4")
        assert not seat.daemon.requests
        seat.passed *= 2
        await seat.press("enter")
        await seat.sees("approved pause-ads")
        assert sent(seat) == [ApproveRequest("p2", 4)]


async def test_what_somebody_else_decided_meanwhile_is_said(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await on_actions(seat)
        await seat.press("A")
        seat.daemon._settle("p2", state="declined", by="bo")
        await seat.until(lambda: seat.app.desk.picture.counts.proposals == 2)
        seat.passed = ARMED_AFTER
        await seat.press("enter")
        await seat.sees("✗ not approved: declined by bo")
        seat.daemon.refuse = "p3 (reply-post) was declined by bo at 14:03 UTC: no"
        await seat.press("g", "D", *"no", "enter")
        await seat.sees("✗ not declined: p3 (reply-post) was declined by bo at 14:03 UTC: no")


async def test_what_is_braked_or_held_can_be_declined_only_and_a_reason_is_needed(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon(hold=HELD)) as seat:
        screen = await on_actions(seat)
        await seat.sees("HELD by bo since 14:03:07Z: wrong prices · nothing runs · H lifts")
        assert "HELD" in seat.text.splitlines()[4]
        await seat.press("A")
        await seat.sees("not approved: bo holds all actions (H lifts)")
        seat.daemon.status["hold"] = None
        seat.daemon.beat()
        await seat.until(lambda: "HELD" not in seat.text)
        await seat.press("j", "A")
        await seat.sees("not approved: site-down brakes it; D declines")
        await seat.press("D", "enter", "space", "enter")
        await seat.sees("decline reply-post (globex: backlash), because:")
        await seat.press(*"by hnd", "backspace", "backspace")
        screen.on_paste(Paste("ha\nnd"))
        await seat.press("enter")
        await seat.sees("✓ declined reply-post (globex: backlash)")
        assert sent(seat) == [DeclineRequest("p3", "by hha nd", 3)]


async def test_the_hold_needs_a_reason_is_seen_everywhere_and_lifted_by_a_second_key(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await seat.press("H", "enter", *"bad feed", "enter")
        await seat.sees("HELD by ana since 14:03:07Z: bad feed", "everything is held")
        for place in ("2", "4", "m"):
            await seat.press(place)
            await seat.sees("HELD by ana")
        await seat.press("escape", "1", "enter")
        await seat.sees("WHY", "HELD by ana")
        await seat.press("H")
        await seat.sees("lift the hold by ana (bad feed)?")
        await seat.press("y")
        await seat.until(lambda: "HELD" not in seat.text)
        assert sent(seat) == [HoldRequest("bad feed"), None]


async def test_what_failed_runs_again_at_a_second_key_and_nothing_else_does(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon(), (120, 40)) as seat:
        await on_actions(seat)
        await seat.press("E")
        await seat.sees("only what failed, or of which nobody knows, is run again")
        await seat.press("j", "j", "j", "j", "E")
        await seat.sees("unknown: run drain once more?")
        await seat.press("n", "j", "E")
        await seat.sees("undo failed: run the undo of snapshot once more?")
        await seat.press("y")
        await seat.sees("✓ snapshot runs again")
        assert sent(seat) == [RerunRequest("r7")]


async def test_enter_has_all_of_it_and_the_lines_below_what_the_cursor_is_on(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await on_actions(seat)
        await seat.sees("would run     /usr/local/bin/ads pause acme --until tomorrow", "14:03:49Z: 4m from the onset")
        await seat.press("enter")
        await seat.sees("labels        brand=acme  region=eu", "version 3")
        await seat.press("escape", "j", "j", "j", "enter")
        await seat.sees(
            "run           failed since 14:02:07Z, by ana  (r5)", "said          answered 502", "E runs it again"
        )
        seat.daemon.put(gone=("f2",))
        await seat.press("escape", "G", "q")
        await seat.until(lambda: isinstance(seat.app.screen, LiveScreen))


async def test_the_cursor_stays_on_its_item_and_the_filter_finds_words(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        screen = await on_actions(seat)
        await seat.press("j", "j")
        assert screen.actions.cursor == "pp1"
        seat.daemon._settle("p1", state="declined", by="bo", decided_at=world.WALL)
        await seat.sees("2 to decide")
        assert screen.actions.cursor == "pp1"
        assert screen.actions.index > 1
        await seat.press(*"/unknown", "enter")
        await seat.sees("filter: unknown", "1 of 10")
        await seat.press("escape", *"/zz", "enter")
        await seat.sees('0 of 10 match "zz" · esc clears')


async def test_the_firing_of_an_item_can_be_acknowledged_and_silenced(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon()) as seat:
        await on_actions(seat)
        await seat.press("a")
        await seat.sees("acknowledged mention-surge")
        await seat.press("U")
        await seat.sees("mention-surge: given back")
        await seat.press("s", "enter")
        await seat.sees("until 14:18:07Z")
        assert [verb for verb, _ in seat.daemon.requests] == ["ack", "ack/end", "silence"]


async def test_live_and_why_show_what_waits_and_decide_it_one_after_the_other(tmp_path: Path) -> None:
    async with sitting(tmp_path, daemon(), (160, 60)) as seat:
        await seat.sees("? pause-ads 42s")
        seat.app.desk.roster.cursor = "f1"
        await seat.press("A")
        await seat.sees("APPROVE pause-ads", "tab the next (1 more)")
        await seat.press("tab")
        await seat.sees("APPROVE reply-post")
        seat.passed = ARMED_AFTER
        await seat.press("enter")
        await seat.sees("approved reply-post")
        await seat.press("enter")
        await seat.sees("proposals", "pause-ads  waits, 41s left", "reply-post  approved  by ana")
        await seat.press("D", *"no", "enter")
        await seat.sees("pause-ads  declined  by ana: no")
        await seat.press("A", "D")
        assert seat.said[-2:] == ["nothing waits for a decision here"] * 2
        assert sent(seat)[-1] == DeclineRequest("p2", "no", 3)


async def test_where_nothing_was_ever_proposed_the_screen_says_so(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon([])) as seat:
        await seat.press("4")
        await seat.sees("Nothing to decide, and nothing was run lately.", "0 to decide")
        await seat.press("A", "D", "E", "enter", "a", "j")
        assert not seat.daemon.requests


async def test_who_may_only_look_decides_nothing(tmp_path: Path) -> None:
    watched = daemon()
    watched.role = "view"
    async with sitting(tmp_path, watched) as seat:
        await on_actions(seat)
        await seat.press("A", "D", "H", "E")
        assert [text.split(":")[0] for text in seat.said] == [
            f"✗ cannot {verb}" for verb in ("approve", "decline", "hold", "again")
        ]


def test_proposals_are_counted_as_they_come_go_and_outlive_their_firing() -> None:
    picture = Picture()
    picture.hear(world.snapshot(world.deciding()), 0)
    assert picture.counts.proposals == 3
    assert "? 3" in plain(header(picture, NOW, 160, UNICODE))
    assert "?" not in plain(header(Picture(status=world.status()), NOW, 160, UNICODE))
    over = msgspec.structs.replace(world.deciding()[0], state="resolved", resolved_at=world.AT)
    picture.hear(msgspec.structs.replace(world.snapshot([over], seq=2)), 0)
    assert picture.counts.proposals == 3  # what is gone from the daemon stays until the list lets go of it
    picture.forget([])
    assert picture.counts.proposals == 2


@pytest.mark.parametrize("cells", [60, 80, 120, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("label", world.HOSTILE)
def test_hostile_names_stay_on_their_line(label: str, cells: int, glyphs: Any) -> None:
    said = {"action": label, "title": label, "rule": label, "stage": label, "reason": label, "by": label}
    waits = world.proposal("p1", would_run=label, labels={label: label}, **said)
    braked, over = (msgspec.structs.replace(waits, id=name, state=name) for name in ("braked", label))
    run = RunView("r1", label, label, "failed", world.AT, label, label)
    one = world.firing(title=label, labels={label: label}, rule=label, proposals=[waits, braked, over], runs=[run])
    picture = Picture()
    picture.hear(world.snapshot([one], hold=HoldView(label, 0, label)), 0)
    actions = ActionList()
    actions.filter = label
    actions.take(picture, 0)
    lines = [
        view.heading(cells),
        view.info(actions, picture, cells, glyphs),
        hold(picture, NOW, cells, glyphs),
        live_row(one, NOW, cells, glyphs),
        *(view.row(item, picture, NOW, cells, glyphs, selected=True) for item in items([one])),
        *(line for item in items([one]) for line in view.explain(item, NOW, cells, glyphs)),
        *(line for item in items([one]) for line in view.brief(item, NOW, cells, glyphs)),
        *view.approval_lines(Approval((waits, waits), 0, changed=True), NOW, cells, 9, glyphs),
        view.approval_bar(Approval((waits, waits), 0), cells, glyphs),
    ]
    assert len(lines) > 20
    assert all("unrenderable" not in plain(line) for line in lines)
    for line in lines:
        assert width(line) <= cells
        assert not any(character < " " or character in "\x7f\x9b\u202e\u2066" for character in plain(line))


def test_a_command_longer_than_the_strip_is_never_cut_silently() -> None:
    long = world.proposal("p1", would_run="rm " + " ".join(f"/srv/{number}" for number in range(400)))
    lines = view.approval_lines(Approval((long,), 0), NOW, 80, 20, UNICODE)
    assert len(lines) == 20
    assert "there is more" in plain(lines[-1])
    shown = view.approval_lines(Approval((world.proposal(would_run="a " * 90 + "end"),), 0), NOW, 80, 20, UNICODE)
    assert any("end" in plain(line) for line in shown)


def test_what_cannot_be_drawn_names_itself() -> None:
    broken = world.proposal("p9", expires_at="soon")
    picture = Picture()
    item = Item(world.firing(), broken)
    assert "<unrenderable pp9>" in plain(view.row(item, picture, NOW, 80, UNICODE))
    assert "<unrenderable pp9>" in plain(view.explain(item, NOW, 80, UNICODE)[-1])
