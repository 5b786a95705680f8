"""One stage of a rule: its keys, the rule's where it has none, the defaults of the file below both.

A stage's signal is parsed twice where a shorter window must agree: once with `$window` = window, once with
`$window` = recent. Errors inside an expression stand at their own character.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from msgspec import Struct

from rtmd.errors import PromqlError
from rtmd.model.duration import show_duration
from rtmd.model.expr import Expr, Selector, kind_of
from rtmd.model.functions import Kind
from rtmd.model.replace import replace
from rtmd.model.rule import GRID, HOUR, MINUTE, SECOND, SEVERITY, NoData, Stage, StageName
from rtmd.model.tiers import grid_for
from rtmd.model.title import title_problem
from rtmd.promql import has_window, parse, show
from rtmd.rulefile.condition import CONDITIONS, read_condition, read_hold, read_within
from rtmd.rulefile.cost import too_dear
from rtmd.rulefile.recipe import recipe_text
from rtmd.rulefile.table import Table

OVERRIDES = frozenset(
    {"signal", "guard", "within", "unit", "title", "coverage", "no_data", "no_data_limit", "flapping"}
)
STAGE_ONLY = frozenset(
    {
        "window",
        "clear",
        "for",
        "keep",
        "severity",
        "notify",
        "run",
        "propose",
        "expires",
        "escalate",
        "judge",
        "recent",
        "every",
        *CONDITIONS,
    }
)

# How long a proposal may wait (semantics S10).
_EXPIRES = {StageName.SECONDS: 15 * MINUTE, StageName.MINUTES: HOUR, StageName.HOURS: 24 * HOUR}
_RECENT_PART = 12  # of the window
_RAREST = 24 * HOUR  # between two evaluations
_KEPT = 24 * HOUR  # without data
_KEPT_WHEN_LEFT = 15 * MINUTE  # and the source still delivers
_PROBE = 60_000  # any window will do to look at an expression


@lru_cache(maxsize=1 << 14)
def _parse(text: str, window: int | None) -> Expr:
    """Remembered: an edited file has mostly signals that stood in it before. They are in use, and cost no memory."""
    return parse(text, window=window)


class _Signal(Struct, frozen=True):
    """A signal or guard as written: its text and where it stands; with a `recipe` the text is ours."""

    table: Table
    key: str
    text: str
    windowed: bool
    recipe: Table | None = None

    def over(self, recent: int, window: int) -> _Signal:
        """The same signal for a shorter window."""
        text = recipe_text(self.recipe, shorter=window / recent) if self.recipe else None
        return self if text is None else replace(self, text=text)

    def parse(self, window: int | None) -> Expr | None:
        """The tree, or None with the problem recorded at its character."""
        try:
            expr = _parse(self.text, window)
        except PromqlError as error:
            self._record(error)
            return None
        if kind_of(expr) is not Kind.VECTOR:
            self.table.wrong(self.key, f"is only a {kind_of(expr)}: it needs a metric")
            return None
        return expr

    def refuse_dear(self, expr: Expr, grid: int) -> None:
        """Record what would cost more memory than a series may."""
        problem = too_dear(expr, grid)
        if problem is not None:
            self._record(problem)

    def _record(self, error: PromqlError) -> None:
        problem = f"{self.table.name(self.key)}: {error.problem}"
        path, document = (*self.table.path, self.key), self.table.document
        place = document.value(path, problem) if self.recipe else document.inside(path, error.offset, problem)
        self.table.problems.append(place)


def read_stage(name: StageName, tables: tuple[Table, ...]) -> Stage | None:
    """The stage; `tables` are its own table and those it inherits from, nearest first. None if it has no signal."""
    own = tables[0]
    signal, guard = _signal(tables, "signal"), _signal(tables, "guard")
    if signal is None:
        if not any("signal" in table for table in tables):
            own.broken("signal is missing")
        return None
    window, recent = _windows(own, name, signal=signal, guard=guard)
    expr = signal.parse(window) if window or not signal.windowed else signal.parse(_PROBE)
    aside = signal.over(recent, window).parse(recent) if recent and window else None
    guarded = None if guard is None else guard.parse(window or _PROBE)
    grid = _grid(own, name, [each for each in (expr, aside, guarded) if each])
    condition, hold = read_condition(own), read_hold(own)
    texts = _texts(tables)
    limit = _holder(tables, "no_data_limit").duration("no_data_limit", 0, least=SECOND)
    if expr is None:
        return None
    stage = Stage(
        name=name,
        signal=expr,
        signal_text=show(expr),
        condition=condition,
        hold=hold,
        severity=own.choice("severity", SEVERITY[name]),
        grid=grid,
        window=window,
        recent=recent,
        recent_signal=aside,
        guard=guarded,
        guard_text="" if guarded is None else show(guarded),
        within=read_within(_holder(tables, "within"), hold),
        keep=own.duration("keep", 0),
        coverage=_coverage(tables),
        no_data=_holder(tables, "no_data").choice("no_data", NoData.KEEP),
        no_data_limit=limit or _KEPT,
        left_limit=limit or _KEPT_WHEN_LEFT,
        judge=own.switch("judge", default=True),
        flapping=_holder(tables, "flapping").switch("flapping", default=True),
        notify=own.texts("notify"),
        run=own.texts("run") or (),
        escalate=own.text("escalate"),
        propose=own.texts("propose") or (),
        expires=_expires(own, name),
        title=texts["title"],
        unit=texts["unit"],
        line=own.line(),
    )
    signal.refuse_dear(expr, stage.bucket_grid)
    if guard is not None and guarded is not None:
        guard.refuse_dear(guarded, stage.bucket_grid)
    return stage


def _expires(own: Table, name: StageName) -> int:
    if "expires" in own and "propose" not in own:
        own.misplaced("expires", "is for proposals: the stage has no propose")
    return own.duration("expires", _EXPIRES[name], least=SECOND)


def _grid(own: Table, name: StageName, exprs: list[Expr]) -> int:
    """How often the stage is judged: as it says, or as its long windows ask for; on arrival stays on arrival."""
    every = own.duration("every", GRID[name], least=SECOND, most=_RAREST)
    return every if "every" in own or name is StageName.SECONDS else grid_for(every, exprs)


def _holder(tables: tuple[Table, ...], key: str) -> Table:
    """The nearest table that has the key."""
    return next((table for table in tables if key in table), tables[0])


def _signal(tables: tuple[Table, ...], key: str) -> _Signal | None:
    table = _holder(tables, key)
    value: Any = table.content.get(key)
    if isinstance(value, dict) and key == "signal":
        recipe = table.table(key)
        text = recipe_text(recipe) if recipe else None
        return None if text is None else _Signal(table, key, text, windowed=True, recipe=recipe)
    if value is None:
        return None
    text = table.text(key)
    if not text.strip():
        if isinstance(value, str):
            table.wrong(key, "must not be empty")
        return None
    return _Signal(table, key, text, has_window(text))


def _windows(own: Table, name: StageName, *, signal: _Signal, guard: _Signal | None) -> tuple[int | None, int | None]:
    """The window and the recent window of a stage, held against what its expressions ask for."""
    windowed = signal.windowed or (guard is not None and guard.windowed)
    if "window" not in own:
        if windowed:
            own.broken("window is missing: the signal is measured over $window")
        if "recent" in own:
            own.misplaced("recent", "needs a window and $window in the signal")
        return None, None
    window = own.duration("window", 0, least=1)
    if not windowed:
        own.misplaced("window", f"is given, but the signal has no $window: write {_proposal(signal)}")
        return window or None, None
    return window or None, _recent(own, name, window) if signal.windowed else None


def _proposal(signal: _Signal) -> str:
    try:
        plain = isinstance(parse(signal.text), Selector)
    except PromqlError:
        plain = False
    return f"avg_over_time({signal.text.strip() if plain else '…'}[$window])"


def _recent(own: Table, name: StageName, window: int) -> int | None:
    value = own.content.get("recent")
    if value == "off" or not window:
        return None
    if value is None:
        return None if name is StageName.SECONDS else max(1, window // _RECENT_PART)
    recent = own.length_of("recent", value, 0, least=1)
    if recent > window:
        own.wrong("recent", f"must be shorter than window = {show_duration(window)}")
        return None
    return recent or None


def _texts(tables: tuple[Table, ...]) -> dict[str, str]:
    texts = {key: _holder(tables, key).text(key) for key in ("title", "unit")}
    problem = title_problem(texts["title"])
    if problem:
        _holder(tables, "title").wrong("title", problem)
    texts["title"] = texts["title"] or str(tables[-2].path[-1])  # the rule's name
    return texts


def _coverage(tables: tuple[Table, ...]) -> float:
    table = _holder(tables, "coverage")
    coverage = table.number("coverage")
    if coverage is not None and not 0 <= coverage <= 1:
        table.wrong("coverage", "must be between 0 and 1")
    return 0.5 if coverage is None else coverage
