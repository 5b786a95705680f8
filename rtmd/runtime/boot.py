"""Bringing an earlier run back (semantics S12): windows refilled, decisions restored, downtime skipped.

Decisions are restored, never recomputed: the pipeline starts at the last engine time that is known to have been
reached (by a sample, a snapshot or a decision: alerts of others come without samples), is given rules, windows and
decisions there, and then skips to now. Nothing is evaluated in between, so nothing fires, resolves or is told only
because of a restart, and clocks like `for` go on where they stood.
"""

from __future__ import annotations

import asyncio

from rtmd.config import Config
from rtmd.model.effects import FillWanted
from rtmd.model.inputs import ReactionsLoaded, RulesLoaded, TimeGap, WallClock
from rtmd.model.rule import RuleSet
from rtmd.pipeline import Input, Pipeline, WindowFilled, WindowsRestored
from rtmd.runtime.correlator import make_correlator
from rtmd.runtime.history import read_history
from rtmd.runtime.storage import Storage
from rtmd.store.snapshot import load_windows


async def restored_pipeline(
    storage: Storage, config: Config, rules: RuleSet, reactions: ReactionsLoaded
) -> tuple[Pipeline, list[Input]]:
    """A pipeline that stands where the last run ended, and the inputs that bring it to now (to be stepped first)."""
    series, samples, clock = storage.series, storage.samples, storage.clock
    now = clock.now()
    offset = clock.wall() - now
    snapshot = await asyncio.to_thread(load_windows, storage.folder)
    last = min(max(samples.last_at or 0, snapshot.at, storage.store.newest()) or now, now)
    limit = config.limits.instances_per_rule
    pipeline = Pipeline(series, last, instances_per_rule=limit, correlator=make_correlator())
    loaded = pipeline.step([reactions, WallClock(offset), RulesLoaded(rules)], last)
    if snapshot.windows is not None:
        pipeline.step([WindowsRestored(snapshot.windows)], last)
    for effect in loaded.effects:
        if isinstance(effect, FillWanted):
            history = await asyncio.to_thread(read_history, samples, effect.since, effect.selectors)
            pipeline.step([WindowFilled(history.moved_to(series))], last)
    gap: list[Input] = [TimeGap(now, "restart")] if now > last else []
    return pipeline, [storage.store.restore(), *gap]
