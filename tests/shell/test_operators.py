"""Operators at terminals, on the real daemon: two at once, one whose terminal hangs, and one whose daemon is killed."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator

import pytest
from daemon import Knocker, Make, Rtmd, meanwhile, passed
from sink import Sink
from terminal import Terminal

from rtmd.api.tokens import new_token

RULES = """
[rules.level]
signal = 'm'
[rules.level.seconds]
above = 10
[rules.other]
signal = 'other'
[rules.other.seconds]
above = 10
"""
TOKENS = {name: new_token() for name in ("ana", "bo")}
PEOPLE = "".join(f'[tokens.{name}]\nrole = "operate"\nhash = "{digest}"\n' for name, (_, digest) in TOKENS.items())


def sample(number: int) -> dict[str, object]:
    """Of a series that nobody has heard of yet, for its number: it fires."""
    return {"metric": "m", "value": 20, "labels": {"n": str(number)}}


def screen(rtmd: Rtmd, person: str = "", size: tuple[int, int] = (120, 30)) -> Terminal:
    """Somebody opens the screen."""
    own = {"XDG_CONFIG_HOME": str(rtmd.folder), "XDG_STATE_HOME": str(rtmd.folder)}
    token = TOKENS[person][0] if person else ""
    command = [sys.executable, "-m", "rtmd", "tui", "--connect", str(rtmd.socket)]
    return Terminal(command, size=size, RTMD_TOKEN=token, **own)


@contextlib.contextmanager
def standing_still(rtmd: Rtmd) -> Iterator[None]:
    """The daemon answers nobody meanwhile; who asks, waits."""
    assert rtmd.process
    rtmd.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        rtmd.process.send_signal(signal.SIGCONT)


def both_ask(rtmd: Rtmd, seats: list[Terminal]) -> bool:
    """Have all press `a` before the daemon has answered any; False where a screen took its link for dead meanwhile."""
    before = {seat: seat.sockets for seat in seats}

    def asks(seat: Terminal) -> bool:
        return seat.sockets > before[seat]

    with standing_still(rtmd):
        for seat in seats:
            seat.press("a")
        rtmd.until("all have asked", lambda: all(asks(seat) or "cannot ack" in seat.look() for seat in seats))
        return all(map(asks, seats))


def has(rtmd: Rtmd, brand: str) -> str:
    """Who has the firing of a brand; empty: nobody."""
    [firing] = [each for each in rtmd.client.open_firings() if each.labels["brand"] == brand]
    return firing.ack.by if firing.ack else ""


def contested(rtmd: Rtmd, seats: list[Terminal]) -> str:
    """The brand of a firing that all asked for at once, as nobody's."""
    for attempt in range(5):
        brand = f"acme-{attempt}"
        rtmd.client.send("m", 20, brand=brand)
        for seat in seats:
            seat.sees(brand, "NEW", "+1 op")
            seat.press("!")
        if both_ask(rtmd, seats):
            return brand
    pytest.fail("they never asked at once")


def test_of_two_who_take_a_firing_at_once_one_has_it_and_the_other_is_told_who(make: Make, sink: Sink) -> None:
    rtmd = make(sink.config + PEOPLE, {"r.toml": RULES}).start()
    with screen(rtmd, "ana") as ana, screen(rtmd, "bo") as bo:
        brand = contested(rtmd, [ana, bo])
        winner = rtmd.until("somebody has it", lambda: has(rtmd, brand))
        first, second = (ana, bo) if winner == "token:ana" else (bo, ana)
        late = "token:bo" if first is ana else "token:ana"
        first.sees("acknowledged level", f"ack {winner}")
        second.sees(f"not acknowledged: {winner} took it", f"ack {winner}")
        assert "not acknowledged" not in first.look()
        trail = rtmd.client.audit()[-2:]
        assert [(line.by, line.verb) for line in trail] == [(winner, "ack"), (late, "ack refused")]

        # Who wants it all the same takes it over, knowing from whom; and of that, too, one comes second.
        second.press("a")
        second.sees(f"{winner} has it for", "take over?")
        second.press("y")
        first.sees(f"ack {late}")
        first.press("a")
        first.sees(f"{late} has it for", "take over?")
        second.press("+")
        second.sees(" more)")
        first.press("y")
        first.sees(f"not acknowledged: {late} took it")
        assert has(rtmd, brand) == late


def test_a_daemon_that_is_killed_leaves_the_picture_and_comes_back_with_everything(make: Make, sink: Sink) -> None:
    rtmd = make(sink.config, {"r.toml": RULES}).start()
    with screen(rtmd) as seat:
        rtmd.client.send("m", 20, brand="acme")
        seat.sees("acme", "NEW")
        seat.press("a")
        seat.sees("acknowledged level")
        [before] = rtmd.client.open_firings()
        assert before.ack
        rtmd.kill()
        seat.sees("STALE", "acme")
        seat.press("s+")
        seat.sees("cannot silence: no link to the daemon", "cannot extend: no link to the daemon")

        seat.stop()  # so that it is not back before there is something new
        rtmd.start()
        rtmd.client.send("m", 30, brand="globex")
        rtmd.until("it fires", lambda: len(rtmd.client.open_firings()) == 2)
        seat.go_on()
        seat.sees("LIVE", "globex", "NEW", "link is back after", "1 new ●")
        assert "STALE" not in seat.look()
        [row] = [line for line in seat.look().splitlines() if "acme" in line and "ack " in line]
        assert before.ack.by in row
        [after] = [each for each in rtmd.client.open_firings() if each.id == before.id]
        assert after.ack == before.ack, "what was refused was not kept for later"
        assert rtmd.client.silences() == []
        seat.press("q")
        assert seat.ends() == 0


def test_a_terminal_that_nobody_reads_holds_nothing_up_and_is_right_when_read_again(make: Make, sink: Sink) -> None:
    rtmd = make(sink.config.replace("[route]", 'storm = "off"\n[route]'), {"r.toml": RULES}).start()
    sent: list[int] = []

    def fire() -> None:
        if Knocker(rtmd.socket).post("/api/v1/samples", sample(len(sent))) is not None:
            sent.append(len(sent))

    def stands_still() -> bool:
        worked = seat.cpu
        passed(1)
        return seat.cpu - worked <= 1

    def evaluated(since: int) -> int:
        passed(0.2)
        return (rtmd.client.status().evaluated_at - since) // 1_000

    with screen(rtmd, size=(120, 40)) as seat:
        seat.sees("LIVE", "Nothing firing")
        with meanwhile(fire, every=0.05):  # each makes the whole list another one
            rtmd.until("the screen is stuck in its terminal", stands_still)
            start, known = rtmd.client.status(), len(sent)
            rtmd.client.send("other", 20)
            sink.wait_for("firing", "other")
            rtmd.until("it evaluates on", lambda: evaluated(start.evaluated_at) >= 3)
            assert stands_still()
        assert len(sent) > known
        rtmd.client.send("m", 0, n="0")
        assert rtmd.client.status().samples == len(sent) + 2
        rtmd.until("all is told", lambda: sink.messages("level").count("firing") == len(sent))
        rtmd.until("what ended has ended", lambda: rtmd.client.status().firing == len(sent))
        seat.sees("LIVE", f"new {len(sent)} ")
        assert "STALE" not in seat.look()
        seat.press("q")
        assert seat.ends() == 0
