"""The event night of `rtmd demo`: three minutes of a made-up match night, as samples.

A story is a pure function of (seed, start): no clock, no random state. Per series a curve says how many posts a
second are expected at each second of the story; noise hashed from (seed, lane, tick) makes whole counts of it,
so the night looks alive, differs by seed and is the same byte for byte each time. The curves and the demo's
rules (`shipped/demo/rules/event-night.toml`) are made for each other with margin; `tests/unit/test_story.py` proves by
brute force, over seeds and positions on the evaluation grid, that what `events` announces comes true.

Everything in it is invented: the brands, the posts, the people. Times inside the story are seconds since its
start; everything that leaves this module is engine time in ms.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rtmd.formats.batch import Ids, PlacedExemplar, SampleBatch, SeriesTable
from rtmd.model.inputs import MarkMade
from rtmd.model.labels import METRIC_NAME, Labels, get, labels_of
from rtmd.model.mark import MarkKind
from rtmd.replay.story_posts import post

TICK = 500  # ms between two batches
LENGTH = 180_000  # ms
TICKS = LENGTH // TICK
SOURCE = "event-night"
TOGETHER = "backlash"  # the correlation of the demo: no event of its own, but an alert
_CALENDAR = "calendar"

Counts = NDArray[np.int64]
Curve = tuple[tuple[float, float], ...]  # (second, expected posts a second), straight lines between

# The stretch in which a plain threshold rings again and again: one loud second in four.
_JITTER = (85, 173)
_JITTER_LOUD = 16.0
_JITTER_QUIET = 2.0

# Rates of (metric, brand, topic or tone). Where nothing happens they are what a calm evening brings.
_CURVES: dict[tuple[str, str, str], Curve] = {
    ("mentions_total", "biscuit", "match"): ((0, 1.5),),
    ("mentions_total", "biscuit", "product"): ((0, 0.8),),
    # The lights go out, the desk is quick, and people keep talking about it.
    ("mentions_total", "biscuit", "blackout"): ((28, 0), (33, 26), (60, 26), (66, 18), (136, 18), (150, 2)),
    ("mentions_total", "fizz", "match"): ((0, 1.0),),
    # Three accounts, a few hundred posts, over before anybody could have read them.
    ("mentions_total", "fizz", "product"): ((4.0, 0.5), (4.1, 52), (8.4, 52), (8.5, 0.5)),
    ("mentions_total", "fizz", "blackout"): ((30, 0), (40, 1.0), (140, 0.2)),
    ("mentions_total", "volt", "match"): ((0, 2.0),),
    # Everybody shares the spot: it looks like an opportunity, until the replies are read.
    ("mentions_total", "volt", "product"): ((103, 0.8), (109, 15.5), (137, 15.5), (147, 1.0)),
    ("mentions_total", "volt", "blackout"): ((30, 0), (40, 1.5), (140, 0.2)),
    ("replies_total", "biscuit", "neg"): ((0, 0.5),),
    ("replies_total", "biscuit", "neu"): ((0, 2.0),),
    ("replies_total", "biscuit", "pos"): ((58, 2.0), (66, 9.0), (130, 9.0), (150, 3.0)),
    # A joke at the wrong moment; it ends when the queue is held.
    ("replies_total", "fizz", "neg"): ((70.0, 0.5), (70.5, 15), (75.5, 15), (76.0, 0.5)),
    ("replies_total", "fizz", "neu"): ((0, 2.0),),
    ("replies_total", "fizz", "pos"): ((0, 2.5),),
    # An advertisement that people slowly turn against, and an apology at 2:12.
    ("replies_total", "volt", "neg"): ((88, 0.6), (98, 5.0), (132, 5.0), (138, 0.5)),
    ("replies_total", "volt", "neu"): ((0, 1.5),),
    ("replies_total", "volt", "pos"): ((88, 2.5), (98, 1.0), (132, 1.0), (138, 5.0)),
    ("engagement_total", "biscuit", ""): ((58, 6), (68, 90), (130, 70), (150, 20)),
    ("engagement_total", "fizz", ""): ((0, 5),),
    ("engagement_total", "volt", ""): ((88, 6), (100, 14), (140, 6)),
}
_SERIES = tuple(_CURVES)
_JITTERY = _SERIES.index(("mentions_total", "volt", "match"))

# What a plain threshold would be set to: the same number as the rule's first stage.
PLAIN = {"mentions_total": 12.0, "replies_total": 8.0}


class Event(Struct, frozen=True):
    """Something that happens in the story: the truth that firings are held against.

    `rule` and `labels` name the firing it should lead to; with `real` false it deserves no more than a look,
    and `begins`, `ends` are engine time in ms.
    """

    text: str
    rule: str
    labels: Labels
    begins: int
    ends: int
    real: bool


# (text, rule, labels, begins, ends, real), in seconds of the story.
_EVENTS: tuple[tuple[str, str, dict[str, str], float, float, bool], ...] = (
    ("three bots praise a can", "mention-surge", {"brand": "fizz", "topic": "product"}, 4, 9, False),
    ("the lights go out", "mention-surge", {"brand": "biscuit", "topic": "blackout"}, 28, 150, True),
    ("a joke at the wrong moment", "reply-flood", {"brand": "fizz"}, 70, 76, True),
    ("jitter, nothing behind it", "mention-surge", {"brand": "volt", "topic": "match"}, *_JITTER, False),
    ("people turn against an ad", "negative-share", {"brand": "volt"}, 88, 138, True),
    ("everybody shares the ad", "mention-surge", {"brand": "volt", "topic": "product"}, 103, 147, True),
)

# (second, kind, text, labels): what the calendar of the night reports by itself.
_MARKS: tuple[tuple[float, MarkKind, str, dict[str, str]], ...] = (
    (2, MarkKind.EVENT, "kick-off", {}),
    (69, MarkKind.POST, "lights out, cans up", {"brand": "fizz"}),
    (87, MarkKind.POST, "the candle spot", {"brand": "volt"}),
)


class Story:
    """One event night from engine time `start` (ms) on; series get their ids from `table`."""

    def __init__(self, seed: int, start: int, table: SeriesTable) -> None:
        self.seed = seed
        self.start = start
        self.ends = start + LENGTH
        self.counts = counts(seed)
        self._ids = np.array([table.intern(_labels(*key)) for key in _SERIES], dtype=np.int64)
        table.holders.add(self)
        self._totals = self.counts.cumsum(axis=0) + _bases(seed)
        self._next = 0

    def __repr__(self) -> str:
        return f"<Story seed {self.seed}, {self._next * TICK / 1000:.1f} of {LENGTH // 1000} s told>"

    def held(self) -> Ids:
        """All series of the night."""
        return self._ids[self._ids >= 0]

    def renumber(self, new: Ids) -> None:
        """They have other ids."""
        self._ids = np.where(self._ids < 0, self._ids, new[self._ids])

    @property
    def next_at(self) -> int | None:
        """When the next batch happens; None: the story is told."""
        return self._time(self._next) if self._next < TICKS else None

    @property
    def events(self) -> tuple[Event, ...]:
        """What really happens in this night, in order of time."""
        return tuple(
            Event(
                text=text,
                rule=rule,
                labels=labels_of(labels),
                begins=self.start + round(begins * 1000),
                ends=self.start + round(ends * 1000),
                real=real,
            )
            for text, rule, labels, begins, ends, real in _EVENTS
        )

    @property
    def marks(self) -> tuple[tuple[int, MarkMade], ...]:
        """What is reported in this night, each at its engine time."""
        return tuple(
            (self.start + round(second * 1000), MarkMade(0, _CALENDAR, kind, text, labels_of(labels)))
            for second, kind, text, labels in _MARKS
        )

    def until(self, at: int) -> Iterator[tuple[int, SampleBatch]]:
        """The batches up to and including engine time `at` that were not told yet, each with its time."""
        while (due := self.next_at) is not None and due <= at:
            tick = self._next
            self._next += 1
            yield due, self._batch(tick, due)

    def _time(self, tick: int) -> int:
        return self.start + tick * TICK

    def _batch(self, tick: int, at: int) -> SampleBatch:
        return SampleBatch(
            ids=self._ids,
            times=np.full(len(_SERIES), at, dtype=np.int64),
            values=self._totals[tick].astype(np.float64),
            exemplars=tuple(self._exemplars(tick, at)),
        )

    def _exemplars(self, tick: int, at: int) -> Iterator[PlacedExemplar]:
        """At most one post a series and tick: evidence is a sample of what was said, too."""
        draws = noise(self.seed + 7, np.arange(3 * len(_SERIES)) + tick * 3 * len(_SERIES)).reshape(3, -1)
        for lane, (metric, brand, what) in enumerate(_SERIES):
            if metric == "engagement_total" or not self.counts[tick, lane]:
                continue
            said = post(brand, what, second=tick * TICK / 1000, draws=tuple(draws[:, lane].tolist()))
            if said is not None:
                yield PlacedExemplar(series=int(self._ids[lane]), time=at, exemplar=said)


def noise(seed: int, index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Evenly spread numbers in [0, 1), one for each index: SplitMix64, a hash rather than a stream."""
    mixed = index.astype(np.uint64) + np.array([seed & 0xFFFFFFFF], dtype=np.uint64) * np.uint64(0xD1342543DE82EF95)
    mixed = (mixed + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    spread: NDArray[np.float64] = (mixed ^ (mixed >> np.uint64(31))).astype(np.float64) / 2.0**64
    return np.minimum(spread, 1 - 2.0**-53)


def counts(seed: int) -> Counts:
    """How many posts each tick brings each series, shape (ticks, series)."""
    seconds = np.arange(TICKS) * TICK / 1000
    rates = np.column_stack([_expected(curve, seconds) for curve in _CURVES.values()])
    rates[:, _JITTERY] = _jitter(seed, seconds, calm=rates[:, _JITTERY])
    sway, rest = noise(seed, np.arange(2 * rates.size)).reshape(2, *rates.shape)
    # Expected count, up to 15 % off, and the fraction rounded up as often as it is large.
    drawn: Counts = np.floor(rates * (TICK / 1000) * (0.85 + 0.3 * sway) + rest).astype(np.int64)
    return drawn


def _expected(curve: Curve, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.array(curve, dtype=np.float64)
    return np.interp(seconds, known[:, 0], known[:, 1])


def _jitter(seed: int, seconds: NDArray[np.float64], *, calm: NDArray[np.float64]) -> NDArray[np.float64]:
    """One loud second in each four, at a place that chance chooses."""
    begins, ends = _JITTER
    group, place = np.divmod(np.floor(seconds - begins).astype(np.int64), 4)
    loud = place == np.floor(noise(seed + 3, group - group.min()) * 4)
    stretch = (seconds >= begins) & (seconds < ends)
    return np.where(stretch, np.where(loud, _JITTER_LOUD, _JITTER_QUIET), calm)


def plain_alerts(story: Story, at: int) -> int:
    """How often a plain threshold on the rate of each second would have alerted by engine time `at`: its rising edges.

    It watches what the rules watch: mentions by brand and topic, negative replies by brand.
    """
    watched = [lane for lane, (metric, _, what) in enumerate(_SERIES) if metric in PLAIN and what not in ("neu", "pos")]
    limits = np.array([PLAIN[_SERIES[lane][0]] for lane in watched])
    a_second = story.counts[:, watched].reshape(LENGTH // 1000, 1000 // TICK, -1).sum(axis=1)
    seconds = max(0, min(at - story.start, LENGTH)) // 1000
    above = np.vstack([np.zeros(len(watched), dtype=np.bool_), a_second[:seconds] > limits])
    return int((above[1:] & ~above[:-1]).sum())


def about(labels: Labels) -> str:
    """What a firing of the story is about, in short: `fizz · product`, `volt`."""
    return " · ".join(part for part in (get(labels, "brand"), get(labels, "topic")) if part)


def _labels(metric: str, brand: str, what: str) -> Labels:
    kind = {"mentions_total": "topic", "replies_total": "tone"}.get(metric, "")
    return labels_of({METRIC_NAME: metric, "brand": brand, **({kind: what} if kind else {})})


def _bases(seed: int) -> Counts:
    """Where the counters stand when the story begins: they have counted all day."""
    return (10_000 + np.floor(noise(seed + 5, np.arange(len(_SERIES))) * 90_000)).astype(np.int64)
