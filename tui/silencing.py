"""How long a silence lasts by default, what it would hit, and when it needs a second key (semantics S4).

The strip is a state machine without I/O: keys in, a new strip or a verdict out. Digits and ⏎ commit; `u` does so until
all is resolved; `r` widens to the whole rule and back; `e` takes a typed length; a silence that hides a lot, for long,
or something critical at `hours`, asks for `y` and says why. What it hits is what the daemon says (`weighed`), else what
the screen's own picture says. The daemon has the last word: what it wants confirmed opens the strip again (`reopened`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from rtmd.model.display import safe
from rtmd.model.replace import replace
from rtmd.model.silence import Lift
from rtmd.wire import FiringView
from rtmd.wire.silences import SilencePreview, SilenceRequest
from tui.scale import HOUR, MINUTE, SECOND
from tui.states import is_open, stage_rank

DAY = 24 * HOUR

# Each default ends while whoever made it is still there: a few times the time scale of the stage.
PRESETS = {
    "seconds": (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR),
    "minutes": (5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR),
    "hours": (HOUR, 4 * HOUR, 8 * HOUR, 24 * HOUR),
}
DEFAULT = 1  # index into the presets
CAPS = {"seconds": HOUR, "minutes": 8 * HOUR, "hours": 24 * HOUR}
MOST_MARKED = 50  # silences made at once
WEIGHED_EVERY = 1_000  # ms between two questions of an open strip

LONG = 7 * DAY
TOO_LONG = 30 * DAY
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_LENGTH = re.compile(r"(?:\d{1,6}[smhd])+", re.ASCII)
_PART = re.compile(r"(\d+)([smhd])", re.ASCII)


class Commit(Struct, frozen=True):
    """Make these silences."""

    requests: tuple[SilenceRequest, ...]
    what: str


class Unsure(Struct, frozen=True):
    """The daemon made so many of the silences, and wants the next one to be confirmed: `asks` says why."""

    made: int
    asks: str


class Cancel(Struct, frozen=True):
    """Leave everything as it is."""


class SilenceStrip(Struct, frozen=True):
    """The open strip: its target as it was when `s` was pressed, and what was chosen since."""

    target: FiringView
    opened_hits: int
    rule_wide: bool = False
    others: tuple[FiringView, ...] = ()  # marked as well: each is silenced for itself
    lift: bool = False  # sooner, when all is resolved; `length` is the cap
    typed: str | None = None  # None: no free entry
    wrong: str = ""  # what is wrong with the entry
    asks: str = ""  # why a second key is needed
    length: int = 0  # waiting for the second key
    weighed: SilencePreview | None = None  # what the daemon says that it would hide
    weighed_at: int | None = None  # mono of the latest question about that

    @property
    def presets(self) -> tuple[int, ...]:
        """The lengths behind the digits."""
        return PRESETS.get(self.target.stage, PRESETS["minutes"])

    @property
    def default(self) -> int:
        """The length behind ⏎."""
        return self.presets[DEFAULT]

    @property
    def cap(self) -> int:
        """The longest that a silence until all is resolved may last."""
        return CAPS.get(self.target.stage, CAPS["minutes"])

    @property
    def wanted(self) -> SilenceRequest:
        """What the daemon is asked to weigh."""
        return SilenceRequest(firing=self.target.id, rule_wide=self.rule_wide)

    def hits(self, firings: Iterable[FiringView]) -> list[FiringView]:
        """The open firings that it would hide now."""
        if not self.others:
            return hit_by(self.target, firings, rule_wide=self.rule_wide)
        found = {one.id: one for target in (self.target, *self.others) for one in hit_by(target, firings)}
        return list(found.values())


Verdict: TypeAlias = SilenceStrip | Commit | Cancel


def open_strip(
    target: FiringView, firings: Iterable[FiringView], *, others: Iterable[FiringView] = (), rule_wide: bool = False
) -> SilenceStrip:
    """The strip as `s` opens it: on a firing, on marked ones, or on a rule's group."""
    strip = SilenceStrip(target, 0, rule_wide, tuple(others))
    return replace(strip, opened_hits=len(strip.hits(firings)))


def hit_by(target: FiringView, firings: Iterable[FiringView], *, rule_wide: bool = False) -> list[FiringView]:
    """The open firings that the silence would hide now: at the target's stage or lower, so that a rise shows."""
    top = stage_rank(target)
    return [
        firing
        for firing in firings
        if firing.rule == target.rule
        and is_open(firing)
        and stage_rank(firing) <= top
        and (rule_wide or firing.labels.items() >= (target.group or target.labels).items())
    ]


def press(strip: SilenceStrip, key: str, firings: list[FiringView]) -> Verdict:
    """What a key makes of the strip; keys without a meaning change nothing."""
    if key == "escape":
        return _step_back(strip) if strip.asks or strip.typed is not None else Cancel()
    if strip.asks:
        return _commit(strip, strip.length, confirm=True) if key == "y" else strip
    return _choose_by(strip, key, firings) if strip.typed is None else _type(strip, key, firings)


def weighing(strip: SilenceStrip, mono: int) -> SilenceStrip | None:
    """The strip as one that asks the daemon what it would hide; None while it need not."""
    due = strip.weighed_at is None or mono - strip.weighed_at >= WEIGHED_EVERY
    return replace(strip, weighed_at=mono) if due and not strip.others and not strip.asks else None


def answered(strip: SilenceStrip, asked: SilenceStrip, preview: SilencePreview) -> SilenceStrip:
    """The strip with the daemon's answer to what it asked; an answer about another scope is none."""
    return replace(strip, weighed=preview) if strip.wanted == asked.wanted and not strip.others else strip


def reopened(strip: SilenceStrip, commit: Commit, unsure: Unsure) -> SilenceStrip:
    """The strip once more, for what the daemon wants to have confirmed."""
    target, *others = (strip.target, *strip.others)[unsure.made :]
    wanted = commit.requests[0]
    lift = wanted.lift is not None
    return replace(strip, target=target, others=tuple(others), asks=unsure.asks, length=wanted.length, lift=lift)


def parse_length(text: str) -> int | None:
    """Ms of `90s`, `1h30m`, `3d`; None for anything else, and for nothing."""
    if not _LENGTH.fullmatch(text):
        return None
    return sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text)) or None


def second_thoughts(strip: SilenceStrip, length: int, firings: list[FiringView]) -> str:
    """Why this silence needs a second key; empty when it does not."""
    hits = strip.hits(firings)
    total = sum(map(is_open, firings))
    if any(hit.severity == "critical" and hit.stage == "hours" for hit in hits):
        return "hides something critical at hours"
    if len(hits) > 50 or (len(hits) >= 10 and len(hits) * 4 > total):
        return f"hides {len(hits)} of {total} open firings"
    if len(hits) > strip.opened_hits:
        return f"grew from {strip.opened_hits} to {len(hits)} firings"
    return "lasts over 7 days" if length > LONG else ""


def _step_back(strip: SilenceStrip) -> SilenceStrip:
    return replace(strip, asks="", typed=None, wrong="", lift=False)


def _choose_by(strip: SilenceStrip, key: str, firings: list[FiringView]) -> Verdict:
    if key == "enter":
        return _choose(strip, strip.default, firings)
    if key in ("1", "2", "3", "4"):
        return _choose(strip, strip.presets[int(key) - 1], firings)
    if key == "u":
        return _choose(replace(strip, lift=True), strip.cap, firings)
    if key == "r" and not strip.others:
        return open_strip(strip.target, firings, rule_wide=not strip.rule_wide)
    return replace(strip, typed="") if key == "e" else strip


def _choose(strip: SilenceStrip, length: int, firings: list[FiringView]) -> Verdict:
    asks = second_thoughts(strip, length, firings) or "; ".join(strip.weighed.asks if strip.weighed else ())
    return replace(strip, asks=asks, length=length) if asks else _commit(strip, length)


def _commit(strip: SilenceStrip, length: int, *, confirm: bool = False) -> Commit:
    lift = Lift.RESOLVED if strip.lift else None
    requests = tuple(
        SilenceRequest(firing=target.id, rule_wide=strip.rule_wide, length=length, lift=lift, confirm=confirm)
        for target in (strip.target, *strip.others)
    )
    what = f"{len(requests)} firings" if strip.others else safe(strip.target.rule, 60)
    return Commit(requests, what)


def _type(strip: SilenceStrip, key: str, firings: list[FiringView]) -> Verdict:
    typed = strip.typed or ""
    if key == "backspace":
        return replace(strip, typed=typed[:-1], wrong="")
    if key != "enter":
        fine = len(key) == 1 and (key.isdigit() or key in _UNITS) and len(typed) < 12
        return replace(strip, typed=typed + key, wrong="") if fine else strip
    length = parse_length(typed)
    if length is None:
        return replace(strip, wrong="give a length like 90s, 45m, 2h, 3d")
    if length > TOO_LONG:
        return replace(strip, wrong="30d is the longest")
    return _choose(strip, length, firings)
