"""Which stretch of its signal shows best why a firing fires: as much as the stage's pace asks for, and its beginning.

Values are not computed here: they are in the sample log, and reading that takes time. Times lie at multiples of the
step, so that points stay where they are when it is asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping

from rtmd.model.firing import Firing
from rtmd.model.rule import HOUR, MINUTE, Comparison, Condition, StageName
from rtmd.pipeline.pipeline import Pipeline
from rtmd.wire.curves import CurveView

# The least and the most that is shown, by stage.
SPANS: Mapping[StageName, tuple[int, int]] = {
    StageName.SECONDS: (10 * MINUTE, HOUR),
    StageName.MINUTES: (HOUR, 6 * HOUR),
    StageName.HOURS: (12 * HOUR, 48 * HOUR),
}


def stretch(pipeline: Pipeline, firing: Firing, *, stage: StageName | None, points: int) -> CurveView:
    """What to look at, at most `points` of it; `stage` None: the one that it has."""
    rule = pipeline.engine.rules.get(firing.rule)
    if firing.origin is not None or firing.correlated or rule is None:
        kind = "others raised it" if firing.origin else "it joins firings" if firing.correlated else "its rule is gone"
        return CurveView(firing.id, problem=f"no signal is read for it: {kind}")
    name = stage or firing.stage
    found = rule.stage(name)
    if found is None:
        return CurveView(firing.id, stage=str(name), problem=f"its rule has no stage {name}")
    least, most = SPANS[name]
    now = pipeline.engine.evaluated_at
    end = now if firing.resolved_at is None else min(now, firing.resolved_at + least // 4)
    span = min(max((end - firing.active_at) * 5 // 4, least), most)
    step = -(-span // ((points - 1) * found.grid)) * found.grid
    first = (end - span) // step + 1
    thresholds, clears = _levels(found.condition)
    return CurveView(
        firing=firing.id,
        stage=str(name),
        query=found.signal_text,
        start=first * step,
        step=step,
        values=[None] * max(1, end // step - first + 1),
        thresholds=thresholds,
        clears=clears,
    )


def _levels(condition: Condition) -> tuple[list[float], list[float]]:
    match condition.comparison:
        case Comparison.RESULT:
            return [], []
        case Comparison.OUTSIDE:
            clears = [each for each in (condition.clear_low, condition.clear_high) if each is not None]
            return [condition.low, condition.high], clears
        case _:
            return [condition.threshold], [] if condition.clear is None else [condition.clear]
