"""Which firings belong on the list, by rule, and with which key each stands in the order.

Judged once per change: `judge` is given the firings that changed, `reset` judges all anew (another filter, another
order). The firing under the cursor belongs whatever it became, and keeps the key it had, and so does one that is over,
for the 30 s it is still shown. What is silenced leaves a group when the cursor does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Any, TypeAlias

from msgspec import Struct, field

from rtmd.wire import FiringView
from tui.arrange import group_id
from tui.filter import Filter
from tui.picture import Picture
from tui.states import Condition, Urgency

TOMBSTONE = 30_000

SortKey: TypeAlias = tuple[Any, ...]


class Sort(Enum):
    """What the list is ordered by; silenced and resolved ones stand below in each."""

    URGENCY = "urgency"
    NEWEST = "newest"
    OLDEST = "oldest"
    RULE = "rule"

    @property
    def following(self) -> Sort:
        """The next one, round and round."""
        every = list(Sort)
        return every[(every.index(self) + 1) % len(every)]

    def key(self, firing: FiringView, urgency: Urgency) -> SortKey:
        """Where a firing stands; the id settles ties."""
        match self:
            case Sort.URGENCY:
                return urgency
            case Sort.NEWEST:
                return (urgency[0], -firing.fired_at, firing.id)
            case Sort.OLDEST:
                return (urgency[0], firing.fired_at, firing.id)
            case Sort.RULE:
                return (urgency[0], firing.rule, *urgency[1:])


class Members(Struct):
    """The firings of the list."""

    filter: Filter = field(default_factory=Filter)
    shows_silenced: bool = False
    sort: Sort = Sort.URGENCY
    keys: dict[str, SortKey] = field(default_factory=dict)  # those that are on the list
    hidden: set[str] = field(default_factory=set)  # silenced ones that are left out
    by_rule: dict[str, set[str]] = field(default_factory=dict)
    serials: Counter[str] = field(default_factory=Counter)  # rule → rises with each judgement of a firing of it
    revision: int = 0  # rises whenever a key comes, goes or changes
    _over: set[str] = field(default_factory=set)
    _first: dict[str, tuple[int, SortKey]] = field(default_factory=dict)  # rule → serial, its smallest key
    _oldest: dict[str, tuple[int, int]] = field(default_factory=dict)  # rule → serial, its smallest fired_at

    def first(self, rule: str) -> SortKey:
        """The key of the most urgent firing of a rule."""
        known = self._first.get(rule)
        serial = self.serials[rule]
        if known is None or known[0] != serial:
            known = self._first[rule] = serial, min(map(self.keys.__getitem__, self.by_rule[rule]))
        return known[1]

    def oldest(self, rule: str, picture: Picture) -> int:
        """When the first of a rule's firings fired."""
        known = self._oldest.get(rule)
        serial = self.serials[rule]
        if known is None or known[0] != serial:
            known = self._oldest[rule] = serial, min(picture.firings[one].fired_at for one in self.by_rule[rule])
        return known[1]

    def reset(self, picture: Picture, cursor: str, at: int) -> None:
        """Judge all firings anew."""
        pinned = self.keys.get(cursor)
        self.keys, self.by_rule = {}, {}
        self.revision += 1
        self._first.clear()
        self._oldest.clear()
        self.hidden.clear()
        self._over.clear()
        if pinned is not None:
            self.keys[cursor] = pinned
        self.judge(picture.firings, picture, cursor, at)
        if cursor not in picture.firings:
            self.keys.pop(cursor, None)

    def judge(self, ids: Iterable[str], picture: Picture, cursor: str, at: int) -> None:
        """Judge these, after each change of theirs and whenever the cursor comes or goes."""
        for firing_id in ids:
            firing = picture.firings.get(firing_id)
            if firing is None:
                self.hidden.discard(firing_id)
                self._drop(firing_id)
                continue
            self._judge(firing, picture, at, chosen=firing_id == cursor, stays=group_id(firing.rule) == cursor)

    def bury(self, picture: Picture, cursor: str, at: int) -> None:
        """Let go of what has been over for long enough."""
        long_over = [one for one in self._over if at - (picture.firings[one].resolved_at or 0) >= TOMBSTONE]
        self.judge(long_over, picture, cursor, at)

    def _judge(self, firing: FiringView, picture: Picture, at: int, *, chosen: bool, stays: bool) -> None:
        firing_id, state = firing.id, picture.conditions[firing.id]
        self.hidden.discard(firing_id)
        is_over = state is Condition.OK
        if not chosen:
            if self.filter and not self.filter.passes(firing):
                self._drop(firing_id, firing.rule)
                return
            shown = self.shows_silenced or self.filter.wants_silenced or (stays and firing_id in self.keys)
            if state is Condition.SILENCED and not shown:
                self.hidden.add(firing_id)
                self._drop(firing_id, firing.rule)
                return
            if is_over and at - (firing.resolved_at or 0) >= TOMBSTONE:
                self._drop(firing_id, firing.rule)
                return
        if is_over:
            self._over.add(firing_id)
        else:
            self._over.discard(firing_id)
        known = self.keys.get(firing_id)
        if known is None or not (chosen or is_over):
            key = self.keys[firing_id] = self.sort.key(firing, picture.urgencies[firing_id])
            self.revision += key != known
        self.by_rule.setdefault(firing.rule, set()).add(firing_id)
        self.serials[firing.rule] += 1

    def _drop(self, firing_id: str, rule: str = "") -> None:
        self._over.discard(firing_id)
        if self.keys.pop(firing_id, None) is None:
            return
        self.revision += 1
        for name in [rule] if rule else list(self.by_rule):
            ids = self.by_rule.get(name, set())
            if firing_id in ids:
                ids.remove(firing_id)
                self.serials[name] += 1
                if not ids:
                    del self.by_rule[name]
                return
