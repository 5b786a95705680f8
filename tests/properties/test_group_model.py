"""Groups and looks against the plain reading of semantics S6: when is a group told, and of what.

The model keeps every wish for a look since the last one and asks each second whether one of them has come. What is
told is read off what the receiver knows. Between any two events the groups may be put down and taken up again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from rtmd.alerting.flush import Member, Verdict, look
from rtmd.alerting.groups import Groups
from rtmd.model.firing import Firing
from rtmd.model.group import GroupKey, GroupTimes, Membership
from rtmd.model.policy import Route, Timers
from rtmd.model.reaction import NotifyReason, Told
from rtmd.model.replace import replace
from rtmd.model.rule import Kind, Severity, StageName

WAIT, INTERVAL, REPEAT = 3, 7, 20
ROUTE = Route("route", "desk", group_by=("rule",), wait=WAIT, interval=INTERVAL, repeat=REPEAT)
LABELS = (("rule", "r"),)
NAMES = "abcd"
END = 90

Words: TypeAlias = list[tuple[str, Told]]
Message: TypeAlias = tuple[int, NotifyReason, Words]


@dataclass(frozen=True)
class Event:
    """At a second: a firing opens, resolves or is let go by what muted it; or the groups are taken up again."""

    at: int
    what: str
    who: str


@dataclass
class Facts:
    """What is true of the firings, and what the receiver knows, for both sides alike."""

    firings: dict[str, Firing] = field(default_factory=dict)
    muted: set[str] = field(default_factory=set)
    told: dict[str, Told] = field(default_factory=dict)

    def know(self, says: Words) -> None:
        self.told.update(says)


def opened(name: str, at: int) -> Firing:
    seconds = StageName.SECONDS
    return Firing(name, 1, "r", (("i", name),), Kind.HEALTH, "t", Severity.INFO, seconds, (), active_at=at, fired_at=at)


class Plain:
    """The model: all wishes of one group."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.members: list[str] = []
        self.wishes: set[int] = set()
        self.sent_at: int | None = None
        self.looked = False

    def wish(self, at: int) -> None:
        self.wishes.add(at if self.sent_at is None else max(at, self.sent_at + INTERVAL))

    def take(self, event: Event) -> None:
        facts, who = self.facts, event.who
        match event.what:
            case "open" | "open muted":
                facts.firings[who] = opened(who, event.at)
                facts.muted |= {who} if event.what == "open muted" else set()
                self.members.append(who)
                self.wish(event.at + WAIT)
            case "resolve":
                facts.firings[who] = replace(facts.firings[who], resolved_at=event.at)
                self.wish(event.at)
            case "let go":
                facts.muted.discard(who)
                if facts.told.get(who) is Told.WITHHELD and self.looked:
                    self.wishes.add(event.at)
            case _:
                pass

    def tick(self, at: int) -> Message | None:
        """What is said at this second, if anything."""
        if not any(wish <= at for wish in self.wishes):
            return None
        facts = self.facts
        self.wishes, self.looked = set(), True
        is_open = [each for each in self.members if facts.firings[each].open]
        over = [each for each in self.members if not facts.firings[each].open]
        known = [each for each in is_open if facts.told.get(each) in (Told.FIRING, Told.STILL_FIRING)]
        muted = [each for each in is_open if each in facts.muted and each not in known]
        news = [each for each in is_open if each not in known and each not in muted]
        ended = [each for each in over if facts.told.get(each) in (Told.FIRING, Told.STILL_FIRING)]
        self.members = is_open
        first = self.sent_at is None
        reason = None
        if news:
            reason = NotifyReason.FIRST if first else NotifyReason.NEW
        elif ended:
            reason = NotifyReason.SOME_RESOLVED if known or muted else NotifyReason.ALL_RESOLVED
        elif known and self.sent_at is not None and at >= self.sent_at + REPEAT:
            reason = NotifyReason.REPEAT
        late = {each: facts.told.get(each) is Told.WITHHELD for each in news}
        says = [(each, Told.RESOLVED) for each in ended]
        says += [(each, Told.STILL_FIRING if late[each] else Told.FIRING) for each in news]
        facts.know([(each, Told.WITHHELD) for each in muted] + says)
        if not self.members:
            self.sent_at = None  # the group is gone
            return (at, reason, sorted(says)) if reason else None
        if reason:
            self.sent_at = at
        if self.sent_at is not None:
            due = self.sent_at + REPEAT
            self.wishes.add(due if due > at else at + REPEAT)
        if reason is NotifyReason.REPEAT:
            says = [(each, Told.STILL_FIRING) for each in known]
        return (at, reason, sorted(says)) if reason else None


class Real:
    """`Groups` and `look`, with a store that is told what changed."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.groups = Groups()
        self.times: dict[GroupKey, GroupTimes] = {}
        self.memberships: dict[str, Membership] = {}

    def take(self, event: Event) -> None:
        facts, who = self.facts, event.who
        match event.what:
            case "open" | "open muted":
                facts.firings[who] = opened(who, event.at)
                facts.muted |= {who} if event.what == "open muted" else set()
                self.groups.enter(facts.firings[who], ROUTE, LABELS, event.at)
            case "resolve":
                facts.firings[who] = replace(facts.firings[who], resolved_at=event.at)
                for group in self.groups.of(who):
                    self.groups.call(group, event.at)
            case "let go":
                facts.muted.discard(who)
                for group in self.groups.of(who) if facts.told.get(who) is Told.WITHHELD else ():
                    if group.times.flushed_at is not None:
                        self.groups.hasten(group, event.at)
            case _:
                self.save()
                self.groups = Groups()
                pace = Timers(WAIT, INTERVAL, REPEAT)
                self.groups.restore(self.times.values(), self.memberships.values(), lambda _: pace)
        self.save()

    def save(self) -> None:
        for key in self.groups.changed:
            group = self.groups.get(key)
            if group:
                self.times[key] = group.times
            else:
                self.times.pop(key, None)
        for name in self.groups.moved:
            self.memberships[name] = Membership(name, tuple(group.key for group in self.groups.of(name)))
        self.groups.changed.clear()
        self.groups.moved.clear()

    def tick(self, at: int) -> Message | None:
        due = self.groups.take_due(at)
        if not due:
            return None
        (group,) = due
        facts, sent_at = self.facts, group.times.sent_at
        verdict = Verdict("silenced", "silenced")
        found = look(
            [Member(facts.firings[each], facts.told.get(each)) for each in group.members],
            lambda firing: verdict if firing.id in facts.muted else None,
            lambda _: False,
            told_before=sent_at is not None,
            overdue=sent_at is not None and at - sent_at >= REPEAT,
        )
        says = [(firing.id, told) for firing, told in found.says]
        facts.know([(firing.id, Told.WITHHELD) for firing, _ in found.withheld] + says)
        if found.reason is NotifyReason.REPEAT:
            says = [(firing.id, Told.STILL_FIRING) for firing in found.standing]
        self.groups.flushed(group, at, sent=found.reason is not None, standing=found.stands, again=None)
        for firing in found.gone:
            self.groups.leave(firing.id, group)
        self.save()
        return (at, found.reason, sorted(says)) if found.reason else None


@st.composite
def nights(draw: st.DrawFn) -> list[Event]:
    """Every firing opens and mostly resolves; what is muted is mostly let go in between."""
    events = [Event(at, "restart", "") for at in draw(st.lists(st.integers(0, END), max_size=3))]
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        at = draw(st.integers(0, 40))
        muted = draw(st.booleans())
        events.append(Event(at, "open muted" if muted else "open", name))
        free = at + draw(st.integers(0, 30))
        events += [Event(free, "let go", name)] if muted and draw(st.booleans()) else []
        events += [Event(free + draw(st.integers(0, 30)), "resolve", name)] if draw(st.booleans()) else []
    return sorted(events, key=lambda event: event.at)


def played(side: Plain | Real, events: Sequence[Event]) -> list[Message]:
    messages = []
    for at in range(END):
        for event in events:
            if event.at == at:
                side.take(event)
        said = side.tick(at)
        messages += [said] if said else []
    return messages


@settings(max_examples=300)
@given(nights())
def test_a_group_is_told_when_and_of_what_the_reading_says(events: list[Event]) -> None:
    assert played(Real(), events) == played(Plain(), events)


@given(nights())
def test_whoever_hears_the_beginning_hears_the_end_and_nobody_else_does(events: list[Event]) -> None:
    heard = [word for _, reason, says in played(Real(), events) if reason is not NotifyReason.REPEAT for word in says]
    for name in NAMES:
        words = [told for who, told in heard if who == name]
        over = next((event.at for event in events if (event.what, event.who) == ("resolve", name)), END)
        ends = [Told.RESOLVED] if words and over + INTERVAL < END else words[1:]
        assert words[1:] == ends
        assert words[:1] in ([], [Told.FIRING], [Told.STILL_FIRING])
