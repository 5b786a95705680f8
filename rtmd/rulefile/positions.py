r"""Where every key and value of a TOML document stands: tomllib reads values but keeps no places.

`scan` walks the text of a document *that tomllib has accepted* and gives a place to every path of it: table keys as
strings, elements of arrays as integers from 0. Its paths are exactly those of tomllib's result (a property test
holds that). A table that is opened twice (`[a.b]` before `[a]`) stands where its own header is.

Offsets count characters from 0 in the text with `\r\n` read as `\n`, as tomllib does; lines and columns count
from 1. What a key or string says is tomllib's business: here escapes only matter for finding places inside strings.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import TypeAlias

from msgspec import Struct

Path: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
STRING = (
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|(?!""")"(?:[^"\\\n]|\\.)*"'
    r"|(?!''')'[^'\n]*'"
)
_STRING = re.compile(STRING)
_BARE = re.compile(r"[^,\]}#\n]*")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[ \t]*\n[ \t\n]*|.)", re.DOTALL)


class Place(Struct, frozen=True):
    """Offsets of the key, and of the value from its first character to behind its last."""

    key: int
    value: int
    end: int


class Positions:
    """The places of one document."""

    def __init__(self, text: str, places: dict[Path, Place]) -> None:
        self.text = text
        self.places = places
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]

    def __repr__(self) -> str:
        return f"<Positions of {len(self.places)} keys on {len(self._lines)} lines>"

    def point(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def key(self, path: Path) -> tuple[int, int]:
        """Line and column of a key; of its nearest parent if the document does not have it; (1, 1) for the root."""
        place = self._nearest(path)
        return self.point(place.key) if place else (1, 1)

    def value(self, path: Path) -> tuple[int, int]:
        """Line and column of a value; of the nearest parent's key if the document does not have it."""
        return self.point(self.places[path].value) if path in self.places else self.key(path)

    def inside(self, path: Path, offset: int) -> tuple[int, int]:
        """Line and column of the character `offset` of a string value."""
        place = self.places.get(path)
        if place is None or self.text[place.value] not in "\"'":
            return self.value(path)
        return self.point(_raw_offset(self.text[place.value : place.end], offset) + place.value)

    def _nearest(self, path: Path) -> Place | None:
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return None


def _raw_offset(raw: str, offset: int) -> int:
    """Where the decoded character `offset` of a string stands in its raw text."""
    fence = 3 if raw[:3] in {'"""', "'''"} else 1
    position = fence + (fence == 3 and raw[3:4] == "\n")
    if raw[0] == "'":
        return min(position + offset, len(raw) - 1)
    while position < len(raw) - fence:
        found = _ESCAPE.match(raw, position)
        if found and found[0][1:].lstrip(" \t").startswith("\n"):
            position = found.end()  # a line continued: no character at all
            continue
        if offset == 0:
            break
        offset -= 1
        position = found.end() if found else position + 1
    return min(position, len(raw) - 1)


def scan(text: str) -> Positions:
    """The places of a document that `tomllib.loads` accepts; undefined (but harmless) for anything else."""
    text = text.replace("\r\n", "\n")
    scanner = _Scanner(text)
    scanner.document()
    return Positions(text, scanner.places)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.places: dict[Path, Place] = {}
        self.arrays: dict[Path, int] = {}  # arrays of tables, by path: the index of the latest element
        self.table: Path = ()

    def document(self) -> None:
        while True:
            self._skip(_GAP)
            if self.position >= len(self.text):
                return
            if self.text[self.position] == "[":
                self._header()
            else:
                self._pair(self.table)
            self._skip(_BLANK)

    def _skip(self, shape: re.Pattern[str]) -> str:
        found = shape.match(self.text, self.position)
        self.position = found.end() if found else self.position + 1  # never stand still
        return found[0] if found else ""

    def _header(self) -> None:
        start = self.position
        double = self.text.startswith("[[", start)
        self.position += 1 + double
        parts = self._dotted()
        self.position += 1 + double
        path: Path = ()
        for number, (name, offset) in enumerate(parts, 1):
            path += (name,)
            last = number == len(parts)
            self._place(path, Place(offset, start, self.position), explicit=last and path not in self.arrays)
            if last and double:
                self.arrays[path] = self.arrays.get(path, -1) + 1
            if path in self.arrays:
                path += (self.arrays[path],)
                self._place(path, Place(offset, start, self.position))
        self.table = path

    def _dotted(self) -> list[tuple[str, int]]:
        parts: list[tuple[str, int]] = []
        while True:
            self._skip(_BLANK)
            start = self.position
            parts.append((_key_text(self._skip(_KEY)), start))
            self._skip(_BLANK)
            if self.text[self.position : self.position + 1] != ".":
                return parts
            self.position += 1

    def _pair(self, table: Path) -> None:
        parts = self._dotted()
        self.position += 1  # the equals sign
        self._skip(_BLANK)
        path = table
        start = self.position
        for name, offset in parts:
            path += (name,)
            self._place(path, Place(offset, start, start))
        self._value(path)
        self.places[path] = Place(parts[-1][1], start, self.position)

    def _value(self, path: Path) -> None:
        sign = self.text[self.position : self.position + 1]
        if sign == "[":
            self._array(path)
        elif sign == "{":
            self._inline(path)
        elif sign in {'"', "'"}:
            self._skip(_STRING)
        else:
            bare = self._skip(_BARE)
            self.position -= len(bare) - len(bare.rstrip())

    def _array(self, path: Path) -> None:
        self.position += 1
        index = 0
        while True:
            self._skip(_GAP)
            if self.text[self.position : self.position + 1] in {"]", ""}:
                self.position += 1
                return
            start = self.position
            self._value((*path, index))
            self.places[*path, index] = Place(start, start, self.position)
            index += 1
            self._skip(_GAP)
            if self.text[self.position : self.position + 1] == ",":
                self.position += 1

    def _inline(self, path: Path) -> None:
        self.position += 1
        while True:
            self._skip(_GAP)
            if self.text[self.position : self.position + 1] in {"}", ""}:
                self.position += 1
                return
            self._pair(path)
            self._skip(_GAP)
            if self.text[self.position : self.position + 1] == ",":
                self.position += 1

    def _place(self, path: Path, place: Place, *, explicit: bool = False) -> None:
        if explicit or path not in self.places:
            self.places[path] = place


def _key_text(raw: str) -> str:
    if raw[:1] not in {'"', "'"}:
        return raw
    if raw[0] == "'" or "\\" not in raw:
        return raw[1:-1]
    return str(tomllib.loads(f"key = {raw}")["key"])
