"""Why as a screen: its curve is drawn again and again, marks are made and appear, and what fails is said."""

from __future__ import annotations

from pathlib import Path

import world
from fake_daemon import FakeDaemon
from seat import sitting

from rtmd.wire.marks import MarkRequest


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
    asked: list[str] = []
    look_up = daemon._look_up

    def seen(path: str, query: str) -> object:
        asked.append(path)
        return look_up(path, query)

    daemon._look_up = seen  # type: ignore[method-assign]
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
