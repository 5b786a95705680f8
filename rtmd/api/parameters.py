"""Parameters of Prometheus' API as it reads them, from query string and form, with its words for what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import parse_qs

from rtmd.api.questions import FIRST, LAST
from rtmd.errors import PromqlError, RtmdError
from rtmd.model.duration import parse_duration
from rtmd.model.matcher import Matcher
from rtmd.promql import parse_selector

Fields: TypeAlias = Mapping[str, Sequence[str]]

MOST_FIELDS = 1000
_FARTHEST = 1e11  # seconds: the year 5138
_LONGEST = 1e10
# What clients send for "since ever" and "for ever" (Go's smallest and largest times).
_ENDS = {"-292273086-05-16T16:47:06Z": FIRST, "292277025-08-18T07:12:54.999999999Z": LAST}
_ESCAPED = re.compile(r"__|_([0-9a-fA-F]{1,6})_")
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"", "0", "f", "F", "false", "FALSE", "False"})


class BadParameterError(RtmdError):
    """A parameter is missing or cannot be read."""

    def __init__(self, problem: object, name: str = "") -> None:
        super().__init__(f'invalid parameter "{name}": {problem}' if name else str(problem))


def read_fields(form: bytes, query: str) -> Fields:
    """All fields: those of the form first, as in Go."""
    fields: dict[str, list[str]] = {}
    for text in (form.decode("utf-8", "replace"), query):
        try:
            found = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError as error:
            raise BadParameterError(f"more than {MOST_FIELDS} parameters") from error
        for name, values in found.items():
            fields.setdefault(name, []).extend(values)
    return fields


def first(fields: Fields, name: str) -> str:
    """The first value of a field, or nothing."""
    return fields.get(name, [""])[0]


def moment(fields: Fields, name: str, *, default: int | None = None) -> int:
    """Milliseconds; a field without a default must be there."""
    text = first(fields, name)
    if not text and default is not None:
        return default
    found = parse_time(text)
    if found is None:
        raise BadParameterError(f'cannot parse "{text[:60]}" to a valid timestamp', name)
    return found


def parse_time(text: str) -> int | None:
    """Milliseconds from seconds since the epoch or RFC 3339; None for anything else."""
    if text in _ENDS:
        return _ENDS[text]
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
        seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return round(seconds * 1000) if -_FARTHEST < seconds < _FARTHEST else None


def length(fields: Fields, name: str, *, default: int | None = None) -> int:
    """Milliseconds from seconds or a duration like `90s`; a field without a default must be there."""
    text = first(fields, name)
    if not text and default is not None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        try:
            return parse_duration(text)
        except ValueError:
            raise BadParameterError(f'cannot parse "{text[:60]}" to a valid duration', name) from None
    if math.isnan(seconds) or abs(seconds) > _LONGEST:
        raise BadParameterError(f'cannot parse "{text[:60]}" to a valid duration', name)
    return math.floor(seconds * 1000)


def limit(fields: Fields, name: str = "limit") -> int:
    """How many at most; 0: all."""
    text = first(fields, name)
    if not text:
        return 0
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text, re.ASCII):
        raise BadParameterError(f'cannot parse "{text[:60]}" as a number', name)
    if int(text) < 0:
        raise BadParameterError("limit must be non-negative", name)
    return int(text)


def flag(fields: Fields, name: str) -> bool:
    """Whether it is said to be so."""
    text = first(fields, name)
    if text not in _TRUE | _FALSE:
        raise BadParameterError(f'cannot parse "{text[:60]}" as a truth value', name)
    return text in _TRUE


def selector(text: str, name: str = "match[]") -> tuple[Matcher, ...]:
    """The matchers of a series selector."""
    try:
        return parse_selector(text)
    except PromqlError as error:
        raise BadParameterError(complaint(text, error), name) from None


def complaint(text: str, error: PromqlError) -> str:
    """What is wrong with an expression, and where."""
    before = text[: error.offset]
    line, column = before.count("\n") + 1, error.offset - before.rfind("\n")
    return f"{line}:{column}: parse error: {error.problem}"


def unescaped(name: str) -> str:
    """A label name as it is: clients that cannot write every letter into a path send `U__` and code points."""
    if not name.startswith("U__"):
        return name

    def letter(found: re.Match[str]) -> str:
        code = int(found[1], 16) if found[1] else 0
        if not found[1]:
            return "_"
        return chr(code) if code < 0xD800 or 0xE000 <= code < 0x110000 else found[0]

    return _ESCAPED.sub(letter, name.removeprefix("U__"))
