"""The position scanner against tomllib, over generated documents."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtmd.errors import FileErrors
from rtmd.rulefile.document import read_document
from rtmd.rulefile.positions import Path, scan

BLANK = st.sampled_from(["", "", " ", "\t "])
PARTS = st.sampled_from(["a", "b", "c", "1", "x-y", '"a b"', "'q.r'", '"\\u00e9"', '"#="', '""', "'ü'", '"a"'])
KEYS = st.lists(PARTS, min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from([".", " . ", "\t."]).map(lambda dot: dot.join(parts))
)
GAPS = st.sampled_from(["", " ", "\n", " # c ] }\n  ", "\r\n"])
SCALARS = st.sampled_from(
    [
        *("1", "-1_0", "0x1f", "1.5e3", "inf", "true", "1979-05-27 07:32:00Z", "07:32:00", '"x # [ ] = \\" \\u00e9"'),
        *("'lit # \\'", '""', "''", '"""\nml "q" ""\n# no\n"""', '"""a""""', '""""a"""""', '"""x \\\n   y"""'),
        *("'''l\n''x'''", "'''a''''", '""""""', "''''''", '"\U0001f600"'),
    ]
)


@st.composite
def arrays(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    items = draw(st.lists(values, max_size=3))
    body = ",".join(draw(GAPS) + item + draw(GAPS) for item in items)
    return f"[{body}{',' if items and draw(st.booleans()) else ''}{draw(GAPS)}]"


@st.composite
def inlines(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    pairs = [
        f"{draw(BLANK)}{draw(KEYS)}{draw(BLANK)}={draw(BLANK)}{draw(values)}" for _ in range(draw(st.integers(0, 2)))
    ]
    return "{" + ",".join(pairs) + draw(BLANK) + "}"


VALUES = st.recursive(SCALARS, lambda values: arrays(values) | inlines(values), max_leaves=6)


@st.composite
def statements(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["pair", "pair", "pair", "table", "tables", "comment"]))
    end = draw(st.sampled_from(["\n", " # [x] = 'y'\n", "\r\n", "\n\n"]))
    match kind:
        case "pair":
            return f"{draw(BLANK)}{draw(KEYS)}{draw(BLANK)}={draw(BLANK)}{draw(VALUES)}{end}"
        case "table":
            return f"{draw(BLANK)}[{draw(BLANK)}{draw(KEYS)}{draw(BLANK)}]{end}"
        case "tables":
            return f"[[{draw(BLANK)}{draw(KEYS)}{draw(BLANK)}]]{end}"
        case _:
            return f"# {draw(KEYS)} = [{end}"


def accepted(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


@st.composite
def documents(draw: st.DrawFn) -> str:
    text = ""
    for statement in draw(st.lists(statements(), max_size=12)):
        if accepted(text + statement):
            text += statement
    return text


def paths(tree: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    match tree:
        case dict():
            for key, value in tree.items():
                yield from paths(value, (*path, key))
        case list():
            for index, value in enumerate(tree):
                yield from paths(value, (*path, index))


def value_at(tree: Any, path: Path) -> Any:
    for part in path:
        tree = tree[part]
    return tree


@settings(max_examples=300, deadline=None)
@given(documents())
def test_the_scanner_has_exactly_the_keys_of_tomllib(text: str) -> None:
    assert set(scan(text).places) == set(paths(tomllib.loads(text)))


@settings(max_examples=300, deadline=None)
@given(documents())
def test_every_value_stands_where_the_scanner_says(text: str) -> None:
    tree = tomllib.loads(text)
    found = scan(text)
    for path, place in found.places.items():
        value = value_at(tree, path)
        raw = found.text[place.value : place.end]
        if not isinstance(value, dict | list):
            again = tomllib.loads(f"v = {raw}")["v"]
            assert repr(again) == repr(value)
        if isinstance(value, str):
            for offset, sign in enumerate(value):
                line, column = found.inside(path, offset)
                shown = found.text.split("\n")[line - 1][column - 1 : column] or "\n"
                assert shown in {sign, "\\"}


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="ab.=[]{}\"'#\n\r\t \\1-_,:é\x00", max_size=60) | st.binary(max_size=60))
def test_any_text_is_a_document_or_located_problems(content: str | bytes) -> None:
    try:
        document = read_document(content, file="x.toml")
    except FileErrors as errors:
        problems = errors.problems
    else:
        problems = ()
        assert set(document.positions.places) == set(paths(document.tree))
    assert all(problem.file == "x.toml" and problem.problem for problem in problems)
