"""Why as a screen: its curve is drawn again and again, marks are made and appear, and what fails is said."""

from __future__ import annotations

from pathlib import Path

import msgspec
import world
from fake_daemon import FakeDaemon
from seat import sitting

from rtmd.wire.marks import MarkRequest


def listening(daemon: FakeDaemon) -> list[str]:
    """What the daemon is asked for from now on."""
    asked: list[str] = []
    look_up = daemon._look_up

    def seen(path: str, query: str) -> object:
        asked.append(path)
        return look_up(path, query)

    daemon._look_up = seen  # type: ignore[method-assign]
    return asked


async def test_an_event_is_marked_with_the_labels_of_the_firing_and_stands_under_its_time(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("negative-share")
        await seat.press("enter")
        await seat.sees("deploy: v2.3 is live (bo)", "thr")
        await seat.press("M", *"kick")
        await seat.sees("event brand=acme topic=launch: kick")
        await seat.press("enter")
        await seat.sees("marked: kick")
        assert daemon.requests == [("mark", MarkRequest("kick", labels={"brand": "acme", "topic": "launch"}))]
        seat.passed = daemon.moved = 2_000
        daemon.beat()
        await seat.until(lambda: len(seat.app.desk.picture.marks) == 2)
        await seat.press("escape")
        await seat.press("M")
        await seat.sees("event brand=acme")
        daemon.refuse = "too many marks"
        await seat.press("x", "enter")
        await seat.sees("not marked: too many marks")


async def test_the_curve_is_asked_for_again_after_two_seconds_and_for_another_firing_at_once(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    asked = listening(daemon)
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("negative-share")
        await seat.press("enter")
        await seat.sees("thr")
        seat.passed = 1_999
        seat.app.repaint()
        await seat.press("j", "k")
        assert asked.count("firings/f01/curve") == 1
        seat.passed = 2_000
        seat.app.repaint()
        await seat.until(lambda: asked.count("firings/f01/curve") == 2)
        first = seat.cursor
        await seat.press("]")
        assert seat.cursor != first
        await seat.until(lambda: f"firings/{seat.cursor}/curve" in asked)


async def test_what_else_fires_there_and_how_the_rule_usually_is_are_shown(tmp_path: Path) -> None:
    one = world.firing("f1", "S..", severity="critical", labels={"brand": "acme", "region": "eu"})
    same = world.firing("f2", "S..", rule="site-latency", labels={"brand": "acme", "site": "shop"}, fired_at=world.AT)
    other = world.firing("f3", "S..", rule="disk-full", labels={"brand": "zeta"})
    daemon = FakeDaemon([one, same, other])
    async with sitting(tmp_path, daemon, (120, 50)) as seat:
        await seat.sees("mention-surge")
        await seat.press("enter")
        await seat.sees("related", "site-latency  brand=acme  site=shop  seconds  fired 4m later")
        await seat.sees("31 in 7 days · median 2m · nobody had 42%", "minutes false 17%", "noise 0.31")
        assert "disk-full" not in seat.text


async def test_the_story_is_asked_for_where_the_firing_changed_and_at_planned_moments_not_each_second(
    tmp_path: Path,
) -> None:
    daemon = FakeDaemon()
    asked = listening(daemon)
    async with sitting(tmp_path, daemon, (120, 60)) as seat:
        await seat.sees("negative-share")
        await seat.press("enter")
        await seat.sees("desk is told: firing", "silence s1: over-reactive", "is looked at 14:03:16Z")
        seat.passed = 9_900
        seat.app.repaint()
        await seat.press("j", "k")
        assert asked.count("explain/f01") == 1
        daemon.put(msgspec.structs.replace(daemon.firings["f01"], value=0.5))
        await seat.sees("0.5   threshold")
        assert asked.count("explain/f01") == 1  # a value is no story
        daemon.put(msgspec.structs.replace(daemon.firings["f01"], silenced_by=["s1"]))
        await seat.until(lambda: asked.count("explain/f01") == 2)
        await seat.until(lambda: getattr(seat.app.screen, "_again", None))
        seat.passed += 10_000
        seat.app.repaint()
        await seat.until(lambda: asked.count("explain/f01") == 3)


async def test_w_turns_to_the_story_of_one_receiver_after_the_other_and_back_to_all(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with sitting(tmp_path, daemon, (120, 60)) as seat:
        await seat.sees("negative-share")
        await seat.press("enter")
        await seat.sees("desk is told: firing", "not told to lead")
        await seat.press("w")
        await seat.sees("story, as far as desk is concerned", "desk is told: firing")
        assert "not told to lead" not in seat.text
        await seat.press("w")
        await seat.sees("story, as far as lead is concerned", "not told to lead: silenced by cy")
        await seat.press("w")
        await seat.sees("story, as far as mail is concerned", "mail: nothing leads from this firing to mail")
        await seat.press("w")
        await seat.sees("desk is told: firing", "not told to lead")
        assert "concerned" not in seat.text
        await seat.press("w")
        await seat.sees("as far as desk")
        await seat.press("]")
        await seat.until(lambda: "concerned" not in seat.text)


async def test_tab_shows_the_curve_of_the_next_stage_and_another_firing_begins_with_its_own(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("negative-share")
        await seat.press("enter")
        await seat.sees("signal minutes, last 30m, each 20s", "[5m]")
        await seat.press("tab")
        await seat.sees("signal hours, last 90m, each 60s", "[6h]")
        await seat.press("tab")
        await seat.sees("signal seconds, last 30m, each 20s")
        await seat.press("tab")
        await seat.sees("signal minutes")
        await seat.press("tab")
        await seat.sees("signal hours")
        await seat.press("]")
        await seat.sees("tls-handshake-fail", "signal seconds")


async def test_a_firing_of_one_stage_has_no_other_curve(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon([world.firing("f1", " M ")])) as seat:
        await seat.sees("mention-surge")
        await seat.press("enter", "tab")
        await seat.sees("there is no other stage here")


async def test_a_story_that_cannot_be_told_says_why_and_is_asked_for_again(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    look_up, ill = daemon._look_up, ["explain"]

    def failing(path: str, query: str) -> object:
        return None if any(path.startswith(each) for each in ill) else look_up(path, query)

    daemon._look_up = failing  # type: ignore[method-assign]
    async with sitting(tmp_path, daemon, (120, 60)) as seat:
        await seat.sees("negative-share")
        await seat.press("enter")
        await seat.sees("no such firing", "asking the daemon")
        ill.clear()
        seat.passed = 2_000
        seat.app.repaint()
        await seat.sees("desk is told: firing")
        assert "no such firing" not in seat.text
