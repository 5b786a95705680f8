"""What is asked over HTTP about samples, and what comes back: messages to and from whoever reads the log.

A question is whole and checked as far as its text allows without reading PromQL. An answer is the JSON of `data`, or
an error with Prometheus' word for its type.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

# Prometheus' type of an error → the status it is answered with.
STATUS = {"bad_data": 400, "not_found": 404, "execution": 422, "internal": 500, "timeout": 503, "unavailable": 503}

FIRST, LAST = -(1 << 53), 1 << 53  # ms: everything there is


class Instant(msgspec.Struct, frozen=True, tag=True):
    """The value of an expression at an instant; `limit` label sets at most (0: all)."""

    query: str
    at: int
    limit: int = 0


class Stretch(msgspec.Struct, frozen=True, tag=True):
    """Its values from `start` to `end`, `step` ms apart."""

    query: str
    start: int
    end: int
    step: int
    limit: int = 0


class Listing(msgspec.Struct, frozen=True, tag=True):
    """Label sets of the series that one of the `selectors` matches (none: all), with a sample in [start, end].

    `of` is what is listed: whole sets ("series"), names of labels ("labels"), or the values of one, `label`.
    """

    of: str
    selectors: tuple[str, ...] = ()
    start: int = FIRST
    end: int = LAST
    label: str = ""
    limit: int = 0


class Trace(msgspec.Struct, frozen=True, tag=True):
    """The values of one label set of the results, over such a stretch: a list, null where it has none.

    `labels` are all of its labels but the name.
    """

    query: str
    labels: tuple[tuple[str, str], ...]
    start: int
    end: int
    step: int


Question: TypeAlias = Instant | Stretch | Listing | Trace


class Answer(msgspec.Struct, frozen=True):
    """`data` as JSON, in pieces: it may be long. Or, where `error_type` is not empty, what is wrong."""

    data: tuple[bytes, ...] = ()
    warnings: tuple[str, ...] = ()
    error_type: str = ""
    error: str = ""
