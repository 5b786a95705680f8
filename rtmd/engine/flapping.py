"""Flapping (semantics S9): stages that fire and end over and over.

Each stage of an instance has a ring of its last 21 states, burning or not, one each slot: a twentieth of the window
of the next stage, else of four windows of its own. Changes between neighbours count, the newest most; from 30 % on
the stage flaps, from 20 % down it has calmed. Noise around a threshold can be too quick for slots: what fires the 4th
time within 20 windows flaps as well, until fewer than three of its starts are that young.

Slots are multiples of their length since the epoch, and each takes the state that held until then. So nothing has to
be written down slot by slot: a ring is brought up to date when its stage moves, and when time alone makes it flap, calm
or end, which is known beforehand (`next_change`). A stage without a ring has been as it is for long.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct

from rtmd.engine.transition import Transition
from rtmd.model.firing import Flaps, InstanceKey, InstanceState
from rtmd.model.replace import replace
from rtmd.model.rule import Rule, Stage, StageName

STATES = 21
_ALL = (1 << STATES) - 1
_CHANGES = STATES - 1
_FULL = 1520  # twenty changes, which weigh 0.75, …, 1.25 of 76 each
_START, _STOP = _FULL * 30 // 100, _FULL * 20 // 100
_FEWEST = 6  # newest changes in a row that weigh more than START

_STARTS, _LEFT = 4, 3  # so many within SPELL windows start it, fewer than so many end it
_SPELL = 20
_UNWINDOWED = 60  # grid points that stand for a window where there is none

_Place: TypeAlias = tuple[InstanceKey, StageName]


class Pace(Struct, frozen=True):
    """How a stage is watched, in ms: the length of a slot, and the time within which its starts count."""

    slot: int
    spell: int


def pace_of(rule: Rule, stage: Stage) -> Pace | None:
    """The pace of a stage of a rule; None where nobody wants to know."""
    if not stage.flapping:
        return None
    window = stage.window or _UNWINDOWED * stage.grid
    following = rule.following(stage.name)
    span = (following.window if following else None) or 4 * window
    points = max(1, round(span / _CHANGES / stage.grid))
    return Pace(points * stage.grid, _SPELL * window)


def weight(ring: int) -> int:
    """What the changes in a ring weigh together, of 1520."""
    changes = (ring ^ (ring >> 1)) & (_ALL >> 1)
    return sum(95 - 2 * age for age in range(_CHANGES) if changes >> age & 1)


def percent(ring: int) -> float:
    """The same in percent."""
    return 100 * weight(ring) / _FULL


def caught_up(flaps: Flaps, at: int, pace: Pace) -> Flaps:
    """With all slots up to `at`."""
    while flaps.at + pace.slot <= at:
        flaps = _with_slot(_aged(flaps, at - pace.slot, pace), pace)
    return flaps


def moved(flaps: Flaps, at: int, pace: Pace, *, burning: bool) -> Flaps:
    """The stage began to burn at `at`, or ended."""
    flaps = replace(caught_up(flaps, at, pace), burning=burning)
    if not burning:
        return flaps
    starts = (*flaps.starts, at)[-_STARTS:]
    again = len(starts) == _STARTS and at - starts[0] <= pace.spell
    return replace(flaps, starts=starts, flapping=flaps.flapping or again)


def next_change(flaps: Flaps, pace: Pace) -> int:
    """The slot at which the stage starts or stops flapping, or its ring is of no more use, if it stays as it is."""
    if not flaps.flapping and (flaps.ring ^ flaps.ring >> 1).bit_count() + 1 < _FEWEST:
        young = max(flaps.at + STATES * pace.slot, flaps.starts[-1] + pace.spell if flaps.starts else 0)
        return (young // pace.slot + 1) * pace.slot
    ahead = flaps
    while ahead.flapping is flaps.flapping and not settled(ahead, pace):
        ahead = _with_slot(_aged(ahead, ahead.at + pace.spell, pace), pace)
    return ahead.at


def settled(flaps: Flaps, pace: Pace) -> bool:
    """Whether nothing in the ring says more than that the stage is as it is."""
    return _still(flaps) and not flaps.flapping and not (flaps.starts and flaps.at - flaps.starts[-1] <= pace.spell)


def _aged(flaps: Flaps, until: int, pace: Pace) -> Flaps:
    """In the last slot up to `until` before its starts are too old to count, where nothing but their age matters."""
    counting = _LEFT if flaps.flapping else 1
    if not _still(flaps) or len(flaps.starts) < counting:
        return flaps
    slots = (min(until, flaps.starts[-counting] + pace.spell) - flaps.at) // pace.slot
    return replace(flaps, at=flaps.at + max(0, slots) * pace.slot)


def _still(flaps: Flaps) -> bool:
    """Whether the stage is as it was in all slots."""
    return flaps.ring == (_ALL if flaps.burning else 0)


def _with_slot(flaps: Flaps, pace: Pace) -> Flaps:
    at, ring = flaps.at + pace.slot, (flaps.ring << 1 | flaps.burning) & _ALL
    if flaps.flapping:
        young = len(flaps.starts) >= _LEFT and at - flaps.starts[-_LEFT] <= pace.spell
        flapping = young or weight(ring) > _STOP
    else:
        flapping = weight(ring) >= _START
    return replace(flaps, ring=ring, at=at, flapping=flapping)


class Flapping:
    """The rings of all stages that moved lately. `rule_of` gives a rule by its name.

    `changed` has the instances whose rings want saving.
    """

    def __init__(self, rule_of: Callable[[str], Rule | None]) -> None:
        self.changed: dict[InstanceKey, None] = {}
        self._rule_of = rule_of
        self._rings: dict[InstanceKey, dict[StageName, Flaps]] = {}
        self._next: dict[_Place, int] = {}
        self._due: list[tuple[int, _Place]] = []

    def __repr__(self) -> str:
        return f"<Flapping {len(self._rings)} instances watched>"

    def of(self, key: InstanceKey) -> tuple[tuple[StageName, Flaps], ...]:
        """The rings of an instance, in rising order of their stages."""
        return tuple(sorted(self._rings.get(key, {}).items(), key=lambda pair: pair[0].rank))

    def stages(self, key: InstanceKey) -> tuple[StageName, ...]:
        """The stages of an instance that flap."""
        return tuple(name for name, flaps in self.of(key) if flaps.flapping)

    def follow(self, rule: Rule, transition: Transition) -> None:
        """A stage moved."""
        was, burning = transition.was.burning, transition.record.state.burning
        pace = pace_of(rule, transition.stage) if was is not burning else None
        if pace is not None:
            key, name = (rule.name, transition.labels), transition.stage.name
            known = self._rings.get(key, {}).get(name) or _fresh(transition.at, pace, burning=was)
            self._keep(key, name, moved(known, transition.at, pace, burning=burning), pace)

    def next_due(self) -> int | None:
        """When time alone changes something."""
        while self._due and self._next.get(self._due[0][1]) != self._due[0][0]:
            heapq.heappop(self._due)  # superseded
        return self._due[0][0] if self._due else None

    def take_due(self, at: int) -> Iterator[tuple[InstanceKey, StageName, Flaps]]:
        """What starts or stops flapping by time alone up to `at`, in the order (time, identity)."""
        while (due := self.next_due()) is not None and due <= at:
            key, name = heapq.heappop(self._due)[1]
            flaps = self._rings[key][name]
            later = self._catch_up(key, name, due)
            if later.flapping is not flaps.flapping:
                yield key, name, later

    def restore(self, instances: Iterable[InstanceState]) -> None:
        """Take in what an earlier run kept; rules must be loaded, rings of others are of no use."""
        for instance in instances:
            key = (instance.rule, instance.labels)
            for name, flaps in instance.flaps:
                pace = self._pace(key, name)
                if pace is not None:
                    self._keep(key, name, flaps, pace)

    def shift(self, at: int, until: int) -> None:
        """Nobody watched from `at` to `until`: there were no slots in between, and starts are no older."""
        for key, name, flaps in self._all():
            pace = self._pace(key, name)
            if pace is not None:
                now = caught_up(flaps, at, pace)
                starts = tuple(start + until - at for start in flaps.starts)
                self._keep(key, name, replace(now, at=until // pace.slot * pace.slot, starts=starts), pace)

    def reload(self, rule: str, old: Rule | None, new: Rule | None) -> list[tuple[InstanceKey, StageName]]:
        """A rule changed or went: rings of another pace are of no use; gives what flapped."""
        gone = [each for each in self._all() if each[0][0] == rule and _pace(old, each[1]) != _pace(new, each[1])]
        for key, name, _ in gone:
            self._drop(key, name)
        return [(key, name) for key, name, flaps in gone if flaps.flapping]

    def _all(self) -> list[tuple[InstanceKey, StageName, Flaps]]:
        return [(key, name, flaps) for key in sorted(self._rings) for name, flaps in self.of(key)]

    def _pace(self, key: InstanceKey, name: StageName) -> Pace | None:
        return _pace(self._rule_of(key[0]), name)

    def _catch_up(self, key: InstanceKey, name: StageName, at: int) -> Flaps:
        flaps, pace = self._rings[key][name], self._pace(key, name)
        if pace is None:
            self._drop(key, name)
            return replace(flaps, flapping=False)
        later = caught_up(flaps, at, pace)
        if settled(later, pace):
            self._drop(key, name)
        else:
            self._keep(key, name, later, pace)
        return later

    def _keep(self, key: InstanceKey, name: StageName, flaps: Flaps, pace: Pace) -> None:
        self._rings.setdefault(key, {})[name] = flaps
        self.changed[key] = None
        due = next_change(flaps, pace)
        if self._next.get((key, name)) != due:
            self._next[key, name] = due
            heapq.heappush(self._due, (due, (key, name)))

    def _drop(self, key: InstanceKey, name: StageName) -> None:
        del self._rings[key][name], self._next[key, name]
        if not self._rings[key]:
            del self._rings[key]
        self.changed[key] = None


def _pace(rule: Rule | None, name: StageName) -> Pace | None:
    stage = rule.stage(name) if rule else None
    return pace_of(rule, stage) if rule and stage else None


def _fresh(at: int, pace: Pace, *, burning: bool) -> Flaps:
    return Flaps(_ALL if burning else 0, at // pace.slot * pace.slot, burning=burning)
