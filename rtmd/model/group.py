"""Groups as values: firings that are told together, and when (semantics S6)."""

from __future__ import annotations

from msgspec import Struct

from rtmd.model.labels import Labels
from rtmd.model.rule import StageName


class GroupKey(Struct, frozen=True, order=True):
    """What is told together: the firings of one route at one stage with equal values of the route's `group_by`."""

    route: str
    receiver: str
    stage: StageName
    labels: Labels


class Membership(Struct, frozen=True):
    """The groups that a firing stands in."""

    firing_id: str
    groups: tuple[GroupKey, ...]


class GroupTimes(Struct, frozen=True):
    """When a group was told, and will be (engine time).

    `flushed_at` is the last time it was looked at, `sent_at` the last message and `count` how many there were; `due`
    is the next look (None: nothing is to be said before something happens).
    """

    key: GroupKey
    due: int | None = None
    flushed_at: int | None = None
    sent_at: int | None = None
    count: int = 0
