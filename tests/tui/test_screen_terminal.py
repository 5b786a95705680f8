"""The screen as a process in a pseudo-terminal: what an operator sees, and what is left when it ends."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pyte
import pytest
import world
from fake_daemon import FakeDaemon
from hostile import HostileDaemon, acting

from rtmd.wire.silences import SilenceRequest
from tui import crash
from tui.terminal import hung_up

ROOT = Path(__file__).parents[2]
CRASHING = """
import sys, tui.app, tui.screens.live as live
def broken(self):
    secret_local = "SECRET-LOCAL"
    raise RuntimeError("broken on purpose \\x1b[2J")
live.LiveScreen.do_filter = broken
sys.exit(tui.app.main(sys.argv[1]))
"""

# What Textual says to the terminal: where to go, in which colour and mode, and the shape of the mouse's pointer.
OWN = re.compile(r"\x1b\[[<=>?]?[0-9;:]*\$?[A-Za-z]|\x1b\]22;default\x07")
# What to wait for, and the keys that lead on from there.
PLACES = (
    ("2", "STORM"), ("3", "noise of the last"), ("4", "forgotten ·"), ("5", "to decide"), ("1", "newest first"),
    ("vv", "STORM"), ("\r", "one row a firing"), ("G", "signal"), ("q", "labels"), ("m", "a ack"),
    ("q", "grouped by rule"), ("q", "a ack"),
)  # fmt: skip
DEAF = "import signal, sys, tui.app; signal.signal(signal.SIGHUP, signal.SIG_IGN); sys.exit(tui.app.main(sys.argv[1]))"


class Terminal:
    """A pseudo-terminal with a process in it, and a picture of what it drew."""

    def __init__(self, master: int, process: asyncio.subprocess.Process, size: tuple[int, int]) -> None:
        self.master, self.process = master, process
        self.screen = pyte.Screen(*size)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def drain(self) -> None:
        """Take in what was drawn."""
        try:
            while chunk := os.read(self.master, 65536):
                self.raw += chunk
                self.stream.feed(chunk)
        except (BlockingIOError, OSError):
            return

    async def sees(self, *texts: str) -> None:
        """Wait until texts stand on the screen."""
        await self.until(lambda: all(text in self.text for text in texts))

    async def until(self, met: Callable[[], object]) -> None:
        """Wait until what was drawn is so."""
        for _ in range(1500):
            self.drain()
            if met():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(self.text)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    async def ends(self) -> int:
        """The exit code; everything drawn is taken in meanwhile."""
        waiting = asyncio.ensure_future(self.process.wait())
        for _ in range(1500):
            self.drain()
            if waiting.done():
                break
            await asyncio.sleep(0.02)
        self.drain()
        return await asyncio.wait_for(waiting, 5)


@asynccontextmanager
async def terminal(state: Path, *command: str, size: tuple[int, int] = (120, 30)) -> AsyncIterator[Terminal]:
    """Run a command in a terminal of this size."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    os.set_blocking(master, False)
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    environment = {**inherited, "TERM": "xterm-256color", "XDG_STATE_HOME": str(state), "LANG": "C.UTF-8"}
    process = await asyncio.create_subprocess_exec(
        *command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment, start_new_session=True
    )
    os.close(slave)
    try:
        yield Terminal(master, process, size)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()
        os.close(master)


async def test_a_firing_appears_is_silenced_in_two_keys_and_the_terminal_is_given_back(tmp_path: Path) -> None:
    daemon = FakeDaemon([])
    async with (
        daemon.serving(str(tmp_path / "s")) as target,
        terminal(tmp_path, sys.executable, "-m", "tui", target) as seat,
    ):
        await seat.sees("Nothing firing.", "212 rules")
        payload = "acme\x1b]0;PWNED\x07[@click=app.quit]"
        daemon.put(world.firing("new", labels={"brand": payload}))
        await seat.sees("mention-surge", "acme␛]0;PWNED␇[@click", "NEW")
        seat.press("s")
        await seat.sees("SILENCE mention-surge", "[15m]")
        seat.press("\r")
        await seat.sees("⊘ SIL", "U undo")
        assert daemon.requests == [("silence", SilenceRequest(firing="new", length=900_000))]
        seat.press("q")
        assert await seat.ends() == 0
    assert b"\x1b[?1049h" in seat.raw
    assert seat.raw.rindex(b"\x1b[?1049l") > seat.raw.rindex(b"\x1b[?1049h")
    assert seat.raw.rindex(b"\x1b[?25h") > seat.raw.rindex(b"\x1b[?25l")
    assert b"the daemon keeps running" in seat.raw
    assert b"]0;" not in seat.raw.replace("␛]0;".encode(), b"")


async def test_what_others_wrote_never_reaches_the_terminal_as_a_command(tmp_path: Path) -> None:
    daemon = HostileDaemon()
    async with (
        daemon.serving(str(tmp_path / "s")) as target,
        terminal(tmp_path, sys.executable, "-m", "tui", target) as seat,
    ):
        for keys, text in PLACES:
            await seat.sees(text)
            seat.press(keys)
        assert await seat.ends() == 0
    drawn = seat.raw.decode()
    assert drawn.count("PWNED") > 10, "nothing of it was on the screen"
    assert "\x1b[2JPWNED" not in drawn
    assert acting(OWN.sub("", drawn)) <= {"\r", "\n"}


async def test_a_broken_screen_gives_the_terminal_back_and_reports_without_locals(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with (
        daemon.serving(str(tmp_path / "s")) as target,
        terminal(tmp_path, sys.executable, "-c", CRASHING, target) as seat,
    ):
        await seat.sees("negative-share")
        seat.press("/")
        assert await seat.ends() == 1
    after = seat.raw[seat.raw.rindex(b"\x1b[?1049l") :].decode()
    assert "rtmd tui: RuntimeError: broken on purpose ␛[2J (report in" in after
    assert "Traceback" not in after
    (path,) = (tmp_path / "rtmd").iterdir()
    report = path.read_text()
    assert "in broken" in report
    assert "SECRET-LOCAL" not in report.replace('secret_local = "SECRET-LOCAL"', "")
    assert path.stat().st_mode & 0o077 == 0


async def test_a_wrong_target_or_no_terminal_is_one_line(tmp_path: Path) -> None:
    async with terminal(tmp_path, sys.executable, "-m", "tui", "https://h") as seat:
        assert await seat.ends() == 2
        assert b"give a socket's path or http://HOST:PORT" in seat.raw
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tui", "x", cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said == b"rtmd tui needs a terminal\n"


async def test_a_terminal_that_goes_away_without_a_signal_ends_the_screen(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with (
        daemon.serving(str(tmp_path / "s")) as target,
        terminal(tmp_path, sys.executable, "-c", DEAF, target) as seat,
    ):
        await seat.sees("negative-share")
        spare = os.open(os.devnull, os.O_RDWR)
        os.dup2(spare, seat.master)  # closes the terminal's other end
        os.close(spare)
        assert await asyncio.wait_for(seat.process.wait(), 8) == 75


async def test_a_screen_that_is_stopped_and_goes_on_has_one_terminal_and_gives_it_back(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    opened = b"\x1b[?1049h"
    async with (
        daemon.serving(str(tmp_path / "s")) as target,
        terminal(tmp_path, sys.executable, "-m", "tui", target) as seat,
    ):
        before = termios.tcgetattr(seat.master)
        await seat.sees("negative-share")
        for _ in range(2):
            seat.process.send_signal(signal.SIGSTOP)
            seat.process.send_signal(signal.SIGCONT)
            seat.press("?")
            await seat.sees("On the screen Live")
            seat.press("q")
            await seat.sees("negative-share")
        assert seat.raw.count(opened) == 1

        seat.process.send_signal(signal.SIGTSTP)  # it suspends itself, as for a shell
        await seat.until(lambda: b"\x1b[?1049l" in seat.raw)
        assert termios.tcgetattr(seat.master)[3] & termios.ECHO
        seat.process.send_signal(signal.SIGCONT)
        await seat.until(lambda: seat.raw.count(opened) == 2)
        seat.press("q")
        assert await seat.ends() == 0
        assert termios.tcgetattr(seat.master) == before


def test_a_terminal_that_went_away_is_noticed() -> None:
    master, slave = pty.openpty()
    assert not hung_up(slave)
    os.close(master)
    assert hung_up(slave)
    os.close(slave)
    assert hung_up(slave)


def test_a_report_that_cannot_be_written_is_still_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    line = crash.report(RuntimeError("x\ny"))
    assert line.startswith("rtmd tui: RuntimeError: x␊y (no report could be written")
    assert "\n" not in line
