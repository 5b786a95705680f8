"""Where rules meet: the join behind correlations (semantics S8), said plainly.

A correlation is a set of rules; a place is a set of values of the labels that it joins on. Rules meet at a place while
all of them are there. That is all there is to the join: whose firings they are, what forbids it and what follows from
it is decided by `alerting.members` and `alerting.correlations`, whoever finds the meetings (`ports.Correlator`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rtmd.model.labels import Labels


class Join:
    """The correlator that needs nothing else: for each place the rules that are there."""

    name = "plain"

    def __init__(self) -> None:
        self._wanted: dict[str, frozenset[str]] = {}
        self._there: defaultdict[str, dict[Labels, set[str]]] = defaultdict(dict)

    def __repr__(self) -> str:
        return f"<Join of {len(self._wanted)} correlations>"

    def watch(self, correlation: str, rules: Sequence[str]) -> None:
        """Begin: nothing is there yet."""
        self._wanted[correlation] = frozenset(rules)

    def unwatch(self, correlation: str) -> None:
        """Forget a correlation and everything that is there."""
        self._wanted.pop(correlation, None)
        self._there.pop(correlation, None)

    def come(self, correlation: str, rule: str, place: Labels) -> None:
        """One of its rules is at a place now, and was not before."""
        self._there[correlation].setdefault(place, set()).add(rule)

    def leave(self, correlation: str, rule: str, place: Labels) -> None:
        """One of its rules was at a place, and is no more."""
        there = self._there[correlation][place]
        there.discard(rule)
        if not there:
            del self._there[correlation][place]

    def meet(self, correlation: str, place: Labels) -> bool:
        """Whether all of its rules are at a place."""
        return self._wanted[correlation] == self._there[correlation].get(place, set())
