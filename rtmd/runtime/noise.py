"""The noise board, kept up from the journal when somebody looks (semantics S14).

The first look reads 30 days of the journal, later ones what came since: in a thread, and piece by piece, so that
neither the loop nor anybody else who reads the store waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from rtmd.alerting.noise import DAY, ENOUGH, KINDS, LONGEST, Noise, RuleNoise, Share
from rtmd.store.state import StateStore
from rtmd.wire.noise import MissView, NoiseView, RuleNoiseView, ShareView, TermView

PIECE = 1_000  # lines of the journal at a time: some milliseconds
_MISSES = 10


class NoiseBoard:
    """Answers how noisy rules are."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._noise = Noise()
        self._read = 0  # the last line that was taken in
        self._one_at_a_time = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<NoiseBoard {self._noise!r} up to line {self._read}>"

    async def look(self, rules: Iterable[str], at: int, days: int) -> NoiseView:
        """How noisy these rules were in the `days` before engine time `at`."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._look, frozenset(rules), at, days)

    def _look(self, rules: frozenset[str], at: int, days: int) -> NoiseView:
        while lines := self._store.journal_after(self._read, kinds=KINDS, since=at - LONGEST, limit=PIECE):
            for seq, line in lines:
                self._noise.take(line)
                self._read = seq
        since = at - days * DAY
        board = self._noise.board(since, at, rules)
        views = [_view(each, rank) for rank, each in enumerate(board, 1)]
        first = at if self._noise.first is None else self._noise.first
        return NoiseView(days, max(since, min(first, at)), at, views, ENOUGH)


def _view(found: RuleNoise, rank: int) -> RuleNoiseView:
    return RuleNoiseView(
        rule=found.rule,
        firings=found.firings,
        a_day=found.a_day,
        duration=found.duration,
        unattended=_share(found.unattended),
        false_starts={str(stage): _share(share) for stage, share in found.false_starts.items()},
        flapped=_share(found.flapped),
        silenced=_share(found.silenced),
        handled=_share(found.handled),
        noise=found.noise,
        real=found.real,
        missed=[MissView(each.at, each.by, each.text) for each in found.missed[:_MISSES]],
        misses=len(found.missed),
        rank=None if found.score is None else rank,
        score=found.score,
        terms=[TermView(term.name, _share(term.share), term.adds) for term in found.terms],
    )


def _share(share: Share) -> ShareView:
    return ShareView(share.count, share.of)
