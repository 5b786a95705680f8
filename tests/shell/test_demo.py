"""`rtmd demo` as a newcomer runs it: piped, and in a terminal with the real daemon and the real screen."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal

DEMO = (sys.executable, "-m", "rtmd", "demo")
QUIET = "Nothing firing."
CLOSED = b"\x1b[?1049l"  # the alternate screen is left


class Seat(Terminal):
    """Somebody at a terminal of 80 × 24 in which the demo runs, with temporary files in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(DEMO, size=(80, 24), TMPDIR=str(folder))

    def daemon(self) -> int:
        """The process id of the demo's daemon."""
        (number,) = (number for number, command in self._ours() if "--serve" in command)
        return number

    def is_clean(self, within: float = 30) -> bool:
        """Nothing is left of it: no process, no file (given a moment)."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            if not self._ours() and not any(self.folder.iterdir()):
                return True
            time.sleep(0.05)
        return False

    def _ours(self) -> list[tuple[int, str]]:
        """Processes that were told of the folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                command = entry.read_bytes().decode("utf-8", "replace")
                if str(self.folder) in command:
                    found.append((int(entry.parent.name), command))
        return found


@pytest.fixture
def seat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seat]:
    folder = tmp_path_factory.mktemp("d")  # short: a socket's path has its limit
    with Seat(folder) as taken:
        yield taken


def test_without_a_terminal_it_prints_the_same_timeline_under_every_hash_seed() -> None:
    runs = [
        subprocess.Popen(
            [*DEMO, "--seed", "5"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        for seed in ("1", "2")
    ]
    answers = [run.communicate(timeout=30) for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert answers[0] == answers[1]
    text, complaints = answers[0]
    assert complaints == b""
    assert b"a simulation (seed 5)" in text
    for said in (b"seconds fires", b"minutes fires", b"hours fires", b"false start", b"confirmed", b"handled"):
        assert said in text
    for said in (b"mark event: kick-off", b"approved by ana", b"braked by backlash"):
        assert said in text
    assert text.endswith(b"missed: 0 of 4\n")


def test_in_a_terminal_an_alert_comes_within_ten_seconds_of_the_night_and_q_prints_the_card(seat: Seat) -> None:
    seat.sees("rtmd demo: simulation", "the first alert is near", QUIET)
    seat.sees("mention-surge", "fizz · product", "NEW", "⏎ to see why")
    seat.press("\r")
    seat.sees("fizzfan_")
    seat.press("q")
    seat.sees("/ filter")
    seat.press("q")
    assert seat.ends() == 0
    said = seat.raw[seat.raw.rindex(CLOSED) :].decode()
    assert "EVENT NIGHT (simulation, seed 1)" in said
    assert re.search(r"three bots praise a can \(fizz · product\)\s+seconds 0:0[5-9]", said)
    assert "you left; the rest of the night went on without you" in said
    assert re.search(r"rtmd alerted 1 time in 0:\d\d minutes", said)
    assert "keeps running" not in said
    assert seat.is_clean()


def test_a_signal_ends_screen_daemon_and_folder(seat: Seat) -> None:
    seat.sees(QUIET)
    seat.process.terminate()
    assert seat.ends() == 128 + signal.SIGTERM
    assert CLOSED in seat.raw
    assert seat.is_clean()


def test_a_daemon_does_not_outlive_a_killed_demo(seat: Seat) -> None:
    seat.sees(QUIET)
    seat.process.kill()
    assert seat.ends() == -signal.SIGKILL
    assert seat.is_clean()


def test_a_daemon_that_dies_is_told_with_its_last_words(seat: Seat) -> None:
    seat.sees(QUIET)
    os.kill(seat.daemon(), signal.SIGKILL)
    seat.sees("STALE")
    seat.press("q")
    assert seat.ends() == 1
    said = seat.raw[seat.raw.rindex(CLOSED) :].decode()
    assert "the daemon of the demo has ended (exit code -9)" in said
    assert "serving on unix:" in said
    assert seat.is_clean()
