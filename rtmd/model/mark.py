"""Marks: points in time that people or systems report, and how long after one a rule is judged.

A mark is about what its labels say, and about everything where they say nothing: it *agrees* with an instance when
the labels that both have are equal. So a mark without labels is about all, `brand="acme"` is about that brand and
about what has no brand.

Its time is wall time: what was reported happened in people's time, however long the engine was away since.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b

from msgspec import Struct

from rtmd.model.duration import show_duration
from rtmd.model.labels import Labels

KEPT = 7 * 24 * 3_600_000  # ms that a mark is remembered: no rule may look back longer
MOST = 10_000  # remembered; the oldest goes first
MOST_LABELS = 16
MOST_TEXT = 500  # characters, of the text and of each label value


class MarkKind(StrEnum):
    """What is reported."""

    POST = "post"  # something that we published
    DEPLOY = "deploy"  # a change that went live
    EVENT = "event"  # anything else: a kick-off, a broadcast, a mail to all customers


class Mark(Struct, frozen=True):
    """Something happened at `time` (wall time, ms); `text` and label values are hostile."""

    id: str
    time: int
    kind: MarkKind
    text: str
    labels: Labels = ()
    by: str = ""


class Within(Struct, frozen=True):
    """`within = "15m of deploy"`: `length` ms from a mark of that kind on. `labels` are those that the rule adds."""

    length: int
    kind: MarkKind
    labels: Labels = ()

    def __str__(self) -> str:
        return f"{show_duration(self.length)} of {self.kind}"


def agree(labels: Labels, others: Mapping[str, str]) -> bool:
    """Whether the labels that both have are equal."""
    return all(others.get(name, value) == value for name, value in labels)


def mark_id(time: int, kind: MarkKind, text: str, labels: Labels) -> str:
    """The same for the same report: one that is sent twice is one mark."""
    written = repr((time, str(kind), text, labels)).encode("utf-8", "surrogatepass")
    return blake2b(written, digest_size=8).hexdigest()
