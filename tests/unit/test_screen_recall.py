"""Earlier filters: going through them, and the file that keeps them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tui.recall import MOST, Filters, Recall


def test_up_goes_back_and_down_comes_to_what_was_being_typed() -> None:
    recall = Recall(["a", "b"])
    shown = ["dra"]
    for key in ("up", "up", "up", "down", "down", "down"):
        shown.append(recall.go(key, shown[-1]))
    assert shown[1:] == ["b", "a", "a", "b", "dra", "dra"]


def test_what_was_recalled_and_changed_is_typed_anew() -> None:
    recall = Recall(["a", "b"])
    assert recall.go("up", "") == "b"
    assert recall.go("up", "bx") == "b"
    assert recall.go("down", "b") == "bx"


def test_without_a_past_the_line_stays_as_it_is() -> None:
    assert Recall().go("up", "typed") == "typed"
    assert Recall().go("down", "typed") == "typed"


def test_a_filter_used_again_is_the_latest_and_stands_there_once() -> None:
    recall = Recall(["a", "b"])
    recall.keep("a")
    recall.keep("")
    assert recall.past == ["b", "a"]


def test_the_next_session_has_them_by_screen(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "filters"
    first = Filters(place)
    for screen, text in (("Live", "sev:crit"), ("Rules", "/off"), ("Live", "  state:new   db "), ("Live", " ")):
        first.keep(screen, text)
    assert first.of("Live").past == ["sev:crit", "state:new db"]
    later = Filters(place)
    assert later.of("Live").past == ["sev:crit", "state:new db"]
    assert later.of("Rules").past == ["/off"]
    assert later.of("Audit").past == []
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert [path.name for path in place.parent.iterdir()] == ["filters"]


def test_sessions_side_by_side_add_to_one_file(tmp_path: Path) -> None:
    one, other = Filters(tmp_path / "f"), Filters(tmp_path / "f")
    one.of("Live")
    other.of("Live")
    one.keep("Live", "a")
    other.keep("Live", "b")
    assert Filters(tmp_path / "f").of("Live").past == ["a", "b"]


def test_the_oldest_are_dropped(tmp_path: Path) -> None:
    filters = Filters(tmp_path / "f")
    for number in range(MOST + 5):
        filters.keep("Live", str(number))
    assert Filters(tmp_path / "f").of("Live").past == [str(number) for number in range(5, MOST + 5)]


def test_what_somebody_wrote_into_the_file_acts_on_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("Live\t\x1b[2Jboo\nno tab\nLive\t\n\tx\n")
    assert Filters(tmp_path / "f").of("Live").past == ["␛[2Jboo"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_without_a_file_to_read_or_write_they_last_for_the_session(tmp_path: Path, content: bytes | None) -> None:
    place = tmp_path / "f" if content else tmp_path / "file" / "f"
    if content:
        place.write_bytes(content)
    else:
        place.parent.write_text("no folder")
    filters = Filters(place)
    filters.keep("Live", "a")
    assert filters.of("Live").past == ["a"]
