"""Marks as the engine sees them: all that are remembered, by time and in the order in which they came.

Times are wall time, `at` is engine time. What they cover is `covered`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from operator import attrgetter, itemgetter

from rtmd.model.firing import Firing
from rtmd.model.labels import Labels
from rtmd.model.mark import KEPT, MOST, Mark, MarkKind, Within, agree
from rtmd.model.rule import HOUR, MINUTE

NEAR = 30 * MINUTE  # before a transition, or as long as its stage looks back …
NEAR_AT_MOST = 6 * HOUR  # … up to this: marks are shown beside a firing
BESIDE = 8  # so many, the newest

by_time = attrgetter("time", "id")


class Marks:
    """All marks that are remembered; engine time is wall time less `offset`."""

    def __init__(self) -> None:
        self.offset = 0
        self._known: dict[str, Mark] = {}
        self._by_time: list[Mark] = []
        self._arrived: dict[MarkKind, list[tuple[int, Mark]]] = {kind: [] for kind in MarkKind}
        self._count = 0  # that ever came
        self._newest = dict.fromkeys(MarkKind, -KEPT)  # time by kind

    def __repr__(self) -> str:
        return f"<Marks {len(self._known)}>"

    def __iter__(self) -> Iterator[Mark]:
        return iter(self._by_time)

    def __contains__(self, mark_id: str) -> bool:
        return mark_id in self._known

    def wall(self, at: int) -> int:
        """People's time at engine time `at`."""
        return at + self.offset

    def add(self, mark: Mark) -> list[Mark]:
        """Take in a mark that is not known yet; gives those that had to go for it."""
        self._known[mark.id] = mark
        insort(self._by_time, mark, key=by_time)
        self._count += 1
        self._arrived[mark.kind].append((self._count, mark))
        self._newest[mark.kind] = max(mark.time, self._newest[mark.kind])
        return self._drop(self._by_time[: len(self._by_time) - MOST]) if len(self._by_time) > MOST else []

    def restore(self, marks: Iterable[Mark]) -> None:
        """Take in the marks of an earlier run."""
        for mark in marks:
            if mark.id not in self._known:
                self.add(mark)

    def forget(self, wall: int) -> list[Mark]:
        """Let go of what no rule can look at any more; gives the marks that went."""
        return self._drop(self._by_time[: bisect_left(self._by_time, wall - KEPT, key=attrgetter("time"))])

    def after(self, kind: MarkKind, count: int) -> list[Mark]:
        """The marks of a kind that came since there were `count`."""
        arrived = self._arrived[kind]
        return [mark for _, mark in arrived[bisect_right(arrived, count, key=itemgetter(0)) :]]

    @property
    def count(self) -> int:
        """How many ever came."""
        return self._count

    def is_open(self, within: Within, at: int) -> bool:
        """Whether some mark may cover something: without looking at labels."""
        return self.wall(at) < self._newest[within.kind] + within.length

    def latest(self, within: Within, labels: Labels, at: int) -> Mark | None:
        """The mark that covers an instance now, the newest of them."""
        everything = {**dict(within.labels), **dict(labels)}
        near = reversed(self.between(self.wall(at) - within.length, self.wall(at)))
        return next((each for each in near if each.kind is within.kind and agree(each.labels, everything)), None)

    def beside(self, firing: Firing, window: int, at: int) -> tuple[Mark, ...]:
        """The marks that a firing has after a transition: those it had, and what was reported in the time before."""
        wall, labels = self.wall(at), {**dict(firing.extra_labels), **dict(firing.labels)}
        near = self.between(wall - max(NEAR, min(window, NEAR_AT_MOST)), wall)
        if not near:
            return firing.marks
        agreeing = [mark for mark in near if agree(mark.labels, labels)]
        return tuple(sorted({*firing.marks, *agreeing}, key=by_time)[-BESIDE:])

    def between(self, since: int, until: int) -> list[Mark]:
        """The marks in (since, until], wall time, oldest first."""
        first = bisect_right(self._by_time, since, key=attrgetter("time"))
        return self._by_time[first : bisect_right(self._by_time, until, key=attrgetter("time"))]

    def _drop(self, gone: list[Mark]) -> list[Mark]:
        if gone:
            self._by_time = self._by_time[len(gone) :]  # they are the oldest
            for mark in gone:
                del self._known[mark.id]
            for kind in {mark.kind for mark in gone}:
                self._arrived[kind] = [pair for pair in self._arrived[kind] if pair[1].id in self._known]
        return gone
