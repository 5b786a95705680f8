"""Places in TOML text, and texts that tomllib must never see."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from steps import growth

from rtmd.errors import FileErrors
from rtmd.rulefile.document import read_document
from rtmd.rulefile.positions import scan

TEXT = """\
# first
[rules.a]
signal = "up"
'odd key'.x = [1, { y = 'z' }]

[[rules.a.list]]
[[rules.a.list]]
k = 1
[rules.a.list.deep]
"""


def test_keys_and_values_have_lines_and_columns_from_one() -> None:
    found = scan(TEXT)
    assert found.key(("rules",)) == (2, 2)
    assert found.key(("rules", "a")) == (2, 8)
    assert (found.key(("rules", "a", "signal")), found.value(("rules", "a", "signal"))) == ((3, 1), (3, 10))
    assert found.key(("rules", "a", "odd key", "x")) == (4, 11)
    assert found.value(("rules", "a", "odd key", "x", 1, "y")) == (4, 25)
    assert found.value(("rules", "a", "list", 1, "k")) == (8, 5)
    assert found.key(("rules", "a", "list", 1, "deep")) == (9, 15)


def test_a_missing_key_stands_at_its_nearest_parent() -> None:
    assert scan(TEXT).key(("rules", "a", "list", 1, "none", "x")) == (7, 11)
    assert scan(TEXT).value(("rules", "a", "none")) == (2, 8)
    assert scan(TEXT).key(()) == (1, 1)


@pytest.mark.parametrize(
    ("raw", "offset", "place"),
    [
        ('"abc"', 1, (1, 7)),
        ("'a\\c'", 2, (1, 8)),
        ('"\\u0041\\tc"', 2, (1, 14)),
        ('"""\nab\ncd"""', 3, (3, 1)),
        ('"""ab\\\n   \n  cd"""', 2, (3, 3)),
        ("'''\nab\ncd'''", 4, (3, 2)),
        ('"abc"', 99, (1, 9)),
    ],
)
def test_characters_inside_strings_have_places(raw: str, offset: int, place: tuple[int, int]) -> None:
    assert scan(f"k = {raw}").inside(("k",), offset) == place


def test_windows_line_ends_count_as_one() -> None:
    assert scan('a = 1\r\nb = """\r\nx\r\ny"""\r\n').inside(("b",), 2) == (4, 1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a.b\nc = '\xff'", "x:2:6: the file is not UTF-8"),
        (b".".join([b"a"] * 17) + b" = 1", "x:1:32: a dotted key has more than 16 parts"),
        (b"a = 1\nb = " + b"[" * 65, "x:2:69: brackets are nested deeper than 64 levels"),
        (b"a = " + b"1" * 300, "x:1:5: a number or bare key is longer than 256 characters"),
        (b"#" * (256 * 1024 + 1), "x: the file is larger than 256 KiB"),
        (b"a = 1\na = 2\n", "x:2:6: Cannot overwrite a value"),
        (b"b = 1\na = 'x\n", "x:2:5: the string is never closed"),
        (b"a = ", "x:1: Invalid value (at the end of the file)"),
    ],
)
def test_what_cannot_be_read_has_a_place(content: bytes, problem: str) -> None:
    with pytest.raises(FileErrors) as caught:
        read_document(content, file="x")
    assert str(caught.value).startswith(problem)


HOSTILE: dict[str, Callable[[int], str]] = {
    "escapes": lambda size: 'a="' + '\\"' * size,
    "escapes over lines": lambda size: 'a="""' + '\\"""' * (size // 2),
    "quotes in quotes": lambda size: "a='''" + "''x" * (size // 2),
    "many quotes": lambda size: '"""a' * (size // 2),
    "brackets": lambda size: "[" * size,
    "dots": lambda size: "a." * size,
    "tables in tables": lambda size: "{a=" * (size // 2),
    "odd quotes": lambda size: "'" * (2 * size + 1),
    "headers": lambda size: "\n".join(f"[a.b{number}]" for number in range(size // 8)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_every_text_is_read_or_refused_once(kind: str) -> None:
    assert problems(HOSTILE[kind](100_000)) <= 1


@pytest.mark.parametrize("kind", HOSTILE)
def test_twice_the_text_is_at_most_twice_the_work(kind: str) -> None:
    assert growth(lambda size: problems(HOSTILE[kind](size)), 1_000) <= 2.5


def problems(text: str) -> int:
    try:
        read_document(text, file="x")
    except FileErrors as errors:
        return len(errors.problems)
    return 0
