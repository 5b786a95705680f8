"""Brakes: while a correlation fires, the actions that it names wait where its labels hold (semantics S8, S10).

A brake is put when its correlation fires and lifted when that ends. What it stops is not started: proposals can be
declined and not approved, their time stands still, and runs wait. That holds for those that are there already and for
those that come while it is on. What was started before goes on, and what is to be undone is undone.

Pure bookkeeping: what waits and what goes on when a brake is lifted is decided by who asks (`pipeline.reactor`).
Brakes are not kept on disk, because the firings of correlations are: whoever brings those back puts them again.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rtmd.model.labels import Labels


class Brake(Struct, frozen=True):
    """`id` is the correlation's firing, `name` the correlation.

    It stops `actions` for firings with the same values of `labels`; a label that a firing does not have is "".
    """

    id: str
    name: str
    actions: frozenset[str]
    labels: Labels = ()

    def stops(self, action: str, labels: Labels) -> bool:
        """Whether it stops an action for a firing that shows these labels."""
        known = dict(labels)
        return action in self.actions and all(known.get(name, "") == value for name, value in self.labels)


class Brakes:
    """All brakes that are on."""

    def __init__(self) -> None:
        self._by_id: dict[str, Brake] = {}

    def __repr__(self) -> str:
        return f"<Brakes {', '.join(sorted(brake.name for brake in self)) or 'none'}>"

    def __iter__(self) -> Iterator[Brake]:
        return iter(sorted(self._by_id.values(), key=lambda brake: (brake.name, brake.id)))

    def put(self, brake: Brake) -> None:
        """It is on from now on, in place of an older one with its id."""
        self._by_id[brake.id] = brake

    def lift(self, brake_id: str) -> Brake | None:
        """It is off; None where it was not on."""
        return self._by_id.pop(brake_id, None)

    def on(self, action: str, labels: Labels) -> Brake | None:
        """The brake that stops an action for a firing that shows these labels: the first by name."""
        return next((brake for brake in self if brake.stops(action, labels)), None)
