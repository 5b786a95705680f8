"""Who takes part in correlations, and where (semantics S8).

A firing counts for a correlation that names its rule in `all` while it is open and stands at `at_least` or higher; for
one that names it in `none` while it is open. Firings in shadow never count, because nothing may follow from them, nor
do those of dead feeds, which say nothing about what their rule looks for; nor what others raised or firings made.

Nothing here is a decision, so nothing of it is kept on disk: it follows from the firings. The correlator hears of a
rule at a place when its first firing counts there, and again when none does any more; how many firings that are costs
it nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from msgspec import Struct, field

from rtmd.model.firing import Firing
from rtmd.model.labels import Labels, labels_of, only
from rtmd.model.rule import STAGES, Correlation, Kind, StageName
from rtmd.ports import Correlator

Place: TypeAlias = tuple[str, Labels]  # a correlation, values of what it joins on


class _Side(Struct):
    """The firings of one rule that count at a place: the rank of each, and how many there are of each rank."""

    ranks: dict[str, int] = field(default_factory=dict)
    counts: list[int] = field(default_factory=lambda: [0] * len(STAGES))

    def put(self, firing_id: str, rank: int) -> None:
        """It counts, at that rank."""
        if firing_id in self.ranks:
            self.drop(firing_id)
        self.ranks[firing_id] = rank
        self.counts[rank] += 1

    def drop(self, firing_id: str) -> None:
        """It counts no more."""
        self.counts[self.ranks.pop(firing_id)] -= 1

    @property
    def highest(self) -> int:
        """The rank of the firing that stands highest."""
        return max(rank for rank, count in enumerate(self.counts) if count)


class News(Struct):
    """What happened at a place since it was looked at: who joined, by id."""

    joined: list[str] = field(default_factory=list)


class Members:
    """All firings that count, by place; `news` has the places at which something changed."""

    def __init__(self, correlator: Correlator) -> None:
        self.correlations: Mapping[str, Correlation] = {}
        self.news: dict[Place, News] = {}
        self._correlator = correlator
        self._watching: dict[str, list[tuple[Correlation, frozenset[str]]]] = {}  # by rule, with their `on`
        self._looks: dict[str, tuple[object, ...]] = {}  # what a firing that counts looked like when it was placed
        self._sides: defaultdict[Place, dict[str, _Side]] = defaultdict(dict)
        self._places: dict[str, dict[Place, None]] = {}  # of each firing that counts

    def __repr__(self) -> str:
        return f"<Members {len(self._places)} firings at {len(self._sides)} places>"

    def load(self, correlations: Mapping[str, Correlation], firings: Iterable[Firing]) -> set[str]:
        """Put these in force; gives the names of those that join anew. `firings` are all that are open."""
        before, self.correlations = self.correlations, correlations
        same = {name for name, old in before.items() if name in correlations and correlations[name].joins == old.joins}
        gone, anew = before.keys() - same, correlations.keys() - same
        for name in sorted(gone):
            self._correlator.unwatch(name)
        for place in [place for place in self._sides if place[0] in gone]:
            del self._sides[place]
            self.news.setdefault(place, News())
        for firing_id, places in list(self._places.items()):
            self._places[firing_id] = {place: None for place in places if place[0] not in gone}
        for name in sorted(anew):
            self._correlator.watch(name, correlations[name].all)
        self._watching = {}
        for correlation in correlations.values():
            for rule in (*correlation.all, *correlation.none):
                self._watching.setdefault(rule, []).append((correlation, frozenset(correlation.on)))
        self._looks.clear()
        if anew:
            for firing in firings:
                self.put(firing)
        return set(anew)

    def put(self, firing: Firing) -> None:
        """A firing opened or changed."""
        watching = self._watching.get(firing.rule)
        if watching is None and firing.id not in self._places:
            return
        looks = (firing.open, firing.stage, firing.shadow, firing.kind, firing.extra_labels)
        if self._looks.get(firing.id) == looks:
            return
        self._looks.pop(firing.id, None)
        before = self._places.pop(firing.id, {})
        now = self._counts_at(firing, watching or ())
        for place in before:
            if place not in now:
                self._drop(firing, place)
        for place in now:
            self._put(firing, place)
        if now:
            self._places[firing.id] = now
            self._looks[firing.id] = looks

    def places_of(self, firing: Firing) -> Iterable[Place]:
        """Where a firing counts as one of `all`."""
        found = self._places.get(firing.id, ())
        return [place for place in found if firing.rule in self.correlations[place[0]].all]

    def missing(self, place: Place) -> str:
        """Why there is no correlation at a place, in words; empty: there is one."""
        correlation = self.correlations[place[0]]
        there = self._sides.get(place, {})
        if not self._correlator.meet(*place):
            absent = next((rule for rule in correlation.all if rule not in there), "")
            return (
                f"{absent} is below {correlation.at_least}, or over"
                if correlation.at_least.rank
                else f"{absent} is over"
            )
        forbidden = next((rule for rule in correlation.none if rule in there), "")
        return f"{forbidden} fires" if forbidden else ""

    def stage(self, place: Place) -> StageName:
        """The lowest of the rules' highest stages."""
        sides = self._sides[place]
        return STAGES[min(sides[rule].highest for rule in self.correlations[place[0]].all)]

    def count(self, place: Place, rule: str) -> int:
        """How many firings of a rule count there."""
        side = self._sides.get(place, {}).get(rule)
        return len(side.ranks) if side else 0

    def at(self, place: Place) -> list[str]:
        """The ids of all that take part."""
        correlation = self.correlations.get(place[0])
        sides = [self._sides.get(place, {}).get(rule) for rule in correlation.all] if correlation else []
        return [firing_id for side in sides if side is not None for firing_id in side.ranks]

    def _counts_at(self, firing: Firing, watching: Iterable[tuple[Correlation, frozenset[str]]]) -> dict[Place, None]:
        silent = firing.shadow or firing.kind is Kind.NO_DATA
        if not firing.open or silent or firing.correlated or firing.origin is not None:
            return {}
        labels = labels_of(dict(firing.labels) | dict(firing.extra_labels))
        return {
            (each.name, only(labels, on)): None
            for each, on in watching
            if firing.rule in each.none or firing.stage.rank >= each.at_least.rank
        }

    def _put(self, firing: Firing, place: Place) -> None:
        sides, rank = self._sides[place], firing.stage.rank
        side = sides.get(firing.rule)
        taking_part = firing.rule in self.correlations[place[0]].all
        if side is None:
            side = sides[firing.rule] = _Side()
            if taking_part:
                self._correlator.come(place[0], firing.rule, place[1])
        known = side.ranks.get(firing.id)
        if known == rank:
            return
        side.put(firing.id, rank)
        news = self.news.setdefault(place, News())
        if known is None and taking_part:
            news.joined.append(firing.id)

    def _drop(self, firing: Firing, place: Place) -> None:
        side = self._sides[place][firing.rule]
        side.drop(firing.id)
        self.news.setdefault(place, News())
        if side.ranks:
            return
        del self._sides[place][firing.rule]
        if firing.rule in self.correlations[place[0]].all:
            self._correlator.leave(place[0], firing.rule, place[1])
        if not self._sides[place]:
            del self._sides[place]
