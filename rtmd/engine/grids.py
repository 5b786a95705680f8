"""Grids: which tables are judged at which times, and what is kept of that when rules are exchanged.

The tables of a grid are judged together (`fused`), which takes time to prepare: in proportion to all of them, and again
at their first grid point. An edit mostly changes a few conditions among thousands of rules; so a table takes the place
of its predecessor where both have the same signal, and only a grid that gets or loses signals is arranged anew.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import TypeAlias

from msgspec import Struct

from rtmd.engine.fused import FusedStages
from rtmd.engine.plan import Plans
from rtmd.engine.stage_table import StageTable
from rtmd.formats.batch import Ids
from rtmd.model.rule import Rule, StageName


class Running(Struct):
    """A rule at work."""

    rule: Rule
    tables: tuple[StageTable, ...]
    removed_at: int = 0  # orphaned since; 0: in force

    def table(self, stage: StageName) -> StageTable | None:
        """The table of one of its stages."""
        return next((table for table in self.tables if table.stage.name is stage), None)


Pair: TypeAlias = tuple[Running, StageTable]


class _Arrangement:
    """Tables by rule name and stage, found together."""

    def __init__(self, pairs: list[Pair], plans: Plans) -> None:
        self.pairs = pairs
        self.fused = FusedStages([table for _, table in pairs], plans.moment)

    def exchange(self, pair: Pair) -> bool:
        """Put this table in the place of its predecessor; False where it looks at something else."""
        place = bisect_left(self.pairs, by_stage(pair), key=by_stage)
        self.pairs[place] = pair
        return self.fused.exchange(place, pair[1])


class Grid:
    """The tables that are judged at the points of one grid, by rule name and stage."""

    def __init__(self, pairs: list[Pair], plans: Plans) -> None:
        eager = [pair for pair in pairs if pair[1].stage.eager]
        self.fallible = [pair for pair in pairs if pair[1].fallible]
        self._all = _Arrangement(pairs, plans)
        self._eager = self._all if len(eager) == len(pairs) else _Arrangement(eager, plans)

    def due(self, at: int) -> list[Pair]:
        """Those to judge at a point."""
        return [self._all.pairs[place] for place in self._all.fused.due(at)]

    def due_on_arrival(self, series: Ids, at: int) -> list[Pair]:
        """Those that are judged on arrival and of which an instance that these series feed may be met."""
        if not self._eager.pairs:
            return []
        return [self._eager.pairs[place] for place in self._eager.fused.due_on_arrival(series, at)]

    def exchange(self, old: Iterable[Pair], new: Collection[Pair]) -> bool:
        """Put `new` in the places of `old`; False, and no use any more, where it takes another arrangement."""
        if sorted(map(by_stage, old)) != sorted(map(by_stage, new)):
            return False
        if not all(map(self._all.exchange, new)):
            return False
        if self._eager is not self._all and not all(self._eager.exchange(pair) for pair in new if pair[1].stage.eager):
            return False
        self.fallible = [pair for pair in self._all.pairs if pair[1].fallible]
        return True


class Grids:
    """The tables of all rules in force, by grid."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self._grids: dict[int, Grid] = {}

    def __repr__(self) -> str:
        return f"<Grids of {sorted(self._grids)} ms>"

    def get(self, grid: int) -> Grid | None:
        """What is judged at the multiples of `grid` (ms), if anything is."""
        return self._grids.get(grid)

    def at(self, at: int) -> list[Grid]:
        """The grids of which `at` is a point."""
        return [judged for grid, judged in self._grids.items() if at % grid == 0]

    def next_points(self, after: int) -> list[int]:
        """The next point of each."""
        return [(after // grid + 1) * grid for grid in self._grids]

    def arrange(self, rules: Iterable[Running]) -> None:
        """Everything anew."""
        self._grids = {}
        self._arrange(_by_grid(rules))

    def exchange(self, old: Iterable[Running], new: Iterable[Running], rules: Iterable[Running]) -> None:
        """`old` went and `new` came; `rules` are all there are now, by name."""
        gone, come = _by_grid(old), _by_grid(new)
        stale = [
            grid
            for grid in sorted(gone.keys() | come.keys())
            if grid not in self._grids or not self._grids[grid].exchange(gone.get(grid, []), come.get(grid, []))
        ]
        if stale:
            self._grids = {grid: judged for grid, judged in self._grids.items() if grid not in stale}
            known = _by_grid(rules)
            self._arrange({grid: known[grid] for grid in stale if grid in known})

    def _arrange(self, pairs: dict[int, list[Pair]]) -> None:
        self._plans.moment.together.clear()  # of leaves that may be gone
        self._grids |= {grid: Grid(judged, self._plans) for grid, judged in pairs.items()}


def by_stage(pair: Pair) -> tuple[str, int]:
    """The order in which what is due at the same time is judged."""
    return pair[0].rule.name, pair[1].stage.name.rank


def _by_grid(rules: Iterable[Running]) -> dict[int, list[Pair]]:
    pairs: defaultdict[int, list[Pair]] = defaultdict(list)
    for running in rules:
        for table in running.tables:
            pairs[table.stage.grid].append((running, table))
    return dict(pairs)
