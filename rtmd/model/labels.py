"""Label sets: the identity of series and instances.

A label set is a tuple of (name, value) pairs, sorted by name, without empty values: hashable, ordered, and equal
exactly when Prometheus would call two label sets equal. Raw strings are identity; nothing here cleans them for
display (that is `display.safe`, at the sinks).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

Pair: TypeAlias = tuple[str, str]  # a label's name and value
Labels: TypeAlias = tuple[Pair, ...]

METRIC_NAME = "__name__"


def labels_of(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> Labels:
    """The label set of these pairs: sorted, empty values dropped (an absent label equals the empty string)."""
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return tuple(sorted((name, value) for name, value in items if value))


def get(labels: Labels, name: str) -> str:
    """The value of one label, or the empty string."""
    for key, value in labels:
        if key == name:
            return value
    return ""


def without(labels: Labels, names: frozenset[str]) -> Labels:
    """The label set less these names."""
    return tuple(pair for pair in labels if pair[0] not in names)


def only(labels: Labels, names: frozenset[str]) -> Labels:
    """The label set cut down to these names."""
    return tuple(pair for pair in labels if pair[0] in names)


def show(labels: Labels) -> str:
    """`{a="1", b="2"}`; for people, still raw: pass it through `display.safe` at the sink."""
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}"
