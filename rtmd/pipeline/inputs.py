"""The whole union of inputs: what people, files and results say (`model.inputs`), and columns of samples."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from rtmd.engine.plan import LATENESS, WindowSnapshot
from rtmd.formats.batch import SampleBatch
from rtmd.model.inputs import PlainInput


class Samples(Struct, frozen=True):
    """One post or scrape, applied atomically at the step's `at`."""

    source: str
    batch: SampleBatch
    lateness: int = LATENESS


class WindowFilled(Struct, frozen=True):
    """Older samples for windows that were empty: they are stored, nothing is judged by their arrival."""

    batch: SampleBatch


class WindowsRestored(Struct, frozen=True):
    """The windows of an earlier run."""

    snapshot: WindowSnapshot


class RoomWanted(Struct, frozen=True):
    """Free the ids of series that nothing feeds any more, if that is worth it (semantics S13).

    Only for a moment at which no batch waits: the ids in it would mean other series afterwards.
    """


Input: TypeAlias = PlainInput | Samples | WindowFilled | WindowsRestored | RoomWanted
