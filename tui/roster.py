"""The list behind the Live table: its rows, their order, the cursor and the marks.

The cursor is bound to a firing (or a group), never to a place. Three rules keep the target still:
1. The row under the cursor keeps its rank while the cursor is on it, whatever happens to it, and resolved rows
   keep theirs for the 30 s they are still shown.
2. For 3 s after a cursor key the order is held: new rows are put in, the others keep their order.
3. While the operator is at the keys, rows that come in above push others below the cursor's row, never that row
   down, so nothing new is out of sight either. It only goes up when rows above it leave, and not even then while
   the list can scroll instead. After 30 s without a key everything goes to where it belongs. In groups, rows that
   come in above scroll away upwards instead, and are counted there.

Frozen, nothing moves, comes or goes; what waits is counted. In a storm (more open firings than three screens hold)
rows are grouped by rule until two screens hold them again; `grouping` overrules that. Marks are bound to firings too.
It reads no clock: `mono` is monotonic ms.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from msgspec import Struct, field

from tui.arrange import group_id, grouped, in_order, rule_of
from tui.filter import Filter
from tui.members import Members, Sort
from tui.picture import Picture

HOLD = 3_000
ENGAGED = 30_000
STORM_SCREENS = 3
CALM_SCREENS = 2
_LONG_AGO = -1_000_000_000


class Grouping(Enum):
    """Whether rows are grouped by rule; AUTO: in a storm."""

    AUTO = "auto"
    ON = "grouped"
    OFF = "flat"


_NEXT = {Grouping.AUTO: Grouping.ON, Grouping.ON: Grouping.OFF, Grouping.OFF: Grouping.AUTO}


class Roster(Struct):
    """The rows."""

    order: list[str] = field(default_factory=list)
    cursor: str = ""
    top: int = 0  # index of the row on the first screen line
    height: int = 1
    show_silenced: bool = False
    filter: Filter = field(default_factory=Filter)
    sort: Sort = Sort.URGENCY
    grouping: Grouping = Grouping.AUTO
    grouped: bool = False
    unfolded: set[str] = field(default_factory=set)  # rules
    marks: set[str] = field(default_factory=set)
    held_until: int = _LONG_AGO
    forced_at: int = _LONG_AGO  # when the cursor last had to change its firing by itself
    members: Members = field(default_factory=Members)
    _frozen: frozenset[str] | None = None  # the firings that were there when it was frozen
    _anchor: str = ""  # where a range of marks begins
    _engaged_until: int = _LONG_AGO
    _places: dict[str, int] = field(default_factory=dict)
    _judged_by: tuple[object, ...] = ()
    _judged_cursor: str = ""
    _arranged: tuple[object, ...] = ()
    _ordered_by: tuple[object, ...] = ()
    _again: int = _LONG_AGO

    @property
    def hidden(self) -> int:
        """Silenced firings that are left out."""
        return len(self.members.hidden)

    @property
    def index(self) -> int:
        """The place of the cursor's row."""
        return self._places.get(self.cursor, 0)

    @property
    def target(self) -> str:
        """The firing that the cursor stands for: its own, or the most urgent of its group."""
        return self._first_of(self.cursor)

    @property
    def frozen(self) -> bool:
        """Nothing moves."""
        return self._frozen is not None

    @property
    def queued(self) -> int:
        """Firings that came while it was frozen."""
        return len(self.members.keys.keys() - self._frozen) if self._frozen is not None else 0

    def arrange(self, picture: Picture, mono: int) -> None:
        """Bring the rows up to date with the picture; costs nothing while nothing that matters changed."""
        if self._state(picture) == self._arranged and mono < self._again:
            return
        line, pinned = self.index - self.top, self.index
        self._judge(picture, mono)
        if self._frozen is None and self._sources(mono) != self._ordered_by:
            self._reorder(mono)
            self._places = {row_id: index for index, row_id in enumerate(self.order)}
            self._ordered_by = self._sources(mono)
        engaged = mono < self._engaged_until
        if self.cursor not in self._places:
            self._fall_back(pinned, mono)
        elif engaged and not (self.grouped or self.frozen) and self.index > pinned:
            self.order.insert(pinned, self.order.pop(self.index))
            self._places = {row_id: index for index, row_id in enumerate(self.order)}
        self._settle(line, engaged=engaged)
        kept = self.members.keys
        picture.forget(kept.keys() | self._frozen if self._frozen else kept.keys())
        if self.marks:
            self.marks &= picture.firings.keys()
        self._arranged = self._state(picture)
        # Tombstones and holds end by time alone.
        self._again = self.held_until if mono < self.held_until < mono + 1000 else mono + 1000

    def move(self, steps: int, mono: int) -> None:
        """Move the cursor by rows; it stops at the ends."""
        self.touch(mono)
        if not self.order:
            return
        place = min(max(self.index + steps, 0), len(self.order) - 1)
        self.cursor = self.order[place]
        self._uncover(place)

    def go_to(self, firing_id: str, mono: int) -> None:
        """Put the cursor on a firing, wherever it is."""
        self.touch(mono)
        self.cursor = firing_id

    def touch(self, mono: int, *, hold: bool = True) -> None:
        """Somebody is at the keys: hold the order, keep the screen still."""
        self._engaged_until = mono + ENGAGED
        if hold:
            self.held_until = mono + HOLD

    def refilter(self, wanted: Filter, picture: Picture, mono: int) -> None:
        """Show only what passes; a cursor on something else leaves it."""
        self.touch(mono, hold=False)
        self.filter = wanted
        firing = picture.firings.get(self.cursor)
        if wanted and firing is not None and not wanted.passes(firing):
            self.cursor = ""

    def resize(self, height: int) -> None:
        """The list has room for this many rows now."""
        self.height = max(1, height)
        self._uncover(self.index)

    def visible(self) -> list[str]:
        """The ids of the rows on the screen, top to bottom."""
        return self.order[self.top : self.top + self.height]

    def firings_of(self, row_id: str) -> list[str]:
        """The firings that a row stands for, the most urgent first."""
        rule = rule_of(row_id)
        if rule is None:
            return [row_id]
        return sorted(self.members.by_rule.get(rule, ()), key=self.members.keys.__getitem__)

    def is_inner(self, rule: str) -> bool:
        """Firings of this rule stand below its group."""
        return self.grouped and rule in self.unfolded and len(self.members.by_rule.get(rule, ())) > 1

    def _ids_of(self, row_id: str) -> Collection[str]:
        rule = rule_of(row_id)
        return [row_id] if rule is None else self.members.by_rule.get(rule, ())

    def fold(self) -> None:
        """Close the group that the cursor is on or in; in a flat list, group it first."""
        rule = self._rule_at(self.cursor)
        if rule is None:
            return
        if not self.grouped:
            self.grouping = Grouping.ON
        self.unfolded.discard(rule)
        if len(self.members.by_rule[rule]) > 1:
            self.cursor = group_id(rule)

    def unfold(self) -> None:
        """Open the group under the cursor."""
        rule = rule_of(self.cursor)
        if rule is not None:
            self.unfolded.add(rule)

    def regroup(self) -> Grouping:
        """Grouped always, never, in a storm, round and round; now, whatever is held."""
        self.grouping, self.held_until = _NEXT[self.grouping], _LONG_AGO
        return self.grouping

    def freeze(self) -> None:
        """Let nothing move, or everything again."""
        self._frozen = frozenset(self.members.keys) if self._frozen is None else None
        self._arranged = self._ordered_by = ()

    def mark(self) -> None:
        """Mark what the cursor is on, or take the marks away."""
        ids = set(self.firings_of(self.cursor)) & self.members.keys.keys()
        self.marks ^= ids if ids <= self.marks else ids - self.marks
        self._anchor = self.cursor

    def mark_range(self) -> None:
        """Mark all rows from the last one marked to the cursor."""
        ends = sorted((self._places.get(self._anchor, self.index), self.index))
        for row_id in self.order[ends[0] : ends[1] + 1]:
            self.marks |= set(self.firings_of(row_id))
        self.marks &= self.members.keys.keys()

    def mark_all(self) -> None:
        """Mark everything that is listed, or nothing."""
        listed = {one for row_id in self.order for one in self.firings_of(row_id)} & self.members.keys.keys()
        self.marks = set() if listed <= self.marks else listed

    def _state(self, picture: Picture) -> tuple[object, ...]:
        chosen = (self.filter, self.show_silenced, self.sort, self.grouping, len(self.unfolded))
        return (picture.shape, self.cursor, self.height, self.held_until, *chosen)

    def _sources(self, mono: int) -> tuple[object, ...]:
        """What the order is made from: while none of it changes, a key that moves the cursor orders nothing anew."""
        held = mono < self.held_until
        chosen = (self.grouping, self.height, frozenset(self.unfolded), rule_of(self.cursor))
        return (self.members.revision, held or self.cursor, mono < self._engaged_until, *chosen)

    def _judge(self, picture: Picture, mono: int) -> None:
        at = picture.moment(mono).at
        members = self.members
        rules = (self.filter, self.show_silenced, self.sort)
        if rules != self._judged_by:
            if self.sort is not members.sort:
                members.keys.clear()  # those of another order say nothing in this one
            members.filter, members.shows_silenced, members.sort = rules
            members.reset(picture, self.cursor, at)
            self._judged_by = rules
        else:
            if self.cursor != self._judged_cursor:
                picture.changed |= {*self._ids_of(self._judged_cursor), *self._ids_of(self.cursor)}
            members.judge(picture.changed, picture, self.cursor, at)
            members.bury(picture, self.cursor, at)
        picture.changed.clear()
        self._judged_cursor = self.cursor

    def _reorder(self, mono: int) -> None:
        held, members = mono < self.held_until, self.members
        rules = members.by_rule.items()
        self._regroup(len(members.keys), held=held)
        if not self.grouped:
            self.cursor = self._first_of(self.cursor)
            self.order = in_order(members.keys, self.order, held=held)
            return
        rule = self._rule_at(self.cursor)
        if rule is not None and rule_of(self.cursor) is None and len(members.by_rule[rule]) > 1:
            # A firing that somebody works on stays a row of its own; a cursor that nobody moved goes to the group.
            if mono < self._engaged_until:
                self.unfolded.add(rule)
            elif rule not in self.unfolded:
                self.cursor = group_id(rule)
        if rule_of(self.cursor) is not None and len(members.by_rule.get(rule or "", ())) == 1:
            self.cursor = self._first_of(self.cursor)
        tops = {group_id(name) if len(ids) > 1 else next(iter(ids)): members.first(name) for name, ids in rules}
        self.order = grouped(members.keys, members.by_rule, tops, self.order, unfolded=self.unfolded, held=held)

    def _regroup(self, rows: int, *, held: bool) -> None:
        if self.grouping is not Grouping.AUTO:
            self.grouped = self.grouping is Grouping.ON
        elif not held and self.height > 1:  # it is 1 until the list has been laid out
            screens = CALM_SCREENS if self.grouped else STORM_SCREENS
            self.grouped = rows > screens * self.height

    def _rule_at(self, row_id: str) -> str | None:
        rule = rule_of(row_id)
        if rule is not None:
            return rule if rule in self.members.by_rule else None
        return next((name for name, ids in self.members.by_rule.items() if row_id in ids), None)

    def _first_of(self, row_id: str) -> str:
        ids = self.firings_of(row_id) if rule_of(row_id) is not None else [row_id]
        return ids[0] if ids else ""

    def _fall_back(self, place: int, mono: int) -> None:
        """The cursor's row left the list: the one that took its place gets the cursor."""
        if self.cursor and self.order:
            self.forced_at = mono
        self.cursor = self.order[min(place, len(self.order) - 1)] if self.order else ""

    def _settle(self, line: int, *, engaged: bool) -> None:
        place = self.index
        if engaged:
            self.top = max(0, place - line)
        else:
            last = max(0, len(self.order) - self.height)
            self.top = 0 if place < self.height else min(max(0, place - line), last)
        self._uncover(place)

    def _uncover(self, place: int) -> None:
        self.top = max(0, min(max(self.top, place - self.height + 1), place))
