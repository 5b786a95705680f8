"""Inhibition (semantics S7): what burns, or just burned, mutes what it explains.

A target is muted iff it matches the target matchers and some source matches the source matchers with equal values of
all `equal` labels; a label missing on both sides is equal. A source counts while its firing is unresolved, whether
silenced, inhibited or not, and 30 s longer, so that a flapping dependency does not let its victims through between two
of its episodes. What matches both sides cannot be inhibited by another such, itself included.

Built in is one more: a firing of a correlation mutes those that take part in it, and only towards receivers that were
told of it.

Sources are kept by their values of `equal`, so that judging a target costs a look-up, however many burn. Of several
culprits the one that fired first is named, then the one with the lower id.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, field

from rtmd.alerting.exposed import exposed
from rtmd.matching import Matches, compile_matchers
from rtmd.model.firing import Firing
from rtmd.model.labels import Labels, only
from rtmd.model.policy import LINGER, Inhibition


class Culprit(Struct, frozen=True):
    """What mutes a firing: the firing that does, by which inhibition."""

    inhibition: str
    firing: Firing


class _Rule(Struct):
    inhibition: Inhibition
    is_source: Matches
    is_target: Matches
    # By the values of `equal`; the second says whether the source is a target of the same rule.
    sources: defaultdict[Labels, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))
    places: dict[str, Labels] = field(default_factory=dict)

    def put(self, firing: Firing, labels: Labels) -> None:
        """Index the firing where it stands now."""
        self.drop(firing.id)
        if self.is_source(labels):
            place = self.places[firing.id] = only(labels, frozenset(self.inhibition.equal))
            self.sources[place][firing.id] = self.is_target(labels)

    def drop(self, firing_id: str) -> None:
        """It is no source any more."""
        place = self.places.pop(firing_id, None)
        if place is not None:
            del self.sources[place][firing_id]
            if not self.sources[place]:
                del self.sources[place]

    def culprits(self, labels: Labels) -> Iterator[str]:
        """The ids of the sources that mute these labels."""
        if not self.is_target(labels):
            return
        both = self.is_source(labels)
        sources = self.sources.get(only(labels, frozenset(self.inhibition.equal)), {})
        yield from (firing_id for firing_id, is_target in sources.items() if not (both and is_target))


class Inhibitions:
    """All inhibitions with their present sources. `find` gives a firing by its id."""

    def __init__(self, find: Callable[[str], Firing | None]) -> None:
        self._find = find
        self._rules: list[_Rule] = []

    def __repr__(self) -> str:
        return f"<Inhibitions {len(self._rules)} rules, {sum(len(rule.places) for rule in self._rules)} sources>"

    def load(self, inhibitions: Iterable[Inhibition], firings: Iterable[Firing]) -> None:
        """Put these in force, with everything that burns or lately did as possible sources."""
        self._rules = [
            _Rule(each, compile_matchers(each.source), compile_matchers(each.target)) for each in inhibitions
        ]
        for firing in firings:
            self.put(firing)

    def put(self, firing: Firing) -> None:
        """A firing opened or changed; a resolved one goes on counting for a while."""
        if self._rules:
            labels = exposed(firing)
            for rule in self._rules:
                rule.put(firing, labels)

    def forget(self, at: int) -> None:
        """Let go of sources that ended too long ago to count."""
        for rule in self._rules:
            for firing_id in [each for each in rule.places if not _counts(self._find(each), at)]:
                rule.drop(firing_id)

    def culprit(self, labels: Labels, at: int) -> Culprit | None:
        """What mutes a firing with these exposed labels at engine time `at`."""
        for rule in self._rules:
            found = [self._find(firing_id) for firing_id in rule.culprits(labels)]
            sources = [firing for firing in found if firing is not None and _counts(firing, at)]
            if sources:
                first = min(sources, key=lambda firing: (firing.fired_at, firing.id))
                return Culprit(rule.inhibition.name, first)
        return None

    def ends(self, firing: Firing) -> int | None:
        """When this resolved firing stops counting as a source; None where it is none."""
        is_source = firing.correlated or any(firing.id in rule.places for rule in self._rules)
        return firing.resolved_at + LINGER if firing.resolved_at is not None and is_source else None


class Explained(Struct, frozen=True):
    """What correlations mute: `correlations_of` a firing, where a receiver `was_told` of one of those."""

    correlations_of: Callable[[Firing], Iterable[Firing]]
    was_told: Callable[[Firing, str], bool]

    def culprit(self, firing: Firing, receiver: str, at: int) -> Culprit | None:
        """The firing of a correlation that tells this receiver all that this firing would."""
        found = (each for each in self.correlations_of(firing) if _counts(each, at) and self.was_told(each, receiver))
        first = min(found, key=lambda each: (each.fired_at, each.id), default=None)
        return None if first is None else Culprit("correlation", first)


def _counts(firing: Firing | None, at: int) -> bool:
    if firing is None:
        return False
    return firing.resolved_at is None or at < firing.resolved_at + LINGER
