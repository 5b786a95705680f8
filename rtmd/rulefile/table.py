"""Reading one TOML table key by key, so that every mistake in it is reported, each at its place.

A reader method returns the value, or its default together with a recorded problem: the caller goes on and looks at
`problems` once, at the end. Problems name the key as people wrote it, below the table they are working on
(`minutes.above must be a number`). What the keys mean is not known here.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from rtmd.errors import Located
from rtmd.model.duration import parse_duration, show_duration
from rtmd.rulefile.document import Document
from rtmd.rulefile.positions import Path

Choice = TypeVar("Choice", bound=StrEnum)

_LONGEST = 1 << 62
_SWITCH = {"on": True, "off": False}


class Table:
    """One table of a document, its path, and the list that its problems go to (shared with its sub-tables)."""

    def __init__(
        self, document: Document, path: Path, problems: list[Located], *, content: Mapping[str, Any], base: int = 0
    ) -> None:
        self.document = document
        self.path = path
        self.problems = problems
        self.content = content
        self._base = base  # so many parts of the path go without saying

    @classmethod
    def root(cls, document: Document, problems: list[Located]) -> Table:
        """The whole document."""
        return cls(document, (), problems, content=document.tree)

    def __repr__(self) -> str:
        return f"<Table {'.'.join(map(str, self.path))} of {self.document.file}: {len(self.problems)} problems>"

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def name(self, key: str = "") -> str:
        """How people would call a key of this table, or the table itself."""
        return ".".join(map(str, (*self.path[self._base :], *([key] if key else []))))

    def line(self) -> int:
        """The line of the table's header."""
        return self.document.positions.key(self.path)[0]

    def wrong(self, key: str, problem: str) -> None:
        """Record a problem with the value of a key (at the table itself when the key is missing)."""
        self.problems.append(self.document.value((*self.path, key), f"{self.name(key)} {problem}"))

    def misplaced(self, key: str, problem: str) -> None:
        """Record a problem with the key itself."""
        self.problems.append(self.document.key((*self.path, key), f"{self.name(key)} {problem}"))

    def broken(self, problem: str) -> None:
        """Record a problem with the table as a whole."""
        name = self.name()
        self.problems.append(self.document.key(self.path, f"{name}: {problem}" if name else problem))

    def refuse_unknown(self, valid: Collection[str], later: Collection[str] = ()) -> None:
        """Report keys that are neither valid nor planned, with the nearest valid name, and planned ones as such."""
        for key in self.content:
            if key in later:
                self.misplaced(key, "is not supported yet")
            elif key not in valid:
                self.misplaced(key, f"is not known{nearest(key, valid)}")

    def table(self, key: str, *, base: int | None = None) -> Table | None:
        """A sub-table, or None where the key is missing or something else."""
        content = self.content.get(key)
        if content is None:
            return None
        if not isinstance(content, dict):
            self.wrong(key, f"must be a table, not {kind_of(content)}")
            return None
        base = self._base if base is None else base
        return Table(self.document, (*self.path, key), self.problems, content=content, base=base)

    def tables(self, key: str, *, base: int | None = None) -> list[tuple[str, Table]]:
        """The named tables inside a table: `[sources.x]`, `[sources.y]`."""
        outer = self.table(key, base=base)
        if outer is None:
            return []
        found = ((name, outer.table(name, base=base)) for name in outer.content)
        return [(name, table) for name, table in found if table is not None]

    def list_of_tables(self, key: str) -> list[Table]:
        """The tables of an array: `[[inhibit]]`, one after the other."""
        found = self.content.get(key, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.wrong(key, f"must be tables, written as [[{self.name(key)}]]")
            return []
        return [
            Table(self.document, (*self.path, key, n), self.problems, content=each, base=self._base)
            for n, each in enumerate(found)
        ]

    def text(self, key: str, default: str = "", *, empty: bool = True) -> str:
        """A string."""
        value: Any = self.content.get(key, default)
        if not isinstance(value, str):
            self.wrong(key, f"must be text in quotes, not {kind_of(value)}")
            return default
        if not value and not empty:
            self.wrong(key, "must not be empty")
        return str(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """`true` or `false`."""
        value = self.content.get(key, default)
        if not isinstance(value, bool):
            self.wrong(key, f"must be true or false, not {kind_of(value)}")
            return default
        return value

    def switch(self, key: str, *, default: bool) -> bool:
        """`"on"` or `"off"`; true and false are understood."""
        value = self.content.get(key, default)
        if isinstance(value, bool):
            return value
        if value not in _SWITCH:
            self.wrong(key, 'must be "on" or "off"')
            return default
        return _SWITCH[value]

    def number(self, key: str) -> float | None:
        """A finite number, or None where it is missing or wrong."""
        return self._finite(key, self.content.get(key))

    def numbers(self, key: str, count: int) -> tuple[float, ...] | None:
        """So many finite numbers in rising order."""
        values = self.content.get(key)
        if values is None:
            return None
        if not isinstance(values, list) or len(values) != count:
            self.wrong(key, f"must be {count} numbers: [low, high]")
            return None
        found = tuple(number for number in (self._finite(key, value) for value in values) if number is not None)
        if len(found) != count:
            return None
        if list(found) != sorted(found):
            self.wrong(key, "must be in rising order: [low, high]")
            return None
        return found

    def _finite(self, key: str, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(key, f"must be a number, not {kind_of(value)}")
            return None
        number = float(value) if abs(value) < 1e300 else math.inf
        if not math.isfinite(number):
            self.wrong(key, "must be a finite number")
            return None
        return number

    def integer(self, key: str, default: int, *, least: int = 0, most: int = 2**53) -> int:
        """A whole number within bounds."""
        value = self.content.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(key, f"must be a whole number, not {kind_of(value)}")
            return default
        if not least <= value <= most:
            self.wrong(key, f"must be between {least} and {most}")
            return default
        return value

    def duration(self, key: str, default: int, *, least: int = 0, most: int = _LONGEST) -> int:
        """Milliseconds of a duration like "90s"; the number 0 is understood."""
        if key not in self.content:
            return default
        return self.length_of(key, self.content[key], default, least=least, most=most)

    def length_of(self, key: str, value: Any, default: int, *, least: int = 0, most: int = _LONGEST) -> int:
        """Milliseconds of a value that belongs to a key."""
        if value == 0 and not isinstance(value, bool | str):
            value = "0"
        if not isinstance(value, str):
            self.wrong(key, f'must be a duration in quotes like "90s" or "10m", not {kind_of(value)}')
            return default
        try:
            length = parse_duration(value)
        except ValueError as error:
            self.wrong(key, f"must be a duration: {error}")
            return default
        if length < least:
            self.wrong(key, f'must be at least {least} ms, not "{value}"')
            return default
        if length > most:
            self.wrong(key, f'must be at most {show_duration(most)}, not "{value}"')
            return default
        return length

    def choice(self, key: str, default: Choice, *, reserved: Choice | None = None) -> Choice:
        """One of the values of an enumeration (that of the default), but for one that nobody may write."""
        value = self.content.get(key, default)
        options = [str(option) for option in type(default) if option is not reserved]
        if value in options:
            return type(default)(value)
        listed = ", ".join(f'"{option}"' for option in options)
        close = nearest(value, options) if isinstance(value, str) else ""
        self.wrong(key, f"must be one of {listed}{close}")
        return default

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of non-empty strings; None where it is missing or wrong."""
        values = self.content.get(key)
        if values is None:
            return None
        if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
            self.wrong(key, 'must be a list of names: ["one", "two"]')
            return None
        return tuple(values)

    def pairs(self, key: str) -> dict[str, str]:
        """A table of strings: { name = "value" }."""
        values = self.content.get(key, {})
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            self.wrong(key, 'must be a table of texts: { name = "value" }')
            return {}
        return values


def nearest(name: str, valid: Collection[str]) -> str:
    """`: did you mean "…"?`, or nothing where no valid name comes near."""
    close = difflib.get_close_matches(name[:80], sorted(valid), 1, 0.6)
    return f': did you mean "{close[0]}"?' if close else ""


def kind_of(value: Any) -> str:
    """What a TOML value is, in words."""
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
