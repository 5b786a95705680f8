"""What is copied: texts that act on nothing, and commands that say what the screen would do, whatever labels hold."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from rtmd.matching import parse_matcher
from rtmd.model.display import safe
from rtmd.wire import FiringView
from rtmd.wire.scope import firing_matchers
from tui.actions import Item
from tui.copying import Choice, keep, of_firing, of_item, of_rule, of_silence, silence_command
from tui.view.glyphs import UNICODE
from tui.view.moment import Moment

NOW = Moment(mono=0, wall=world.WALL, at=world.AT)


def menu(firing: FiringView) -> dict[str, str]:
    """Key → text."""
    return {choice.key: choice.text for choice in of_firing(firing, NOW, UNICODE).choices}


def test_everything_about_a_firing_can_be_taken() -> None:
    firing = world.firing(links={"dashboard": "https://d.example", "runbook": "https://r.example"}, value=9312.5,
                          group={"brand": "acme"})  # fmt: skip
    assert menu(firing) == {
        "y": "◆ WARN  SM·  mention-surge  acme · eu  9 312 > 120  for 4m  NEW",
        "i": "rtmd tui --open firing/f1",
        "v": "9312.5",
        "c": "rtmd ack f1",
        "s": """rtmd silence add --for 15m -- 'rule="mention-surge"' 'brand="acme"' 'stage=~"seconds|minutes"'""",
        "r": "https://r.example",
    }


def test_what_there_is_not_is_not_offered() -> None:
    assert set(menu(world.firing(value=None))) == {"y", "i", "c", "s"}


@pytest.mark.parametrize("hostile", [*world.HOSTILE, "--yes", "; rm -rf ~", "$(id)`id`", 'it\'s "so" \\ here'])
def test_a_command_is_its_words_again_in_a_shell_and_its_matchers_are_those_of_the_daemon(hostile: str) -> None:
    firing = world.firing(group={"brand": hostile}, rule="it's")
    text = menu(firing)["s"]
    assert safe(text, 20_000) == text
    words = shlex.split(text)
    if safe(hostile.replace("\n", ""), 20_000) != hostile.replace("\n", ""):
        assert words == ["rtmd", "silence", "add", "--firing", "f1", "--for", "15m"]
    else:
        assert words[:6] == ["rtmd", "silence", "add", "--for", "15m", "--"]
        assert tuple(map(parse_matcher, words[6:])) == firing_matchers(firing)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=20), max_size=4), st.text())
def test_no_label_and_no_rule_changes_what_the_shell_reads(labels: dict[str, str], rule: str) -> None:
    firing = world.firing(group=labels, rule=rule)
    [choice] = silence_command(firing)
    words = shlex.split(choice.text)
    assert words[:3] == ["rtmd", "silence", "add"]
    if "--firing" not in words:
        assert tuple(map(parse_matcher, words[6:])) == firing_matchers(firing)


@pytest.mark.parametrize("hostile", world.HOSTILE)
def test_nothing_that_is_copied_acts_on_a_terminal(hostile: str) -> None:
    firing = world.firing(rule=hostile, title=hostile, labels={"a": hostile}, group={"a": hostile}, threshold=hostile,
                          links={hostile: hostile}, ack=world.ack(hostile))  # fmt: skip
    for text in menu(firing).values():
        assert safe(text, 100_000) == text


def test_an_id_that_no_command_could_say_gets_none() -> None:
    assert set(menu(world.firing("f\x1b1", value=None, group={"a": "\x1b"}))) == {"y"}


def test_a_silence_can_be_ended_and_made_again_by_what_is_copied() -> None:
    silence = world.silence(matchers=['rule="it\'s"', 'stage=~"a|b"'], starts_at=0, ends_at=world.HOUR)
    found = {choice.key: choice.text for choice in of_silence(silence, "the line")}
    assert found["y"] == "the line"
    assert found["i"] == "s1"
    assert found["c"] == "rtmd silence expire s1"
    assert shlex.split(found["s"]) == ["rtmd", "silence", "add", "--for", "1h", "--", *silence.matchers]


def test_an_action_is_copied_as_the_command_that_decides_it() -> None:
    waits, troubled = world.deciding()[0], world.deciding()[1]
    [approve] = [one.text for one in of_item(Item(waits, waits.proposals[0]), "l") if one.key == "c"]
    assert approve == "rtmd approve p1 --version 3"
    [rerun] = [one.text for one in of_item(Item(troubled, run=troubled.runs[0]), "l") if one.key == "c"]
    assert rerun == "rtmd rerun r5"
    assert {one.key for one in of_item(Item(waits, run=waits.runs[0]), "l")} == {"y", "i"}


def test_a_rule_is_copied_with_its_place() -> None:
    rule = world.rules()[1]
    assert {one.key: one.text for one in of_rule(rule, "l")} == {
        "y": "l", "i": "mention-surge", "p": "rules/social.toml:4",
    }  # fmt: skip


def test_keys_choose_and_others_do_not() -> None:
    found = of_firing(world.firing(), NOW, UNICODE)
    assert found.chosen("z") is None
    assert found.chosen("v") == Choice("v", "value", "312")


def test_the_file_is_for_its_owner_and_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    place = tmp_path / "rtmd-clip"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    place.symlink_to(elsewhere)
    before = os.umask(0)
    try:
        assert keep("éa") == str(place)
    finally:
        os.umask(before)
    assert place.read_text(encoding="utf-8") == "éa\n"
    assert not place.is_symlink()
    assert elsewhere.read_text() == "mine"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "rtmd-clip"]


@pytest.mark.parametrize("folder", ["", "/nonexistent/folder"])
def test_without_a_place_there_is_no_file(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    assert keep("a") == ""
