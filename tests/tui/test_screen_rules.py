"""The Rules screen: the noise board, what people say, files in the operator's own editor, reloads."""

from __future__ import annotations

import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import world
from fake_daemon import FakeDaemon
from seat import Seat, sitting
from test_screen_terminal import terminal
from textual.events import Paste

from rtmd.wire.noise import MissedRequest, MissView, NoiseView, VerdictRequest
from rtmd.wire.rules import ReloadView, RuleFileView, RuleView
from tui import editor
from tui.app import RtmdApp
from tui.rules import RuleList
from tui.screens.live import LiveScreen
from tui.screens.rules import RulesScreen
from tui.view import rules as view
from tui.view.glyphs import ASCII, UNICODE
from tui.view.line import plain, width
from tui.view.moment import Moment

EDITOR = f"""#!{sys.executable}
import sys
print('EDITING', sys.argv[1], flush=True)
line = input()
open(sys.argv[2], 'w').write(line)
"""
NOW = Moment(0, world.WALL, world.AT)


async def on_rules(seat: Seat) -> RulesScreen:
    """The seat on the Rules screen, with its answers."""
    await seat.press("2")
    await seat.sees("gc-pause", "rules")
    screen = seat.app.screen
    assert isinstance(screen, RulesScreen)
    return screen


def many(count: int) -> list[RuleView]:
    return [
        RuleView(f"rule-{number:03}", "rules/many.toml", number + 1, "risk", ["minutes"]) for number in range(count)
    ]


async def test_the_noisiest_stands_on_top_and_what_has_too_few_firings_has_no_score(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await on_rules(seat)
        rows = [line.split() for line in seat.text.splitlines()[3:6]]
        assert [row[:2] for row in rows] == [[">0.72", "gc-pause"], ["0.31", "mention-surge"], ["-", "site-latency"]]
        assert " ".join(rows[0][2:]) == "1204 172.0 9s 96% 81% 61% 71% 0% 3n 1r 1m 2 firing"


async def test_every_state_of_a_rule_has_its_word(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await on_rules(seat)
        words = {
            "gc-pause": "2 firing",
            "mention-surge": "1 firing 3 pending",
            "queue-depth-high": "∅ NODATA 7m",
            "site-latency": "∅ NODATA (1) 1 firing",
            "tls-handshake-fail": "✗ ERROR",
            "reach-spike": "1 firing rejudging",
            "creator-mention": "FULL",
            "hashtag-rising": "shadow",
            "engagement-drop": "OFF",
            "brand-new": "no series yet",
        }
        rows = {line[7:].split()[0]: line for line in seat.text.splitlines()[3:13]}
        assert {name: rows[name].endswith(f" {word}") for name, word in words.items()} == dict.fromkeys(words, True)
        await seat.sees("2 in trouble · 2 without data · 10 rules")


async def test_the_cursor_moves_by_rule_and_stays_on_it_when_the_order_changes(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.rules, daemon.noise = many(60), NoiseView(7, world.AT, world.AT, [])
    async with sitting(tmp_path, daemon, (80, 24)) as seat:
        await seat.press("2")
        await seat.sees("rule-000")
        screen = seat.app.screen
        assert isinstance(screen, RulesScreen)
        rules = screen.rules
        await seat.until(lambda: rules.height == 20)
        steps = (("j", 1), ("down", 2), ("k", 1), ("up", 0), ("G", 59), ("g", 0), ("pagedown", 20), ("pageup", 0))
        for key, place in (*steps, ("ctrl+d", 10), ("ctrl+u", 0), ("end", 59), ("home", 0)):
            await seat.press(key)
            assert rules.cursor == f"rule-{place:03}", key
        await seat.press("j", "j", "j")
        daemon.rules = [rule for rule in daemon.rules if rule.name not in ("rule-000", "rule-001")]
        seat.passed = 10_000
        seat.app.desk.picture.link.heard = seat.app.desk.clock()
        seat.app.repaint()
        await seat.sees("58 rules")
        assert rules.cursor == "rule-003"
        await seat.pilot.click("#table", offset=(5, 4))
        assert rules.cursor == "rule-006"
        screen.on_rows_wheeled(screen._rows.Wheeled(3))
        assert rules.cursor == "rule-009"


async def test_enter_explains_the_score_term_by_term_and_escape_comes_back(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), (120, 40)) as seat:
        await on_rules(seat)
        await seat.press("enter")
        await seat.sees("noise 0.72   the mean of 1204 firings", "976 of 1204     +0.30", "rules/hosts.toml:31")
        await seat.sees("ana: db-07 stood still and nobody heard of it")
        await seat.press("escape", "j", "j", "enter")
        await seat.sees("No score: 3 firings say nothing yet.")
        await seat.press("escape", "q")
        await seat.until(lambda: isinstance(seat.app.screen, LiveScreen))


async def test_noise_and_real_are_said_of_the_latest_firing_of_the_rule(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await on_rules(seat)
        await seat.press("n")
        await seat.sees("✓ gc-pause api-4: noise · N says that it was real")
        await seat.press("N")
        await seat.sees("gc-pause api-4: real")
        assert [request for _, request in seat.daemon.requests] == [
            VerdictRequest("f10", "noise"),
            VerdictRequest("f10", "real"),
        ]
        await seat.press("j", "j", "j", "n")
        await seat.sees("there is no firing here to say that of; rtmd verdict ID")


async def test_on_live_they_are_said_of_the_row_under_the_cursor_and_shown_on_it(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("negative-share")
        await seat.press("n")
        await seat.sees("NEW was noise")
        await seat.press("enter", "N")
        await seat.sees("NEW was real")
        assert [request for _, request in seat.daemon.requests] == [
            VerdictRequest("f01", "noise"),
            VerdictRequest("f01", "real"),
        ]


async def test_what_a_rule_missed_is_typed_and_sent(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        screen = await on_rules(seat)
        await seat.press("M", *"the oytage")
        await seat.sees("gc-pause missed: the oytage", "⏎ send")
        await seat.press("ctrl+u", *"the ")
        screen.on_paste(Paste("out\nage"))
        await seat.press("enter")
        await seat.sees("kept with gc-pause: missed")
        assert seat.daemon.requests == [("missed", MissedRequest("gc-pause", "the out age"))]
        await seat.press("M", "x", "backspace", "enter", "M", "y", "escape")
        await seat.sees("? keys")
        assert len(seat.daemon.requests) == 1


async def test_what_may_not_be_changed_is_refused_here_too(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.refuse = "bo was first"
    async with sitting(tmp_path, daemon) as seat:
        await on_rules(seat)
        await seat.press("n")
        await seat.sees("✗ not kept: bo was first")
        await seat.press("M", "x", "enter")
        await seat.sees("✗ not kept: bo was first")
        await seat.press("R", "n", "M", "e")
        await seat.until(lambda: len(seat.said) > 5)
        assert [text.partition(":")[0] for text in seat.said[-3:]] == [
            "✗ cannot say noise",
            "✗ cannot report miss",
            "✗ cannot edit",
        ]
        assert len(daemon.requests) == 2


async def test_d_asks_for_other_days_and_the_filter_for_names_and_states(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await on_rules(seat)
        await seat.press("d")
        await seat.sees("noise of the last 30 days (d)")
        await seat.press("d")
        await seat.sees("noise of the last 1 day (d)")
        await seat.press("d", *"/nodata")
        await seat.sees("/ nodata", "2 of 10 rules")
        assert "gc-pause" not in seat.text
        await seat.press("enter")
        await seat.sees("filter: nodata", ">-     site-latency")
        await seat.press("escape", *"/zzz", "enter")
        await seat.sees('0 of 10 match "zzz" · esc clears')
        await seat.press("escape")
        await seat.sees("gc-pause")


async def test_the_latest_reload_and_the_files_that_cannot_be_used_are_shown(tmp_path: Path) -> None:
    daemon = FakeDaemon(
        rule_errors=[world.RULE_ERROR, *[msgspec.structs.replace(world.RULE_ERROR, line=n) for n in range(20, 25)]]
    )
    async with sitting(tmp_path, daemon) as seat:
        await on_rules(seat)
        await seat.sees("✗ rules/mentions.toml:14:1: minutes.above must be > clear", "E edits", "✗ 3 more")
        await seat.press("c")
        await seat.sees(
            "In force since 14:02:55Z", "rejudging     reach-spike  minutes.window", "older-one  while it fires"
        )
        await seat.sees("not in use: the last good version stays in force", "rules/mentions.toml:14:1")
        await seat.press("escape")
        daemon.reloaded = ReloadView(held_back=["a", "b", "c"])
        seat.passed = 10_000
        await seat.press("c")
        await seat.sees("Nothing was reloaded since the daemon started", "held back", "rtmd reload --confirm")


async def test_a_daemon_that_does_not_answer_is_said_and_asked_again(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    answer = daemon._look_up
    daemon._look_up = lambda path, query: None if path == "rules" else answer(path, query)  # type: ignore[method-assign]
    async with sitting(tmp_path, daemon) as seat:
        await seat.press("2")
        await seat.sees("✗ no such firing")
        daemon._look_up = answer  # type: ignore[method-assign]
        seat.passed = 10_000
        seat.app.desk.picture.link.heard = seat.app.desk.clock()
        seat.app.repaint()
        await seat.sees("gc-pause")


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


@pytest.mark.parametrize("cells", [60, 80, 120, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("label", world.HOSTILE)
def test_hostile_names_stay_on_their_line(label: str, cells: int, glyphs: Any) -> None:
    rule = RuleView(label, label, 3, label, [label], problems=[label])
    noise = msgspec.structs.replace(world.noise().rules[0], rule=label, missed=[MissView(world.AT, label, label)])
    rules = RuleList(filter=label)
    rules.take([rule], NoiseView(7, world.AT, world.AT, [noise]), world.RELOADED)
    rules.arrange(5, lambda _: label)
    error = msgspec.structs.replace(world.RULE_ERROR, file=label, problem=label)
    reload = ReloadView(1, 0, [label], {label: label}, {label: label}, [label], [label], label, [label])
    lines = [
        view.heading(cells),
        view.info(rules, NOW, cells, glyphs),
        *(view.row(row, NOW, cells, glyphs, selected=True) for row in rules.visible()),
        *view.errors([error] * 6, cells, glyphs),
        *view.changes(reload, [error], NOW, cells, glyphs),
        *(line for row in rules.rows for line in view.explain(row, NOW, cells, glyphs)),
    ]
    assert len(lines) > 20
    for line in lines:
        assert width(line) <= cells
        assert not any(character < " " or character in "\x7f\x9b\u202e\u2066" for character in plain(line))
