"""YAML text from outside to a tree with places, or to one located problem. The only importer of PyYAML.

Built from the parser's events, never by its constructors: a scalar stays the text that was written, no tag makes an
object of it, and what is large is refused before it is built. A node weighs one plus what is in it, and an alias
weighs what it stands for, so a document of a few lines cannot stand for a billion of them; an alias inside its own
anchor is refused too. Of two equal keys in one mapping the second is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

import yaml
from msgspec import Struct, field

from rtmd.errors import FileErrors, Located

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_WEIGHT = 1_000_000
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
# What YAML does not allow, and what would end a line for the parser but not for an editor.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Node(Struct):
    """A scalar (`text`), a list (`items`) or a mapping (`entries`) and where it stands, counted from 1."""

    line: int
    column: int
    text: str | None = None
    plain: bool = False  # a scalar without quotes
    block: bool = False  # a scalar that begins on the next line, line by line
    items: list[Node] | None = None
    entries: dict[str, tuple[Node, Node]] | None = None  # key → (key, value)
    weight: int = 1

    @property
    def is_null(self) -> bool:
        """Nothing at all, or the word null."""
        return self.plain and self.text in _NULLS

    def line_of(self, offset: int) -> int:
        """The line of a character of a scalar, as far as that is known."""
        return self.line + 1 + (self.text or "").count("\n", 0, offset) if self.block else self.line

    def kind(self) -> str:
        """What it is, in words."""
        if self.text is not None:
            return "nothing" if self.is_null else "text"
        return "a list" if self.items is not None else "a mapping"


class _Open(Struct):
    """A list or mapping that is being read, with the key that waits for its value."""

    node: Node
    anchor: str | None
    key: Node | None = field(default=None)


_Event: TypeAlias = "yaml.events.Event"


def read_yaml(content: bytes | str, *, file: str) -> Node:
    """The document; raises FileErrors with the one problem that keeps it from being read."""
    text = _decoded(content, file)
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _problem(file, mark, f"not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise FileErrors((Located(file, 0, 0, f"not YAML: {str(error)[:200]}"),)) from None
    if builder.root is None:
        raise FileErrors((Located(file, 1, 0, "the file is empty"),))
    return builder.root


def _decoded(content: bytes | str, file: str) -> str:
    if len(content) > MAX_BYTES:
        raise FileErrors((Located(file, 0, 0, f"the file is larger than {MAX_BYTES // 1024} KiB"),))
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1 if isinstance(content, bytes) else 0
        raise FileErrors((Located(file, line, 0, "the file is not UTF-8"),)) from None
    found = _UNPRINTABLE.search(text)
    if found:
        raise FileErrors((Located(file, text.count("\n", 0, found.start()) + 1, 0, "has a control character"),))
    return text


def _problem(file: str, mark: yaml.Mark | None, problem: str) -> FileErrors:
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return FileErrors((Located(file, line, column, problem),))


def _place(event: _Event) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


class _Builder:
    """The tree so far: what is open, what anchors stand for, and how much there is."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}  # None: not complete yet
        self._weight = 0

    def take(self, event: _Event) -> None:
        """One event of the parser."""
        match event:
            case yaml.ScalarEvent():
                node = Node(*_place(event), text=event.value, plain=not event.style, block=event.style == "|")
                self._complete(node, event.anchor)
            case yaml.SequenceStartEvent():
                self._enter(_Open(Node(*_place(event), items=[]), event.anchor))
            case yaml.MappingStartEvent():
                self._enter(_Open(Node(*_place(event), entries={}), event.anchor))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = self._open.pop()
                self._complete(done.node, done.anchor)
            case yaml.AliasEvent():
                self._complete(self._named(event), None)
            case yaml.DocumentStartEvent() if self.root is not None:
                raise self._refused(event, "the file has more than one document")
            case _:
                pass

    def _refused(self, event: _Event, problem: str) -> FileErrors:
        return _problem(self._file, event.start_mark, problem)

    def _named(self, event: _Event) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            what = "stands inside itself" if event.anchor in self._anchors else "has no anchor"
            raise self._refused(event, f"the alias *{event.anchor[:40]} {what}")
        return node

    def _enter(self, opened: _Open) -> None:
        self._open.append(opened)
        if len(self._open) > MAX_DEPTH:
            raise self._wrong(opened.node, f"nested deeper than {MAX_DEPTH} levels")
        if opened.anchor:
            self._anchors[opened.anchor] = None

    def _complete(self, node: Node, anchor: str | None) -> None:
        self._weight += 1
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        into = self._open[-1]
        into.node.weight += node.weight
        if max(into.node.weight, self._weight) > MAX_WEIGHT:
            raise self._wrong(node, f"the file stands for more than {MAX_WEIGHT:,} values")
        if into.node.items is not None:
            into.node.items.append(node)
        elif into.key is None:
            into.key = node
        else:
            self._set(into, into.key, node)
            into.key = None

    def _set(self, into: _Open, key: Node, value: Node) -> None:
        entries = into.node.entries
        if key.text is None or entries is None:
            raise self._wrong(key, f"a key must be text, not {key.kind()}")
        if key.plain and key.text == "<<":
            raise self._wrong(key, "merging mappings with << is not supported: write the keys out")
        if key.text in entries:
            raise self._wrong(key, f'the key "{key.text[:60]}" stands here twice')
        entries[key.text] = (key, value)

    def _wrong(self, node: Node, problem: str) -> FileErrors:
        return FileErrors((Located(self._file, node.line, node.column, problem),))


class Reader:
    """Reading a tree key by key: every mistake is recorded at its place, and the reader goes on."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Located] = []

    def __repr__(self) -> str:
        return f"<Reader of {self.file}: {len(self.problems)} problems>"

    def wrong(self, node: Node, problem: str) -> None:
        """Record a problem with a node."""
        self.problems.append(Located(self.file, node.line, node.column, problem))

    def child(self, node: Node, key: str) -> Node | None:
        """The value of a key; None where it is missing or nothing."""
        found = (node.entries or {}).get(key)
        return None if found is None or found[1].is_null else found[1]

    def text(self, node: Node, key: str, default: str = "") -> str:
        """A scalar as it is written."""
        found = self.child(node, key)
        if found is None:
            return default
        if found.text is None:
            self.wrong(found, f"{key} must be text, not {found.kind()}")
            return default
        return found.text

    def mappings(self, node: Node, key: str) -> Iterator[Node]:
        """The mappings of a list; everything else in it is a problem."""
        found = self.child(node, key)
        if found is not None and found.items is None:
            self.wrong(found, f"{key} must be a list, not {found.kind()}")
        for each in (found and found.items) or ():
            if each.entries is None:
                self.wrong(each, f"{key} must be a list of mappings, and this is {each.kind()}")
            else:
                yield each

    def texts(self, node: Node, key: str) -> list[tuple[Node, str]]:
        """The scalars of a list, each with its node."""
        found = self.child(node, key)
        if found is not None and found.items is None:
            self.wrong(found, f"{key} must be a list, not {found.kind()}")
        return [(each, each.text) for each in (found and found.items) or () if each.text is not None]

    def pairs(self, node: Node, key: str) -> dict[str, str]:
        """A mapping of names to scalars."""
        found = self.child(node, key)
        if found is None:
            return {}
        if found.entries is None:
            self.wrong(found, f"{key} must be a mapping, not {found.kind()}")
            return {}
        pairs = {}
        for name, (_, value) in found.entries.items():
            if value.text is None:
                self.wrong(value, f"{key}.{name[:60]} must be text, not {value.kind()}")
            else:
                pairs[name] = "" if value.is_null else value.text
        return pairs
