"""The list behind the Rules screen: what the daemon said of its rules, in the order of the noise board.

The cursor is on a rule, not on a line: when new answers bring another order, it stays on its rule, and its rule on its
line while there are rows enough. Plain state without Textual; it reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rtmd.wire.noise import NoiseView, RuleNoiseView
from rtmd.wire.rules import ReloadView, RuleView

DAYS = (7, 30, 1)  # whose noise is shown, in the order of the key that changes it


@dataclass(frozen=True, slots=True)
class Row:
    """One rule: what it does now, and how noisy it was (None: nothing is known yet)."""

    rule: RuleView
    noise: RuleNoiseView | None


@dataclass(slots=True)
class RuleList:
    """Rules, noise, and the latest reload, as of the last answers."""

    rules: list[RuleView] = field(default_factory=list)
    noise: NoiseView | None = None
    reload: ReloadView | None = None
    problem: str = ""  # why there was no answer
    asked: int | None = None  # mono of the latest question
    days: int = DAYS[0]
    filter: str = ""
    cursor: str = ""
    top: int = 0
    height: int = 1
    rows: list[Row] = field(default_factory=list)

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor."""
        return next((row for row in self.rows if row.rule.name == self.cursor), None)

    @property
    def index(self) -> int:
        """The place of the cursor's row."""
        return next((place for place, row in enumerate(self.rows) if row.rule.name == self.cursor), 0)

    def take(self, rules: list[RuleView], noise: NoiseView, reload: ReloadView) -> None:
        """What the daemon answered."""
        self.rules, self.noise, self.reload, self.problem = rules, noise, reload, ""

    def arrange(self, height: int, words: Callable[[Row], str]) -> None:
        """Put the rows in order; `words` is what the filter looks into."""
        line, place = self.index - self.top, self.index
        known = {each.rule: each for each in self.noise.rules} if self.noise else {}
        order = {name: number for number, name in enumerate(known)}
        ranked = sorted(self.rules, key=lambda rule: (order.get(rule.name, len(order)), rule.name))
        rows = [Row(rule, known.get(rule.name)) for rule in ranked]
        wanted = self.filter.casefold().split()
        self.rows = [row for row in rows if all(word in words(row).casefold() for word in wanted)]
        self.height = max(1, height)
        if not any(row.rule.name == self.cursor for row in self.rows):
            self.cursor = self.rows[min(place, len(self.rows) - 1)].rule.name if self.rows else ""
        self.top = max(0, min(self.index - line, len(self.rows) - self.height))
        self._uncover()

    def move(self, steps: int) -> None:
        """Move the cursor by rows; it stops at the ends."""
        if self.rows:
            self.cursor = self.rows[min(max(0, self.index + steps), len(self.rows) - 1)].rule.name
            self._uncover()

    def point(self, line: int) -> None:
        """The cursor goes to the row on this line of the screen, if there is one."""
        if self.top + line < len(self.rows):
            self.cursor = self.rows[self.top + line].rule.name

    def visible(self) -> list[Row]:
        """The rows on the screen."""
        return self.rows[self.top : self.top + self.height]

    def _uncover(self) -> None:
        self.top = max(0, min(max(self.top, self.index - self.height + 1), self.index))
