"""Acting on many at once, taking it back, and making it last longer."""

from __future__ import annotations

from pathlib import Path

import msgspec
import world
from fake_daemon import FakeDaemon
from seat import sitting
from test_screen_groups import storm

from rtmd.model.silence import Lift
from rtmd.wire import AckRequest
from rtmd.wire.acks import AcksRequest, UnackRequest
from rtmd.wire.silences import SilenceRequest, SilenceView


async def test_marked_firings_are_taken_in_one_request_and_given_back_with_one_key(tmp_path: Path) -> None:
    daemon = FakeDaemon(storm(1, 3))
    daemon.lost = {"0-02"}
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("h0 · eu")
        await seat.press("*", "a")
        await seat.sees("acknowledged 2 firings · U undo", "not acknowledged: 0-02: bo has it", "ack ana 15m")
        assert daemon.requests == [("ack/many", AcksRequest({"0-00": 1, "0-01": 1, "0-02": 1}))]
        await seat.press("U")
        await seat.sees("2 firings: given back")
        assert daemon.requests[1:] == [("ack/end", UnackRequest("0-00")), ("ack/end", UnackRequest("0-01"))]


async def test_a_group_is_taken_but_for_what_somebody_has_and_many_are_asked_about(tmp_path: Path) -> None:
    firings = storm(1, 60)
    firings[0] = msgspec.structs.replace(firings[0], ack=world.ack("bo"))
    async with sitting(tmp_path, FakeDaemon(firings), (120, 30)) as seat:
        await seat.sees("59 NEW 1 ack")
        await seat.press("a")
        await seat.sees("acknowledge 59 firings?")
        await seat.press("y")
        await seat.sees("acknowledged 59 firings")
        [(_, request)] = seat.daemon.requests
        assert "0-00" not in request.firings


async def test_a_group_is_silenced_as_a_rule_and_marked_firings_one_by_one(tmp_path: Path) -> None:
    daemon = FakeDaemon(storm(2, 40))
    async with sitting(tmp_path, daemon, (120, 30)) as seat:
        await seat.sees("▸ rule-0")
        await seat.press("s")
        await seat.sees("SILENCE rule-0 (whole rule) (40 of 80)")
        await seat.press("enter", "y")
        await seat.sees("⊘ 15m until")
        assert daemon.requests[0][1] == SilenceRequest(firing="0-00", rule_wide=True, length=900_000, confirm=True)
        await seat.sees("40 sil")
        await seat.press("j")
        await seat.sees("⊘ 40 silenced hidden")
        await seat.press("l", "j", "space", "space", "s")
        await seat.sees("SILENCE 2 marked (2)")
        await seat.press("1")
        await seat.sees("⊘ 5m until")
        assert [request.firing for _, request in daemon.requests[1:]] == ["1-00", "1-01"]
        await seat.press("U")
        await seat.sees("silence of 2 firings lifted")


async def test_a_silence_can_last_until_all_is_resolved(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.press("s")
        await seat.sees("u until ok")
        await seat.press("u")
        await seat.sees("⊘ 8h sooner when resolved, until")
        assert seat.daemon.requests[0][1].lift is Lift.RESOLVED


async def test_more_than_a_few_marked_firings_are_not_silenced_one_by_one(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(storm(2, 40))) as seat:
        await seat.sees("▸ rule-0")
        await seat.press("*", "s")
        await seat.sees("80 are marked: at most 50 are silenced one by one")


async def test_longer_and_shorter_are_for_ones_own_ack_and_for_the_silence_over_a_firing(tmp_path: Path) -> None:
    left = 10 * world.MINUTE
    firings = [
        world.firing("mine", rule="a", ack=world.ack("ana", left, note="on it")),
        world.firing("quiet", rule="b", silenced_by=["s1"], silenced_until=world.WALL + left, silencer="cy"),
        world.firing("theirs", rule="c", ack=world.ack("bo")),
    ]
    daemon = FakeDaemon(firings)
    daemon.silences["s1"] = SilenceView(
        "s1", "active", [], world.WALL, world.WALL + left, "cy", "", world.WALL, version=4
    )
    async with sitting(tmp_path, daemon) as seat:
        await seat.sees("ack ana")
        seat.app.desk.roster.go_to("mine", seat.app.desk.clock())
        await seat.press("+")
        await seat.sees("until 14:28:07Z (25m more)")
        assert daemon.requests[-1][1] == AckRequest("mine", 1, 25 * world.MINUTE, "on it")
        seat.app.desk.roster.go_to("quiet", seat.app.desk.clock())
        await seat.press("-")
        await seat.sees("until 14:04:07Z (1m more)")
        assert daemon.requests[-1][1] == SilenceRequest(id="s1", version=4, length=world.MINUTE)
        seat.app.desk.roster.go_to("theirs", seat.app.desk.clock())
        await seat.press("+")
        await seat.sees("no acknowledgement of yours here to extend")
