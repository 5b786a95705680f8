"""The signal of a firing over time: chosen on the loop, computed by a reader process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec

from rtmd.api.questions import Answer, Question, Trace
from rtmd.model.firing import Firing
from rtmd.model.rule import StageName
from rtmd.pipeline.curves import stretch
from rtmd.pipeline.pipeline import Pipeline
from rtmd.wire.curves import CurveView

PATIENCE = 8.0  # seconds; screens give up after ten
Answering: TypeAlias = Callable[[Question, float], Awaitable[Answer]]

_values = msgspec.json.Decoder(list[float | None])


async def curve(
    pipeline: Pipeline, firing: Firing, answer: Answering, *, stage: StageName | None, points: int
) -> CurveView:
    """The stretch that shows best why it fires; `problem` says what stood in the way."""
    view = stretch(pipeline, firing, stage=stage, points=points)
    if view.problem:
        return view
    found = await answer(Trace(view.query, firing.labels, view.start, view.end, view.step), PATIENCE)
    if found.error_type:
        return msgspec.structs.replace(view, values=[], problem=found.error)
    return msgspec.structs.replace(view, values=_values.decode(b"".join(found.data)))
