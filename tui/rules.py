"""The list behind the Rules screen: what the daemon said of its rules, in the order of the noise board."""

from __future__ import annotations

from msgspec import Struct, field

from rtmd.wire.noise import NoiseView, RuleNoiseView
from rtmd.wire.rules import ReloadView, RuleView
from tui.rowlist import RowList

DAYS = (7, 30, 1)  # whose noise is shown, in the order of the key that changes it


class Row(Struct, frozen=True):
    """One rule: what it does now, and how noisy it was (None: nothing is known yet)."""

    rule: RuleView
    noise: RuleNoiseView | None


class RuleList(RowList[Row]):
    """Rules, noise, and the latest reload, as of the last answers."""

    rules: list[RuleView] = field(default_factory=list)
    noise: NoiseView | None = None
    reload: ReloadView | None = None
    days: int = DAYS[0]

    def take(self, rules: list[RuleView], noise: NoiseView, reload: ReloadView) -> None:
        """What the daemon answered."""
        self.rules, self.noise, self.reload = rules, noise, reload

    def everything(self) -> list[Row]:
        """The rules by their noise; those that nobody ranked by name."""
        known = {each.rule: each for each in self.noise.rules} if self.noise else {}
        order = {name: number for number, name in enumerate(known)}
        ranked = sorted(self.rules, key=lambda rule: (order.get(rule.name, len(order)), rule.name))
        return [Row(rule, known.get(rule.name)) for rule in ranked]

    def key_of(self, row: Row) -> str:
        """Its name."""
        return row.rule.name
