"""The Rules screen: the noise board, what people say, files in the operator's own editor, reloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import world
from fake_daemon import FakeDaemon
from seat import Seat, sitting
from textual.events import Paste

from rtmd.wire.noise import MissedRequest, MissView, NoiseView, VerdictRequest
from rtmd.wire.rules import ReloadView, RuleView
from tui.rules import RuleList
from tui.screens.live import LiveScreen
from tui.screens.rules import RulesScreen
from tui.view import rules as view
from tui.view.glyphs import ASCII, UNICODE
from tui.view.line import plain, width
from tui.view.moment import Moment

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
        assert " ".join(rows[0][2:]) == "1204 9s 96% 81% 172.0 61% 71% 0% 3n 1r 1m 2 firing"


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


async def test_a_correlation_says_what_it_joins(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.rules = [RuleView("backlash", "rules/social.toml", 9, "risk", [], joins=["mention-surge", "gc-pause"])]
    async with sitting(tmp_path, daemon) as seat:
        await seat.press("2")
        await seat.sees("backlash", "quiet")
        await seat.press("enter")
        await seat.sees("joins         mention-surge, gc-pause", "rules/social.toml:9")


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
        view.info(rules, "", NOW, cells, glyphs),
        *(view.row(row, NOW, cells, glyphs, selected=True) for row in rules.visible()),
        *view.errors([error] * 6, cells, glyphs),
        *view.changes(reload, [error], NOW, cells, glyphs),
        *(line for row in rules.rows for line in view.explain(row, NOW, cells, glyphs)),
    ]
    assert len(lines) > 20
    for line in lines:
        assert width(line) <= cells
        assert not any(character < " " or character in "\x7f\x9b\u202e\u2066" for character in plain(line))
