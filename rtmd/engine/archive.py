"""All buckets behind one raw leaf: when samples go over to them, and how they survive.

A sample is sealed when no source may send one that old any more: at engine time `at` everything before at − lateness,
where `lateness` is the largest that any source has claimed so far. A source that claims more than all before it finds
a minute or so sealed already: what it sends for that time counts as late, and the raw leaf keeps more from then on.
Every reader and writer lets the archive seal first, so what is sealed is a function of time alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rtmd.engine.buckets import Buckets, SavedBuckets
from rtmd.engine.raw import NEVER, RawLeaf
from rtmd.formats.batch import Ids, Times, Values
from rtmd.model.tiers import LATENESS, Tier


class Archive:
    """Buckets by tier. `lateness` is the largest in force."""

    def __init__(self, raw: RawLeaf) -> None:
        self.lateness = LATENESS
        self._raw = raw
        self._tiers: dict[Tier, Buckets] = {}
        self._next = NEVER

    def __repr__(self) -> str:
        return f"<Archive {list(self._tiers.values())}>"

    @property
    def size(self) -> int:
        """Bytes in use."""
        return sum(each.size for each in self._tiers.values())

    @property
    def sealed(self) -> int:
        """Samples up to this time are in some buckets already."""
        return max((each.sealed for each in self._tiers.values() if each.sealed is not None), default=NEVER)

    def of(self, tier: Tier) -> Buckets:
        """The buckets of a tier, made if need be."""
        if tier not in self._tiers:
            self._tiers[tier] = Buckets(tier, self._raw)
            self._next = NEVER
        return self._tiers[tier]

    def head(self, tier: Tier) -> int:
        """How long the raw leaf must keep samples that go to these buckets, ms."""
        return self.lateness + tier.step + 1

    def cover(self, tier: Tier, series: Ids) -> None:
        """Read these series so; buckets that are new take over what others of their width have."""
        buckets = self.of(tier)
        buckets.cover(series)
        if buckets.sealed is None:
            for other in self._tiers.values():
                if other is not buckets and other.can_be(tier) and (saved := other.saved()) is not None:
                    buckets.restore(saved)

    def settle(self, read: dict[Tier, Ids]) -> None:
        """Only these series (sorted) are read any more, by tier."""
        self._tiers = {tier: buckets for tier, buckets in self._tiers.items() if tier in read}
        for tier, buckets in self._tiers.items():
            buckets.keep(read[tier])

    def renumber(self, new: Ids) -> None:
        """The table has freed ids (`new` by old one, negative: freed)."""
        for buckets in self._tiers.values():
            buckets.renumber(new)

    def patience(self, series: int) -> Times:
        """How long each of so many series must be without samples until no bucket knows of it."""
        patience = np.zeros(series, np.int64)
        for tier, buckets in self._tiers.items():
            reach = tier.slots * tier.width + self.lateness
            patience[buckets.series] = np.maximum(patience[buckets.series], reach)
        return patience

    def seal(self, at: int) -> None:
        """Engine time is `at`: take over what is old enough."""
        if at < self._next or not self._tiers:
            return
        with np.errstate(all="ignore"):
            for buckets in self._tiers.values():
                buckets.seal(at - self.lateness - 1)
        self._plan_next()

    def fill(self, ids: Ids, times: Times, values: Values, at: int) -> None:
        """Take history, as of engine time `at`; ids of any series."""
        for buckets in self._tiers.values():
            mine = np.isin(ids, buckets.series)
            if mine.any():
                with np.errstate(all="ignore"):
                    buckets.fill(ids[mine], times[mine], values[mine], at - self.lateness - 1)
        self._plan_next()

    def saved(self) -> list[SavedBuckets]:
        """A copy of everything, series by id."""
        return [saved for each in self._tiers.values() if (saved := each.saved()) is not None]

    def restore(self, saved: Iterable[SavedBuckets]) -> None:
        """Take over what fits the present tiers."""
        saved = list(saved)
        for buckets in self._tiers.values():
            buckets.doubt()
            fitting = [each for each in saved if each.fits(buckets.tier)]
            for each in sorted(fitting, key=lambda each: -len(each.columns["count"])):
                buckets.restore(each)
        self._plan_next()

    def _plan_next(self) -> None:
        sealed = [NEVER if each.sealed is None else each.sealed + each.tier.step for each in self._tiers.values()]
        self._next = min(sealed, default=NEVER) + self.lateness + 1
