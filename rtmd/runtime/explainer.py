"""Explaining a firing: how receivers stand with it comes from the loop's own state, all else from disk, in a thread."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rtmd.pipeline.history import Past, entries
from rtmd.pipeline.standings import known, of_receiver, standings
from rtmd.pipeline.views import firing_view
from rtmd.runtime.loop import StepLoop
from rtmd.store.past import read_past
from rtmd.wire.explain import EntryView, ExplainView


class Explainer:
    """Tells the story of firings, one at a time."""

    def __init__(self, path: Path, loop: StepLoop) -> None:
        self._path = path
        self._loop = loop
        self._one_at_a_time = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Explainer {self._path}>"

    async def explain(self, firing_id: str, at: int, receiver: str = "") -> ExplainView | None:
        """The story as of engine time `at`; None where no such firing is remembered."""
        pipeline = self._loop.pipeline
        offset = pipeline.wall(0)
        async with self._one_at_a_time:
            past, told = await asyncio.to_thread(_read, self._path, firing_id, offset, receiver)
        if past is None:
            return None
        firing = pipeline.firing(firing_id) or past.firing
        now = known(standings(pipeline, firing, at), past.ledger, offset)
        return ExplainView(
            at=pipeline.wall(at),
            firing=firing_view(pipeline, firing, at, evidence=True),
            entries=told,
            now=of_receiver(now, receiver, firing) if receiver else now,
            truncated=past.truncated,
        )


def _read(path: Path, firing_id: str, offset: int, receiver: str) -> tuple[Past | None, list[EntryView]]:
    past = read_past(path, firing_id)
    return past, entries(past, offset, receiver) if past else []
