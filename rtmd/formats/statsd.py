"""StatsD lines, with the tags and packed values of DogStatsD: what they say, not what it adds up to.

    page.views:1|c        page.views:1|c|@0.1|#country:fr,beta        queue:+3|g
    api.latency:120:95:210|ms|#path:/        users:ana|s

A line is `name:values|type|…`; a datagram may have several. Types are `c` counter, `g` gauge, `s` set, and `ms`, `h`,
`d` for observations, of which `ms` is read as milliseconds and becomes seconds. `@rate` is the share of events that
were sent. A tag without a value is `true`; of two tags with one name the last counts. DogStatsD's further parts
(container, timestamp, cardinality, external data) are skipped; its events and service checks are no numbers.

What a line says besides its values is spelled the same each time: `cut` finds it, `target` reads it, and whoever
keeps the sums remembers it.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from rtmd.errors import FormatError
from rtmd.formats.names import label_name, metric_name
from rtmd.formats.numbers import finite
from rtmd.model.labels import METRIC_NAME

MAX_LINE = 8192  # bytes


class Kind(StrEnum):
    """What becomes of the values."""

    COUNTER = "c"
    GAUGE = "g"
    OBSERVED = "h"
    SET = "s"


_KINDS = {
    b"c": (Kind.COUNTER, 1.0),
    b"g": (Kind.GAUGE, 1.0),
    b"ms": (Kind.OBSERVED, 0.001),
    b"h": (Kind.OBSERVED, 1.0),
    b"d": (Kind.OBSERVED, 1.0),
    b"s": (Kind.SET, 1.0),
}
_SKIPPED = (b"c:", b"T", b"e:", b"card:")


class Target(Struct, frozen=True):
    """Where values belong: a metric (its name fit for PromQL) with labels.

    Each value is multiplied by `unit`, and stands for `weight` events.
    """

    kind: Kind
    name: str
    labels: tuple[tuple[str, str], ...]
    unit: float
    weight: float


def cut(line: bytes) -> tuple[bytes, bytes]:
    """What the line is about, as spelled, and its values."""
    name, _, rest = line.partition(b":")
    values, _, about = rest.partition(b"|")
    return name + b"|" + about, values


def target(spelling: bytes) -> Target:
    """Read the first part of what `cut` gave.

    Raises FormatError: "event", "bad_name", "bad_type", "bad_rate", "bad_tag", "bad_utf8" or "bad_line".
    """
    if spelling.startswith((b"_e{", b"_sc|")):
        raise FormatError("event", "events and service checks are no metrics")
    name, _, about = spelling.partition(b"|")
    word, *parts = about.split(b"|")
    kind, unit = _KINDS.get(word, (None, 1.0))
    metric = metric_name(_text(name))
    if not metric:
        raise FormatError("bad_name", "a line begins with the name of its metric")
    if kind is None:
        raise FormatError("bad_type", "the type must be one of c, g, ms, h, d, s")
    weight, labels = 1.0, {}
    for part in parts:
        if part.startswith(b"@"):
            weight = _weight(part[1:])
        elif part.startswith(b"#"):
            labels = _tags(_text(part[1:]))
        elif not part.startswith(_SKIPPED):
            raise FormatError("bad_line", "a line is name:value|type|@rate|#tags")
    kept = tuple((label, value) for label, value in labels.items() if value)
    return Target(kind, metric, kept, unit, weight)


def number(word: bytes) -> float:
    """A finite number; FormatError "bad_value" otherwise."""
    found = finite(word)
    if found is None:
        raise FormatError("bad_value", "a value is not a number")
    return found


def _weight(word: bytes) -> float:
    rate = finite(word)
    if rate is None or not 1e-9 < rate <= 1:
        raise FormatError("bad_rate", "a sample rate is above 0 and at most 1")
    return 1 / rate


def _tags(text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    for tag in text.split(","):
        name, colon, value = tag.partition(":")
        label = label_name(name)
        if label == METRIC_NAME:
            raise FormatError("bad_tag", "a tag would rename the metric")
        if label:
            labels[label] = value if colon else "true"
    return labels


def _text(word: bytes) -> str:
    try:
        return word.decode()
    except UnicodeDecodeError as error:
        raise FormatError("bad_utf8", "a line is not UTF-8") from error
