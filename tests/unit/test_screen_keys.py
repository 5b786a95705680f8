"""Keys and palette: remapping, and finding by name."""

from __future__ import annotations

import pytest

from tui.keymap import LIVE, Key, footer, lookup, remapped, wishes
from tui.palette import Chosen, Palette, open_palette, press_in

TABLE = (
    Key(("a",), "ack", "acknowledge", short="ack"),
    Key(("s", "S"), "silence", "silence it", short="silence"),
    Key((), "theme", "other colours", short="never shown"),
    Key((":",), "palette", "by name"),
)


def test_other_keys_replace_the_usual_ones_and_are_taken_from_whoever_had_them() -> None:
    table = remapped(TABLE, {"ack": ("s",), "theme": ("t",)})
    assert {name: key.verb for name, key in lookup(table).items()} == {
        "s": "ack", "S": "silence", "t": "theme", ":": "palette",
    }  # fmt: skip


def test_wishes_for_another_table_take_no_keys_from_this_one() -> None:
    assert remapped(TABLE, {"fold": ("a",)}) == TABLE


def test_what_has_no_key_is_not_in_the_footer() -> None:
    assert footer(TABLE) == [("a", "ack"), ("s S", "silence")]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"akc": "s"}, 'there is no "akc": did you mean "ack"?'),
        ({"ack": 5}, "ack: give a key, or a list of keys"),
        ({"ack": ["a", ""]}, "ack: give a key, or a list of keys"),
        ({"ack": "x", "theme": ["t", "x"]}, '"x" is given to ack and to theme'),
    ],
)
def test_a_wrong_wish_is_named(document: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match="^" + complaint.replace("?", "[?]") + "$"):
        wishes(document, [TABLE])


def test_wishes_are_read() -> None:
    assert wishes({"ack": "x", "silence": []}, [TABLE]) == {"ack": ("x",), "silence": ()}


def press_all(palette: Palette, *keys: str) -> Palette | Chosen:
    verdict: Palette | Chosen = palette
    for key in keys:
        assert isinstance(verdict, Palette)
        verdict = press_in(verdict, key)
    return verdict


def test_the_palette_has_everything_but_itself_and_finds_words_by_their_beginnings() -> None:
    palette = open_palette(TABLE)
    assert [key.verb for key in palette.found] == ["ack", "silence", "theme"]
    found = press_all(palette, *"other col")
    assert isinstance(found, Palette)
    assert [key.verb for key in found.found] == ["theme"]
    assert press_in(found, "enter") == Chosen(TABLE[2])


def test_what_is_called_so_stands_before_what_speaks_of_it() -> None:
    found = press_all(open_palette(LIVE), *"silenc")
    assert isinstance(found, Palette)
    assert [key.verb for key in found.found[:2]] == ["silence", "silenced"]
    assert "undo" in [key.verb for key in found.found]


def test_the_cursor_of_the_palette_stays_within_what_was_found() -> None:
    assert press_all(open_palette(TABLE), "up", "enter") == Chosen(TABLE[0])
    assert press_all(open_palette(TABLE), *["down"] * 9, "enter") == Chosen(TABLE[2])
    assert press_all(open_palette(TABLE), "down", "up", "enter") == Chosen(TABLE[0])
    assert press_all(open_palette(TABLE), *"zzz", "enter") == Chosen(None)
    assert press_all(open_palette(TABLE), *"zzz", "ctrl+u", "backspace", "f5", "escape") == Chosen(None)
