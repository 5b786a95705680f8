"""The noise board, and what people say to it (semantics S14). Times are engine time, lengths ms."""

from __future__ import annotations

import msgspec


class ShareView(msgspec.Struct, frozen=True):
    """So many of so many."""

    count: int = 0
    of: int = 0


class TermView(msgspec.Struct, frozen=True):
    """One part of a score: who shows it, and what it adds; all `adds` together are the score."""

    name: str
    share: ShareView
    adds: float


class MissView(msgspec.Struct, frozen=True):
    """Somebody saw what the rule did not."""

    at: int
    by: str
    text: str


class RuleNoiseView(msgspec.Struct, frozen=True):
    """A rule on the board; below `NoiseView.enough` firings it has no rank, no score and no terms."""

    rule: str
    firings: int
    a_day: float
    duration: int | None = None  # the median of those that ended
    unattended: ShareView = ShareView()  # ended, and nobody had acknowledged them
    false_starts: dict[str, ShareView] = {}  # by stage, of those confirmed or not
    flapped: ShareView = ShareView()
    silenced: ShareView = ShareView()
    handled: ShareView = ShareView()
    noise: int = 0  # marked by people
    real: int = 0
    missed: list[MissView] = []  # the latest ten
    misses: int = 0
    rank: int | None = None  # 1 is the noisiest
    score: float | None = None
    terms: list[TermView] = []


class NoiseView(msgspec.Struct, frozen=True):
    """`GET /api/rtmd/v1/noise`: every rule in force, the noisiest first, by its firings of the last `days`.

    `since` is where that begins, or later where the journal is younger.
    """

    days: int
    since: int
    at: int
    rules: list[RuleNoiseView]
    enough: int = 5


class VerdictRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/verdict`: what a firing was, "noise" or "real"; the latest word counts."""

    firing: str
    verdict: str


class MissedRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/missed`: somebody saw what this rule should have fired for, and did not."""

    rule: str
    text: str
