"""Rules as values: a graded reaction protocol, checked and complete, with every default filled in.

`rulefile` makes them from files and is the only place that knows about defaults and spelling; from here on a
rule is trusted. A rule's name is its identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from rtmd.model.expr import Expr
from rtmd.model.labels import Labels
from rtmd.model.mark import Within

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

ORPHANED_FOR = MINUTE  # semantics S11: the firings of a removed rule resolve after this


class StageName(StrEnum):
    """The three reaction times, in rising order."""

    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"

    @property
    def rank(self) -> int:
        """0, 1, 2."""
        return STAGES.index(self)


STAGES = (StageName.SECONDS, StageName.MINUTES, StageName.HOURS)

# How often a stage is judged (design §4): grid points are the multiples of this since the epoch.
GRID: Mapping[StageName, int] = {
    StageName.SECONDS: SECOND,
    StageName.MINUTES: 5 * SECOND,
    StageName.HOURS: MINUTE,
}


class Kind(StrEnum):
    """What a rule watches for: changes wording and ordering."""

    OPPORTUNITY = "opportunity"
    RISK = "risk"
    HEALTH = "health"
    NO_DATA = "no_data"  # of a firing, whatever its rule's: its feed died


class Severity(StrEnum):
    """How bad it is, in rising order."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0, 1, 2."""
        return (Severity.INFO, Severity.WARNING, Severity.CRITICAL).index(self)


# What a stage has unless it says.
SEVERITY: Mapping[StageName, Severity] = dict(zip(StageName, Severity, strict=True))


class NoData(StrEnum):
    """What happens to an instance whose series stopped (semantics S3)."""

    KEEP = "keep"
    RESOLVE = "resolve"
    ZERO = "zero"
    FIRE = "fire"


class Comparison(StrEnum):
    """How a value is held against a threshold; RESULT fires where the signal has a result at all."""

    ABOVE = "above"
    AT_LEAST = "at_least"
    BELOW = "below"
    AT_MOST = "at_most"
    OUTSIDE = "outside"
    RESULT = "result"


class Condition(Struct, frozen=True):
    """When a stage fires and when it clears.

    `threshold` is the number of the first four comparisons; `low` and `high` bound OUTSIDE. `clear` is the level
    at which a firing stage ends (value ≤ clear for above/at_least, ≥ clear for below/at_most); None: as soon as
    the condition is false. OUTSIDE clears inside [clear_low, clear_high] when those are given.
    """

    comparison: Comparison
    threshold: float = 0.0
    low: float = 0.0
    high: float = 0.0
    clear: float | None = None
    clear_low: float | None = None
    clear_high: float | None = None

    def __str__(self) -> str:
        match self.comparison:
            case Comparison.RESULT:
                return "has a result"
            case Comparison.OUTSIDE:
                return f"outside [{self.low:g}, {self.high:g}]"
            case _:
                return f"{_SIGNS[self.comparison]} {self.threshold:g}"


_SIGNS = {
    Comparison.ABOVE: ">",
    Comparison.AT_LEAST: "≥",
    Comparison.BELOW: "<",
    Comparison.AT_MOST: "≤",
}


class Hold(Struct, frozen=True):
    """How long a condition must hold before the stage fires.

    Either `duration` ms, or `count` true grid points out of the last `of` (count = of: in a row).
    """

    duration: int = 0
    count: int = 0
    of: int = 0


class Stage(Struct, frozen=True):
    """One reaction time of a rule."""

    name: StageName
    signal: Expr
    signal_text: str  # with $window replaced: what people see in evidence and --explain
    condition: Condition
    hold: Hold
    severity: Severity
    grid: int
    window: int | None = None  # ms; None when the signal has no $window
    recent: int | None = None  # ms of the shorter window that must agree; None: dropped
    recent_signal: Expr | None = None  # the signal with $window = recent
    guard: Expr | None = None
    guard_text: str = ""
    within: Within | None = None  # judged only that long after a mark
    keep: int = 0
    coverage: float = 0.5
    no_data: NoData = NoData.KEEP
    no_data_limit: int = 24 * HOUR  # ms that a stage without data is kept firing
    left_limit: int = 15 * MINUTE  # the same where its sources still deliver, without it
    judge: bool = True
    flapping: bool = True  # that it comes and goes is noticed, and keeps it quiet
    notify: tuple[str, ...] | None = None  # None: the route tree; "@route" among them: the tree too
    run: tuple[str, ...] = ()
    escalate: str = ""  # who is told one after the other while nobody has it
    propose: tuple[str, ...] = ()
    expires: int = 0  # ms after the firing's onset that its proposals die
    title: str = ""
    unit: str = ""
    line: int = 0

    @property
    def eager(self) -> bool:
        """Judged on arrival too (design §4): seconds stages, unless the rule names a grid of its own."""
        return self.name is StageName.SECONDS and self.grid == GRID[self.name]

    @property
    def looks_at(self) -> tuple[Expr | None, ...]:
        """All that it reads, windows included: with another value of this it sees something else."""
        return (self.signal, self.recent_signal, self.guard)

    @property
    def earliest(self) -> int:
        """How long its condition has to be true at least, in ms, before it fires."""
        return self.hold.duration or max(0, self.hold.count - 1) * self.grid

    @property
    def bucket_grid(self) -> int:
        """The grid whose multiples are all that long windows need to be exact at (`model.tiers`); 0: they do not."""
        return 0 if self.eager else self.grid


class Rule(Struct, frozen=True):
    """A rule with its stages in rising order (at least one)."""

    name: str
    title: str
    stages: tuple[Stage, ...]
    kind: Kind = Kind.HEALTH
    owner: str = ""
    links: tuple[tuple[str, str], ...] = ()
    labels: Labels = ()
    reopen: int = 0
    shadow: bool = False
    file: str = ""
    line: int = 0

    def stage(self, name: StageName) -> Stage | None:
        """The stage of that name, if the rule has it."""
        return next((stage for stage in self.stages if stage.name is name), None)

    def following(self, name: StageName) -> Stage | None:
        """The next longer stage of the rule: the one that judges `name`."""
        return next((stage for stage in self.stages if stage.name.rank > name.rank), None)


class Correlation(Struct, frozen=True):
    """A rule over firings (semantics S8): `all` of these rules fire, and `none` of those, for the same values of `on`.

    Only firings at stage `at_least` or higher count among `all`; all of them do among `none`. Its name stands for it
    as a rule's does.
    """

    name: str
    title: str
    all: tuple[str, ...]
    none: tuple[str, ...] = ()
    on: tuple[str, ...] = ()  # sorted; without any, whatever their labels
    at_least: StageName = StageName.SECONDS
    notify: tuple[str, ...] | None = None  # as of a stage
    brake: tuple[str, ...] = ()  # actions that wait while it fires, where its labels hold
    severity: Severity | None = None  # None: by the stage
    kind: Kind = Kind.HEALTH
    owner: str = ""
    links: tuple[tuple[str, str], ...] = ()
    labels: Labels = ()
    reopen: int = 0
    shadow: bool = False
    file: str = ""
    line: int = 0

    @property
    def met(self) -> str:
        """That it fires, in words."""
        return f"{' and '.join(self.all)} fire together" if len(self.all) > 1 else f"{self.all[0]} fires"

    @property
    def joins(self) -> tuple[object, ...]:
        """All that says which firings meet: with another value of this it is about something else."""
        return (self.all, self.none, self.on, self.at_least)


class RuleSet(Struct, frozen=True):
    """All enabled rules and correlations by name, in name order; and rules that are switched off, to be shown.

    No name stands twice.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict)
    disabled: Mapping[str, Rule] = field(default_factory=dict)
    correlations: Mapping[str, Correlation] = field(default_factory=dict)

    @property
    def entries(self) -> Mapping[str, Rule | Correlation]:
        """Everything that can fire."""
        return {**self.rules, **self.correlations}
