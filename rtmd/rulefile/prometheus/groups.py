"""Rule groups of Prometheus as values: what the YAML says, checked key by key, each with its line.

A file is a mapping with `groups`; a Kubernetes PrometheusRule, which has them under `spec`, is read too. What
expressions and templates mean is not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from rtmd.errors import FileErrors, Located
from rtmd.model.duration import parse_duration
from rtmd.rulefile.prometheus.yaml_tree import Node, Reader, read_yaml

_GROUP = frozenset({"name", "interval", "limit", "query_offset", "labels", "rules", "partial_response_strategy"})
_RULE = frozenset({"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"})
MAX_RULES = 10_000


class PromRule(Struct, frozen=True):
    """One alerting or recording rule as it is written; durations in ms."""

    name: str
    expr: str
    line: int
    expr_node: Node
    recording: bool = False
    hold: int = 0
    keep: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)  # those of the group below its own
    annotations: Mapping[str, str] = field(default_factory=dict)


class PromGroup(Struct, frozen=True):
    """A group; `interval` is None where the server's default is meant. `remarks` has keys that are not carried over."""

    name: str
    line: int
    rules: tuple[PromRule, ...]
    interval: int | None = None
    remarks: tuple[Located, ...] = ()


def read_groups(content: bytes | str, *, file: str) -> tuple[PromGroup, ...]:
    """The groups of a file; raises FileErrors with every mistake in it."""
    root = read_yaml(content, file=file)
    reader = Reader(file)
    inner = reader.child(root, "spec")
    holder = inner if inner is not None and inner.entries is not None else root
    if reader.child(holder, "groups") is None:
        raise FileErrors((Located(file, root.line, 0, "there are no groups: this is not a rule file of Prometheus"),))
    groups = []
    count = 0
    for node in reader.mappings(holder, "groups"):
        groups.append(_group(reader, node))
        count += len(groups[-1].rules)
        if count > MAX_RULES:
            reader.wrong(node, f"more than {MAX_RULES:,} rules in one file")
            break
    if reader.problems:
        raise FileErrors(tuple(sorted(reader.problems)))
    return tuple(groups)


def _group(reader: Reader, node: Node) -> PromGroup:
    name = reader.text(node, "name")
    if not name:
        reader.wrong(node, "a group has no name")
    labels = reader.pairs(node, "labels")
    return PromGroup(
        name,
        node.line,
        tuple(_rule(reader, each, labels) for each in reader.mappings(node, "rules")),
        _duration(reader, node, "interval") or None,
        tuple(_remarks(reader, node, name)),
    )


def _remarks(reader: Reader, node: Node, name: str) -> Iterator[Located]:
    for key, (place, value) in (node.entries or {}).items():
        text = (value.text or "").strip()
        if key == "limit" and text != "0":
            problem = f"limit = {text[:20]} is not carried over: every instance fires"
        elif key in {"query_offset", "evaluation_delay"} and text.rstrip("smhd") != "0":
            problem = f"{key} = {text[:20]} is not carried over: rules look at the present"
        elif key not in _GROUP:
            problem = f"{key[:60]} is not known, and not carried over"
        else:
            continue
        yield Located(reader.file, place.line, 0, f"group {name[:60]}: {problem}")


def _rule(reader: Reader, node: Node, inherited: Mapping[str, str]) -> PromRule:
    alert, record = reader.text(node, "alert"), reader.text(node, "record")
    if bool(alert) is bool(record):
        reader.wrong(node, "a rule has either alert or record")
    for key, (place, _) in (node.entries or {}).items():
        if key not in _RULE:
            reader.wrong(place, f"{key[:60]} is not known")
    expr = reader.child(node, "expr")
    if expr is None:
        reader.wrong(node, f"{(alert or record)[:60]} has no expr")
    return PromRule(
        name=alert or record,
        expr=reader.text(node, "expr"),
        line=node.line,
        expr_node=expr or node,
        recording=bool(record),
        hold=_duration(reader, node, "for"),
        keep=_duration(reader, node, "keep_firing_for"),
        labels={**inherited, **reader.pairs(node, "labels")},
        annotations=reader.pairs(node, "annotations"),
    )


def _duration(reader: Reader, node: Node, key: str) -> int:
    return duration_of(reader, reader.child(node, key), key)


def duration_of(reader: Reader, node: Node | None, key: str) -> int:
    """Milliseconds of a scalar; 0, with a problem recorded, where it is none."""
    if node is None or node.text is None:
        return 0
    try:
        return parse_duration(node.text.strip())
    except ValueError as error:
        reader.wrong(node, f"{key}: {error}")
        return 0
