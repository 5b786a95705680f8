"""What was measured, and how it is shown: a table in Markdown with the ratios, one row a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from _systems import PEERS, RTMD, missing

_HEAD = ("what", RTMD, *PEERS, "rtmd is better by", "goal", "")


@dataclass(frozen=True)
class Goal:
    """A goal in words, and whether these values (by system) reach it; None: one of them is not here."""

    text: str
    met: Callable[[Mapping[str, float]], bool]


@dataclass(frozen=True)
class Figure:
    """One row: a value for each system that was measured; `alone` where the question is for rtmd only."""

    what: str
    unit: str
    values: Mapping[str, float]
    goal: Goal | None = None
    more: bool = False  # more is better
    alone: bool = field(default=False)

    def cells(self) -> list[str]:
        """The row's texts, in the order of the head."""
        shown = [self._value(name) for name in (RTMD, *PEERS)]
        return [self.what, *shown, self._ratios(), self.goal.text if self.goal else "", self._verdict()]

    def ratio(self, peer: str) -> float:
        """How many times better than that one."""
        ours, theirs = self.values[RTMD], self.values[peer]
        return ours / theirs if self.more else theirs / ours

    def _value(self, name: str) -> str:
        if name in self.values:
            return f"{_number(self.values[name])} {self.unit}".strip()
        return "–" if self.alone else f"not installed ({missing(name)})" if missing(name) else "–"

    def _ratios(self) -> str:
        found = [f"{self.ratio(peer):.1f} ×" for peer in PEERS if peer in self.values and self.values[RTMD]]
        return " / ".join(found)

    def _verdict(self) -> str:
        if self.goal is None:
            return ""
        try:
            return "met" if self.goal.met(self.values) else "missed"
        except KeyError:
            return "not compared"


def at_most(limit: float, unit: str) -> Goal:
    """As much as rtmd may need."""
    return Goal(f"≤ {_number(limit)} {unit}", lambda values: values[RTMD] <= limit)


def head() -> str:
    """The table's first two lines."""
    return f"{_row(_HEAD)}\n{_row(['---'] + ['---:'] * 4 + ['---'] * 2)}"


def rows(figures: Iterable[Figure]) -> str:
    """The lines of these figures."""
    return "\n".join(_row(figure.cells()) for figure in figures)


def show(figures: Iterable[Figure]) -> None:
    """A table by itself."""
    print(f"{head()}\n{rows(figures)}")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
