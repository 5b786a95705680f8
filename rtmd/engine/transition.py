"""What comes out of a stage: that it moved, why, and its clock afterwards."""

from __future__ import annotations

from msgspec import Struct

from rtmd.engine.protocol import Event
from rtmd.model.firing import Evidence, StageRecord, StageState
from rtmd.model.labels import Labels
from rtmd.model.rule import Stage


class Transition(Struct, frozen=True):
    """A stage of an instance changed its state; `record` is its clock afterwards."""

    stage: Stage
    labels: Labels
    was: StageState
    event: Event
    reason: str
    at: int
    record: StageRecord
    evidence: Evidence | None = None
