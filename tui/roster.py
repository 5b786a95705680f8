"""Which firings are rows, in which order, and which one the cursor is on.

The cursor is bound to a firing, never to a place. Three rules keep the target still:
1. The row under the cursor keeps its rank while the cursor is on it, whatever happens to it, and resolved rows
   keep theirs for the 30 s they are still shown.
2. For 3 s after a cursor key the order is held: new rows are put in, the others keep their order.
3. While the operator is at the keys, rows that come in above push others below the cursor's row, never that row
   down, so nothing new is out of sight either. It only goes up when rows above it leave, and not even then while
   the list can scroll instead. After 30 s without a key everything goes to where it belongs.
It reads no clock: `mono` is monotonic ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tui.filter import Filter
from tui.picture import Picture
from tui.states import Condition, Urgency, condition, urgency

HOLD = 3_000
ENGAGED = 30_000
TOMBSTONE = 30_000
_LONG_AGO = -1_000_000_000


@dataclass(slots=True)
class Roster:
    """The list behind the Live table."""

    order: list[str] = field(default_factory=list)
    cursor: str = ""
    top: int = 0  # index of the row on the first screen line
    height: int = 1
    show_silenced: bool = False
    filter: Filter = field(default_factory=Filter)
    held_until: int = _LONG_AGO
    forced_at: int = _LONG_AGO  # when the cursor last had to change its firing by itself
    hidden: int = 0  # silenced firings left out
    _engaged_until: int = _LONG_AGO
    _keys: dict[str, Urgency] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)
    _arranged: tuple[object, ...] = ()
    _again: int = _LONG_AGO

    def arrange(self, picture: Picture, mono: int) -> None:
        """Bring the rows up to date with the picture; costs nothing while nothing that matters changed."""
        state = (picture.shape, self.cursor, self.filter, self.show_silenced, self.height, self.held_until)
        if state == self._arranged and mono < self._again:
            return
        line, pinned = self.index - self.top, self.index
        wanted = self._wanted(picture, mono)
        self._rank(picture, wanted)
        if mono < self.held_until:
            self._insert([firing_id for firing_id in self.order if firing_id in wanted], wanted)
        else:
            self.order = sorted(wanted, key=self._keys.__getitem__)
        engaged = mono < self._engaged_until
        if engaged and self.cursor in self.order[pinned + 1 :]:
            self.order.remove(self.cursor)
            self.order.insert(pinned, self.cursor)
        self._places = {firing_id: index for index, firing_id in enumerate(self.order)}
        if self.cursor not in wanted:
            self._fall_back(pinned, mono)
        self._settle(line, engaged=engaged)
        picture.forget(wanted)
        self._arranged = (picture.shape, self.cursor, self.filter, self.show_silenced, self.height, self.held_until)
        # Tombstones and holds end by time alone.
        self._again = self.held_until if mono < self.held_until < mono + 1000 else mono + 1000

    @property
    def index(self) -> int:
        """The place of the cursor's row."""
        return self._places.get(self.cursor, 0)

    def move(self, steps: int, mono: int) -> None:
        """Move the cursor by rows; it stops at the ends."""
        self.touch(mono)
        if not self.order:
            return
        place = min(max(self.index + steps, 0), len(self.order) - 1)
        self.cursor = self.order[place]
        self._uncover(place)

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

    def _wanted(self, picture: Picture, mono: int) -> set[str]:
        at = picture.moment(mono).at
        shows_silenced = self.show_silenced or self.filter.wants_silenced
        wanted: set[str] = set()
        self.hidden = 0
        for firing_id, firing in picture.firings.items():
            state = condition(firing)
            if self.filter and not self.filter.passes(firing) and firing_id != self.cursor:
                continue
            if state is Condition.SILENCED and not shows_silenced and firing_id != self.cursor:
                self.hidden += 1
                continue
            over = state is Condition.OK and at - (firing.resolved_at or 0) >= TOMBSTONE
            if not over or firing_id == self.cursor:
                wanted.add(firing_id)
        return wanted

    def _rank(self, picture: Picture, wanted: set[str]) -> None:
        keys: dict[str, Urgency] = {}
        for firing_id in wanted:
            firing = picture.firings[firing_id]
            known = self._keys.get(firing_id)
            stays = firing_id == self.cursor or condition(firing) is Condition.OK
            keys[firing_id] = known if known is not None and stays else urgency(firing)
        self._keys = keys

    def _insert(self, held: list[str], wanted: set[str]) -> None:
        """Put new rows before the first held one that is less urgent."""
        for firing_id in sorted(wanted - set(held), key=self._keys.__getitem__):
            key = self._keys[firing_id]
            place = next((index for index, other in enumerate(held) if self._keys[other] > key), len(held))
            held.insert(place, firing_id)
        self.order = held

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
