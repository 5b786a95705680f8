"""TOML text from outside to a checked tree with places, or to located problems. Never to anything else.

tomllib is quadratic in the parts of one dotted key, recursive in brackets and converts numbers of any length; so a
linear look over the text refuses what is large in any of these ways before tomllib sees it. Both rule files and
rtmd.toml come through here.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from msgspec import Struct

from rtmd.errors import FileErrors, Located
from rtmd.rulefile.positions import STRING, Path, Positions, scan

MAX_BYTES = 256 * 1024
MAX_KEY_PARTS = 16
MAX_DEPTH = 64
MAX_WORD = 256  # of a number or a bare key

_PIECE = re.compile(rf"(?P<string>{STRING})|#[^\n]*|[ \t]+|(?P<word>[A-Za-z0-9_+-]+)|[\s\S]")
_REPORTED_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


class Document(Struct, frozen=True):
    """A TOML document that tomllib accepts."""

    file: str
    tree: dict[str, Any]
    positions: Positions

    def key(self, path: Path, problem: str) -> Located:
        """A problem at a key (or at its nearest parent, when it is missing)."""
        return Located(self.file, *self.positions.key(path), problem)

    def value(self, path: Path, problem: str) -> Located:
        """A problem at a value."""
        return Located(self.file, *self.positions.value(path), problem)

    def inside(self, path: Path, offset: int, problem: str) -> Located:
        """A problem at one character of a string value."""
        return Located(self.file, *self.positions.inside(path, offset), problem)


def read_document(content: bytes | str, *, file: str) -> Document:
    """Parse a document; raises FileErrors with the one problem that keeps it from being read."""
    text = _decoded(content, file)
    unclosed = _refuse_large(text, file)
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError, OverflowError) as error:
        raise FileErrors((_located(error, text, file=file, unclosed=unclosed),)) from None
    return Document(file, tree, scan(text))


def _decoded(content: bytes | str, file: str) -> str:
    if len(content) > MAX_BYTES:
        problem = f"the file is larger than {MAX_BYTES // 1024} KiB"
        raise FileErrors((Located(file, 0, 0, problem),))
    if isinstance(content, str):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise FileErrors((Located(file, line, column, "the file is not UTF-8"),)) from None


def _refuse_large(text: str, file: str) -> int | None:
    """Raises for what is too large; returns where a string begins that never ends."""
    depth = dots = 0
    for found in _PIECE.finditer(text):
        piece = found[0]
        if piece in {'"', "'"}:
            return found.start()  # tomllib comes to this place and no further
        if piece == ".":
            dots += 1
        elif (not found.lastgroup and not piece.isspace()) or piece == "\n":
            dots = 0
        depth = max(0, depth + (piece in {"[", "{"}) - (piece in {"]", "}"}))
        problem = _too_large(found, dots=dots, depth=depth)
        if problem:
            raise FileErrors((Located(file, *_point(text, found.start()), problem),))
    return None


def _point(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _too_large(found: re.Match[str], *, dots: int, depth: int) -> str:
    if dots >= MAX_KEY_PARTS:
        return f"a dotted key has more than {MAX_KEY_PARTS} parts"
    if depth > MAX_DEPTH:
        return f"brackets are nested deeper than {MAX_DEPTH} levels"
    if found.lastgroup == "word" and len(found[0]) > MAX_WORD:
        return f"a number or bare key is longer than {MAX_WORD} characters"
    return ""


def _located(error: Exception, text: str, *, file: str, unclosed: int | None) -> Located:
    if isinstance(error, RecursionError):
        return Located(file, 0, 0, "the file is nested too deeply")
    message = str(error)
    found = _REPORTED_PLACE.search(message)
    if found is None:
        return Located(file, 0, 0, message[:300])
    problem = message[: found.start()][:300]
    if found[1] is None and unclosed is not None:
        return Located(file, *_point(text, unclosed), "the string is never closed")
    if found[1] is None:
        return Located(file, text.count("\n") + 1, 0, f"{problem} (at the end of the file)")
    return Located(file, int(found[1]), int(found[2]), problem)
