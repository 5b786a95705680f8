"""One line of Influx line protocol, read by the rules: what `influx` falls back on, and believes.

Everything here takes bytes as they are spelled and raises FormatError with what is wrong, not where: the caller knows
the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from rtmd.errors import FormatError
from rtmd.formats.names import label_name, metric_name
from rtmd.formats.numbers import finite
from rtmd.model.labels import METRIC_NAME

_MEASUREMENT = re.compile(rb"(?:[^, \\]++|\\[,= ]|\\)++")
_TAG = re.compile(rb",((?:[^,= \\]++|\\[,= ]|\\)++)=((?:[^,= \\]++|\\[,= ]|\\)++)")
_FIELD = re.compile(rb"((?:[^,= \\]++|\\[,= ]|\\)++)=")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_STRING_ENDS = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_VALUE = re.compile(rb"[^, ]*+")
_INTEGER = re.compile(rb"(?:-?[0-9]+i|[0-9]+u)")
_ESCAPED = re.compile(r"\\([,= ])")
BOOLEANS = {
    **dict.fromkeys((b"t", b"T", b"true", b"True", b"TRUE"), b"1"),
    **dict.fromkeys((b"f", b"F", b"false", b"False", b"FALSE"), b"0"),
}

# Lines that are still to come, with their places.
Lines: TypeAlias = Iterator[tuple[int, bytes]]


class Cursor:
    """Where reading has got to in a line that may have to be continued."""

    def __init__(self, line: bytes, pos: int, more: Lines) -> None:
        self.line = line
        self.pos = pos + 1  # behind the blank
        self._more = more
        while self.at(b" "):
            self.pos += 1

    def at(self, byte: bytes) -> bool:
        """Whether this comes next."""
        return self.line.startswith(byte, self.pos)

    def name(self) -> bytes:
        """A field's name, as spelled, and the `=` behind it."""
        found = _FIELD.match(self.line, self.pos)
        if found is None:
            raise bad(f"{shown(self.line[self.pos : self.pos + 40])}: a field is expected, name=value")
        self.pos = found.end()
        return found[1]

    def word(self) -> bytes:
        """What goes up to the next comma or blank."""
        found = _VALUE.match(self.line, self.pos)
        self.pos = found.end() if found else self.pos
        return found[0] if found else b""

    def skip_string(self) -> None:
        """Go behind a string, which may go on in the next lines."""
        found = _STRING.match(self.line, self.pos)
        if found is None:
            taken = [self.line[self.pos :]]
            for _, line in self._more:
                taken.append(line)
                if _STRING_ENDS.match(line):
                    break
            self.line = b"\n".join(taken)
            found = _STRING.match(self.line)
        if found is None:
            raise bad("a string does not end")
        self.pos = found.end()

    def rest(self) -> bytes:
        """What is left, without the blanks around it."""
        return self.line[self.pos :].strip(b" \t\r")


class Tags:
    """Measurement and tags taken apart, once for all fields of a line.

    `before` and `behind` are the labels on either side of the metric's name, so that a label set is put together, not
    sorted. Raises FormatError: "bad_labels" where two tags are one label, "bad_utf8".
    """

    def __init__(self, head: bytes) -> None:
        self.head = head
        found = _MEASUREMENT.match(head)
        self._measurement = unescaped(found[0]) if found else ""
        tags = _TAG.findall(head, found.end() if found else 0)
        pairs = [(label_name(unescaped(name)), unescaped(value)) for name, value in tags]
        if len({name for name, _ in pairs} - {METRIC_NAME}) != len(pairs):
            raise FormatError("bad_labels", "a line has the same label twice")
        pairs.sort()
        self.before = tuple(pair for pair in pairs if pair[0] < METRIC_NAME)
        self.behind = tuple(pair for pair in pairs if pair[0] > METRIC_NAME)

    def metric(self, field: str) -> str:
        """The name of a field's series."""
        return metric_name(self._measurement if field == "value" else f"{self._measurement}_{field}")


def number(spelled: bytes) -> bytes:
    """A value as a plain number."""
    plain = BOOLEANS.get(spelled) or (spelled[:-1] if _INTEGER.fullmatch(spelled) else spelled)
    if finite(plain) is None:
        raise bad(f"{shown(spelled)} is not a number, a boolean or a string in double quotes")
    return plain


def head_of(line: bytes) -> bytes:
    """Measurement and tags, as spelled."""
    found = _MEASUREMENT.match(line)
    if found is None:
        raise bad("a line begins with the name of a measurement")
    end = found.end()
    while (tag := _TAG.match(line, end)) is not None:
        end = tag.end()
    if line[end : end + 1] != b" ":
        raise bad(f"{shown(line[end:])}: a tag, name=value, or a blank and fields are expected")
    return line[:end]


def unescaped(spelled: bytes) -> str:
    """The text of a name, or of a tag's value."""
    try:
        text = spelled.decode()
    except UnicodeDecodeError as error:
        raise FormatError("bad_utf8", f"{shown(spelled)} is not UTF-8") from error
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def bad(problem: str) -> FormatError:
    """The error of a line that is not what it should be."""
    return FormatError("bad_influx", problem)


def shown(word: bytes) -> str:
    """The beginning of what is wrong, in quotes."""
    return repr(word[:40].decode(errors="replace"))
