"""Rule files in the operator's own editor, from the Rules screen, and what the daemon made of them."""

from __future__ import annotations

import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import world
from fake_daemon import FakeDaemon
from seat import Seat, sitting
from test_screen_rules import on_rules
from test_screen_terminal import terminal

from rtmd.wire.rules import ReloadView, RuleFileView
from tui import editor
from tui.app import RtmdApp

EDITOR = f"""#!{sys.executable}
import sys
print('EDITING', sys.argv[1], flush=True)
line = input()
open(sys.argv[2], 'w').write(line)
"""


class Desk:
    """A rule file on this machine, and somebody's editor."""

    def __init__(self, seat: Seat, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seat = seat
        self.path = folder / "hosts.toml"
        self.path.write_text("above = 5\n")
        self.argv: list[list[str]] = []
        self.writes = ""
        self.reloads: ReloadView | None = None
        self.fails: Exception | None = None
        seat.daemon.rule_files["rules/hosts.toml"] = self.place()
        monkeypatch.setattr(RtmdApp, "lend_terminal", self.lend)
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", "nano -w")
        monkeypatch.setattr("tui.screens.rules.SETTLES", 0.0)

    def place(self, **changes: int) -> RuleFileView:
        found = self.path.stat()
        return RuleFileView(**({"path": str(self.path), "device": found.st_dev, "inode": found.st_ino} | changes))

    async def lend(self, argv: Sequence[str]) -> None:
        self.argv.append(list(argv))
        if self.fails:
            raise self.fails
        if self.writes:
            self.path.write_text(self.writes)
        if self.reloads:
            self.seat.daemon.reloaded = self.reloads


async def test_e_edits_the_file_at_the_rules_line_and_shows_what_the_reload_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        desk = Desk(seat, tmp_path, monkeypatch)
        await on_rules(seat)
        desk.writes = "above = 7\n"
        desk.reloads = ReloadView(wall=world.WALL - 1_000, kept=9, changed={"gc-pause": "threshold"})
        await seat.press("e")
        await seat.sees("In force since 14:03:06Z", "changed       gc-pause  threshold", "kept          9")
        assert desk.argv == [["nano", "-w", "+31", str(desk.path)]]
        await seat.press("escape", "e")
        await seat.sees("rules/hosts.toml was not changed")


async def test_a_bad_edit_is_shown_with_its_line_and_can_be_gone_back_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        desk = Desk(seat, tmp_path, monkeypatch)
        await on_rules(seat)
        desk.writes = "above = x\n"
        error = msgspec.structs.replace(world.RULE_ERROR, file="rules/hosts.toml", line=1)
        await seat.press("e")
        await seat.until(lambda: desk.argv)
        seat.daemon.status["rule_errors"] = [error]
        seat.daemon.beat()
        await seat.sees("not in use: the last good version stays in force", "rules/hosts.toml:1:1")
        await seat.press("escape", "E")
        await seat.until(lambda: len(desk.argv) == 2)
        assert desk.argv[1] == ["nano", "-w", "+1", str(desk.path)]


async def test_a_save_that_the_daemon_does_not_take_up_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.screens.rules.GIVES_UP", 0.0)
    async with sitting(tmp_path, FakeDaemon()) as seat:
        desk = Desk(seat, tmp_path, monkeypatch)
        await on_rules(seat)
        desk.writes = "above = 7\n"
        await seat.press("e")
        await seat.sees("the daemon has not taken up rules/hosts.toml yet")


async def test_a_file_that_is_not_here_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with sitting(tmp_path, FakeDaemon(), (160, 30)) as seat:
        desk = Desk(seat, tmp_path, monkeypatch)
        await on_rules(seat)
        seat.daemon.rule_files["rules/hosts.toml"] = desk.place(inode=1)
        await seat.press("e")
        await seat.sees("cannot be edited here: what has this path here is another file than the daemon's")
        seat.daemon.rule_files["rules/hosts.toml"] = RuleFileView(str(tmp_path / "gone"), 1, 1)
        await seat.press("e")
        await seat.sees("it is on the daemon's machine, not on this one")
        seat.daemon.rule_files.clear()
        await seat.press("e")
        await seat.sees("rules/hosts.toml cannot be edited: no such firing")
        await seat.press("E")
        await seat.sees("✓ every rule file is in use")
        assert desk.argv == []


async def test_an_editor_that_cannot_be_started_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with sitting(tmp_path, FakeDaemon(), (160, 30)) as seat:
        desk = Desk(seat, tmp_path, monkeypatch)
        await on_rules(seat)
        desk.fails = FileNotFoundError(2, "No such file or directory: 'nano'")
        await seat.press("e")
        await seat.sees("the editor cannot be started", "nano")
        monkeypatch.setenv("EDITOR", "'")
        await seat.press("e")
        await seat.sees("No closing quotation")


@pytest.mark.parametrize(
    ("environ", "line", "argv"),
    [
        ({}, 4, ["vi", "+4", "/r.toml"]),
        ({"EDITOR": "emacs -nw"}, 4, ["emacs", "-nw", "+4", "/r.toml"]),
        ({"EDITOR": "ed", "VISUAL": "/usr/bin/hx"}, 4, ["/usr/bin/hx", "/r.toml:4"]),
        ({"EDITOR": "code"}, 4, ["code", "--wait", "--goto", "/r.toml:4"]),
        ({"EDITOR": "nano"}, 0, ["nano", "/r.toml"]),
    ],
)
def test_the_editor_is_told_the_line_in_its_own_way(environ: dict[str, str], line: int, argv: list[str]) -> None:
    assert editor.command(environ, "/r.toml", line) == argv


async def test_a_real_editor_gets_the_terminal_and_the_screen_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hosts.toml"
    path.write_text("above = 5\n")
    program = tmp_path / "edit"
    program.write_text(EDITOR)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("EDITOR", str(program))
    monkeypatch.delenv("VISUAL", raising=False)
    daemon = FakeDaemon()
    found = path.stat()
    daemon.rule_files["rules/hosts.toml"] = RuleFileView(str(path), found.st_dev, found.st_ino)
    async with daemon.serving(str(tmp_path / "s")) as target:
        argv = (sys.executable, "-m", "tui", target)
        async with terminal(tmp_path, *argv) as there:
            await there.sees("negative-share")
            there.press("2")
            await there.sees("gc-pause", "2 firing")
            there.press("e")
            await there.sees("EDITING +31")
            daemon.put(world.firing("fnew", rule="while-editing"))
            daemon.reloaded = ReloadView(wall=world.WALL, changed={"gc-pause": "threshold"})
            there.press("above = 7\r")
            await there.sees("changed       gc-pause  threshold")
            assert path.read_text() == "above = 7"
            assert "while-editing" not in there.text
            there.press("q")
            await there.sees("explain")
            there.press("1")
            await there.sees("while-editing")
