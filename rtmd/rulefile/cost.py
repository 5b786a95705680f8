"""What a stage keeps in memory for each series, and what would be too much."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rtmd.errors import PromqlError
from rtmd.model.display import size
from rtmd.model.duration import show_duration
from rtmd.model.expr import Expr, selectors
from rtmd.model.labels import METRIC_NAME
from rtmd.model.matcher import Matcher
from rtmd.model.reach import Read, reads
from rtmd.model.rule import Stage
from rtmd.model.tiers import LATENESS, LONGEST_BUCKETS, Tier, sample_bytes

MOST = 4_000_000  # bytes a series; three and a half days of samples at one a second
_ROOM = 120  # what is kept of a series whatever it has
_DAY = 24 * 3_600_000


class Kept(Struct, frozen=True):
    """What is kept of the series that these matchers select: buckets, and samples for so many ms."""

    matchers: tuple[Matcher, ...]
    tiers: tuple[Tier, ...]
    samples: int

    @property
    def size(self) -> int:
        """Bytes a series at one sample a second."""
        return sum(tier.size for tier in self.tiers) + sample_bytes(self.samples) + _ROOM

    def __str__(self) -> str:
        names = [each.value for each in self.matchers if each.name == METRIC_NAME]
        buckets = [f"{tier.slots - 1} buckets of {show_duration(tier.width)}" for tier in self.tiers]
        parts = ", ".join([*buckets, f"samples of {show_duration(self.samples)}"])
        return f"{size(self.size)} a series of {names[0] if names else 'every name'} at 1 sample/s: {parts}"


def kept(stage: Stage) -> Iterator[Kept]:
    """What the stage keeps, if it were alone: one for each set of series that it reads."""
    wanted: dict[tuple[Matcher, ...], list[Read]] = {}
    for expr in (stage.signal, stage.recent_signal, stage.guard):
        for read in reads(expr, stage.bucket_grid) if expr else ():
            wanted.setdefault(read.matchers, []).append(read)
    for matchers, each in wanted.items():
        tiers = tuple(dict.fromkeys(read.tier for read in each if read.tier is not None))
        head = max((LATENESS + tier.step for tier in tiers), default=LATENESS)
        yield Kept(matchers, tiers, max(head, *(read.keep for read in each)))


def too_dear(expr: Expr, grid: int) -> PromqlError | None:
    """What is wrong with a signal of which one series would take more than it may."""
    for selector, read in zip(selectors(expr), reads(expr, grid), strict=True):
        if read.tier is not None and read.back > LONGEST_BUCKETS:
            return PromqlError(f"this looks back too far: at most {LONGEST_BUCKETS // _DAY}d are kept", selector.offset)
        cost = read.tier.size if read.tier is not None else sample_bytes(read.keep)
        if cost > MOST:
            what = "every sample" if read.tier is None else f"buckets of {show_duration(grid)}"
            return PromqlError(
                f"this keeps {what} for {show_duration(read.back)}: {size(cost)} a series, and at most {size(MOST)} are"
                " allowed; see docs/promql.md, What it costs",
                selector.offset,
            )
    return None
