"""The demo on a terminal: a folder, the daemon in it, the screen on top, and at the end the card.

Whatever ends it (`q`, Ctrl-C, a signal, a crash of either part), in this order: the firings are fetched while the
daemon still lives, the daemon is let go by closing its stdin, the folder is removed, the terminal is as it was.
"""

from __future__ import annotations

import contextlib
import selectors
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import click

from rtmd.cli.client import Client
from rtmd.cli.demo import shipped
from rtmd.formats.batch import SeriesTable
from rtmd.model.display import safe
from rtmd.model.firing import Firing, Outcome, StageRecord
from rtmd.model.labels import labels_of
from rtmd.model.rule import Kind, Severity, StageName
from rtmd.replay.night import card_of
from rtmd.replay.story import Story
from rtmd.wire import FiringView, StatusView

_READY_WITHIN = 30.0  # seconds
_GONE_WITHIN = 15.0
_LOG = "daemon.log"
_LAST_LINES = 12
_SIGNALLED = 128  # exit codes above it name the signal that ended the screen: nobody waits for a card
# Leave the alternate screen, show the cursor, no mouse, no pasting mode: what a killed screen leaves behind.
_AS_IT_WAS = "\x1b[?1049l\x1b[?25h\x1b[?1000;1003;1015;1006l\x1b[?2004l\x1b[0m"


class DaemonGoneError(click.ClickException):
    """The daemon of the demo did not start, or ended by itself."""


def watch(seed: int, *, ascii_only: bool) -> int:
    """Play the night on this terminal; the exit code."""
    with _signals_unwind(), TemporaryDirectory(prefix="rtmd-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shutil.copytree(shipped(), folder, dirs_exist_ok=True)
        click.echo(f"rtmd demo: a simulation; its daemon lives in {folder}")
        with _daemon(folder, seed) as daemon:
            from tui.app import main as open_screen  # while the daemon starts
            from tui.options import Options

            begins = _begins(daemon, folder)
            with _terminal_restored():
                code = open_screen(str(folder / "rtmd.sock"), Options(ascii_only=ascii_only, daemon_stays=False))
            if code > _SIGNALLED:
                return code
            if daemon.poll() is not None:
                raise DaemonGoneError(_epitaph(daemon, folder))
            lines = _card(str(folder / "rtmd.sock"), seed, begins)
    for line in lines:
        click.echo(line)
    return code


@contextlib.contextmanager
def _daemon(folder: Path, seed: int) -> Iterator[subprocess.Popen[str]]:
    """The child; it ends when we leave."""
    argv = [sys.executable, "-m", "rtmd", "demo", "--serve", str(folder), "--seed", str(seed)]
    with (folder / _LOG).open("w") as log:
        # A session of its own: Ctrl-C at the terminal is for the screen.
        child = subprocess.Popen(  # noqa: S603  # ourselves
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )
    try:
        yield child
    finally:
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            child.wait(_GONE_WITHIN)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _begins(daemon: subprocess.Popen[str], folder: Path) -> int:
    """Wait until the daemon serves; the engine time at which its story began."""
    assert daemon.stdout is not None  # noqa: S101  # it is a pipe
    with selectors.DefaultSelector() as selector:
        selector.register(daemon.stdout, selectors.EVENT_READ)
        if not selector.select(_READY_WITHIN):
            raise DaemonGoneError(f"the daemon of the demo does not start within {_READY_WITHIN:g} s")
    line = daemon.stdout.readline()
    if not line.strip().isdigit():
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(_GONE_WITHIN)
        raise DaemonGoneError(_epitaph(daemon, folder))
    return int(line)


def _epitaph(daemon: subprocess.Popen[str], folder: Path) -> str:
    lines = (folder / _LOG).read_text(errors="replace").splitlines()[-_LAST_LINES:]
    said = "\n".join(f"  {safe(line)}" for line in lines)
    return f"the daemon of the demo has ended (exit code {daemon.returncode}); the last it said:\n{said}"


def _card(target: str, seed: int, begins: int) -> list[str]:
    with contextlib.closing(Client(target)) as client:
        firings = client.get("/api/rtmd/v1/firings", list[FiringView])
        at = client.get("/api/rtmd/v1/status", StatusView).at
    proposals = [proposal.state for firing in firings for proposal in firing.proposals]
    return card_of(Story(seed, begins, SeriesTable()), map(_firing, firings), proposals, at)


def _firing(view: FiringView) -> Firing:
    """What the card needs of a firing."""
    stages = tuple(
        StageRecord(
            name=StageName(stage.name),
            fired_at=stage.fired_at,
            outcome=Outcome(stage.outcome) if stage.outcome else None,
        )
        for stage in view.stages
    )
    return Firing(
        id=view.id,
        version=view.version,
        rule=view.rule,
        labels=labels_of(view.labels),
        kind=Kind(view.kind),
        title=view.title,
        severity=Severity(view.severity),
        stage=StageName(view.stage),
        stages=stages,
        active_at=view.active_at,
        fired_at=view.fired_at,
        resolved_at=view.resolved_at,
    )


@contextlib.contextmanager
def _signals_unwind() -> Iterator[None]:
    """SIGTERM and SIGHUP end the program as an exception does: everything is put in order on the way out.

    While the screen is open it sees to them itself.
    """

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _terminal_restored() -> Iterator[None]:
    """The terminal's modes are what they were, also when the screen could not put them back itself."""
    attributes = termios.tcgetattr(sys.stdin)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            sys.stdout.write(_AS_IT_WAS)
            sys.stdout.flush()
        raise
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, attributes)
