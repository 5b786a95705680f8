"""Groups (semantics S6): who is told together, and when the next word to them is due.

A group is (route, stage, values of the route's `group_by`). Its first look comes `wait` after its first member. After
that something new is told `wait` after it happened and no sooner than `interval` after the message before: a group that
was quiet answers at once, a busy one once an interval. What nothing is new of is repeated after `repeat`.

Times and memberships are kept by the store, and the ledger says what each receiver knows; so neither a restart nor
another configuration tells anything twice. What a look finds to say is `flush`; this module only knows when.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from rtmd.model.firing import Firing
from rtmd.model.group import GroupKey, GroupTimes, Membership
from rtmd.model.labels import Labels, only
from rtmd.model.policy import Route, Timers
from rtmd.model.replace import replace
from rtmd.model.rule import StageName

PaceOf: TypeAlias = Callable[[GroupKey], Timers | None]


def group_key(route: Route, stage: StageName, labels: Labels) -> GroupKey:
    """The group of a firing with these exposed labels."""
    by = labels if route.group_by is None else only(labels, frozenset(route.group_by))
    return GroupKey(route.id, route.receiver, stage, by)


class Group:
    """Firings that one receiver is told of together."""

    def __init__(self, times: GroupTimes, timers: Timers) -> None:
        self.times = times
        self.timers = timers
        self.members: dict[str, None] = {}

    def __repr__(self) -> str:
        key = self.times.key
        return f"<Group {key.route} {key.stage} {len(self.members)} members, due {self.times.due}>"

    @property
    def key(self) -> GroupKey:
        """What it is the group of."""
        return self.times.key

    def call(self, at: int) -> bool:
        """Something is to be said as of `at`; whether that moved the next look."""
        due = at if self.times.sent_at is None else max(at, self.times.sent_at + self.timers.interval)
        if self.times.due is not None and self.times.due <= due:
            return False
        self.times = replace(self.times, due=due)
        return True

    def flushed(self, at: int, *, sent: bool, standing: bool, again: int | None) -> None:
        """It was looked at; the next look is the repetition, or `again`, unless something calls before."""
        times = self.times
        # What stands in a group that never spoke was told through another one: from now on this one repeats it.
        sent_at = at if sent or (standing and times.sent_at is None) else times.sent_at
        due = None if sent_at is None else sent_at + self.timers.repeat
        if due is not None and due <= at:  # overdue, and there was nobody to be told: muted, or in somebody's hands
            due = min(at + self.timers.repeat, again or at + self.timers.repeat)
        self.times = replace(times, flushed_at=at, sent_at=sent_at, count=times.count + sent, due=due)


class Groups:
    """All groups by key, and the order in which they are due.

    `changed` has the keys whose times want saving, `moved` the firings whose memberships do.
    """

    def __init__(self) -> None:
        self.changed: dict[GroupKey, None] = {}
        self.moved: dict[str, None] = {}
        self._groups: dict[GroupKey, Group] = {}
        self._of_firing: dict[str, dict[GroupKey, None]] = {}
        self._due: list[tuple[int, GroupKey]] = []
        self._before: dict[GroupKey, GroupTimes] = {}  # times of groups whose members are to enter again
        self.quiet_until = 0  # nobody is told anything before

    def __repr__(self) -> str:
        return f"<Groups {len(self._groups)}, {len(self._of_firing)} firings>"

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def get(self, key: GroupKey) -> Group | None:
        """The group of that key."""
        return self._groups.get(key)

    def of(self, firing_id: str) -> list[Group]:
        """The groups that a firing is in."""
        return [self._groups[key] for key in self._of_firing.get(firing_id, ())]

    def restore(self, times: Iterable[GroupTimes], memberships: Iterable[Membership], timers: PaceOf) -> None:
        """Take up the groups of an earlier run; `timers` gives the pace of a key, None where its route is gone."""
        known = {each.key: each for each in times}
        for membership in memberships:
            for key in membership.groups:
                pace = timers(key)
                if pace is not None:
                    self._join(membership.firing_id, key, known.get(key, GroupTimes(key)), pace)
                else:
                    self.moved[membership.firing_id] = None
        for key in known.keys() - self._groups.keys():
            self.changed[key] = None

    def settle(self) -> None:
        """Every member has entered again: times whose groups did not come back are gone."""
        self.changed.update(dict.fromkeys(self._before))
        self._before = {}

    def enter(self, firing: Firing, route: Route, labels: Labels, at: int, *, news: bool = True) -> Group:
        """A firing becomes a member of its group on this route; with `news` a look is called for."""
        key = group_key(route, firing.stage, labels)
        timers = route.timers(firing.stage)
        group = self._join(firing.id, key, self._before.pop(key, GroupTimes(key)), timers)
        self.moved[firing.id] = None
        if news:
            self.call(group, at + timers.wait)
        return group

    def _join(self, firing_id: str, key: GroupKey, times: GroupTimes, timers: Timers) -> Group:
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(times, timers)
            self._note(group)
        group.timers = timers
        group.members[firing_id] = None
        self._of_firing.setdefault(firing_id, {})[key] = None
        return group

    def call(self, group: Group, at: int) -> None:
        """Have a group looked at as of `at` (no sooner than its interval allows)."""
        if group.call(max(at, self.quiet_until)):
            self._note(group)

    def hasten(self, group: Group, at: int) -> None:
        """Have a group looked at at `at`, whatever its interval."""
        if group.times.due is None or group.times.due > at:
            group.times = replace(group.times, due=max(at, self.quiet_until))
            self._note(group)

    def leave(self, firing_id: str, group: Group) -> None:
        """A firing is no member any more; a group without members goes."""
        group.members.pop(firing_id, None)
        self.moved[firing_id] = None
        self._of_firing.get(firing_id, {}).pop(group.key, None)
        if not group.members:
            self._groups.pop(group.key, None)
            self.changed[group.key] = None

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        for group in self.of(firing_id):
            self.leave(firing_id, group)
        self._of_firing.pop(firing_id, None)

    def clear(self) -> None:
        """Another policy: all members are to enter again; times wait for groups that stay what they were."""
        self._before = {key: group.times for key, group in self._groups.items()}
        self.moved.update(dict.fromkeys(self._of_firing))
        self._groups, self._of_firing = {}, {}

    def shift(self, gap: int, *, quiet_until: int) -> None:
        """Nobody watched for `gap` ms: every time moves along, and no look comes before `quiet_until`."""
        self.quiet_until = quiet_until
        for group in self._groups.values():
            times = group.times
            group.times = replace(
                times,
                due=None if times.due is None else max(times.due + gap, quiet_until),
                flushed_at=None if times.flushed_at is None else times.flushed_at + gap,
                sent_at=None if times.sent_at is None else times.sent_at + gap,
            )
            self._note(group)

    def next_due(self) -> int | None:
        """When the next group is to be looked at."""
        while self._due:
            due, key = self._due[0]
            group = self._groups.get(key)
            if group is not None and group.times.due == due:
                return due
            heapq.heappop(self._due)  # superseded
        return None

    def take_due(self, at: int) -> list[Group]:
        """The groups whose look has come, in order of (time, key)."""
        found = []
        while (due := self.next_due()) is not None and due <= at:
            found.append(self._groups[heapq.heappop(self._due)[1]])
        return list(dict.fromkeys(found))

    def flushed(self, group: Group, at: int, *, sent: bool, standing: bool, again: int | None) -> None:
        """A group was looked at; `standing`: something in it is known; `again` is when somebody lets go of a firing."""
        group.flushed(at, sent=sent, standing=standing, again=again)
        self._note(group)

    def _note(self, group: Group) -> None:
        self.changed[group.key] = None
        if group.times.due is not None:
            heapq.heappush(self._due, (group.times.due, group.key))
