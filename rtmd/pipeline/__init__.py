"""Pure composition of engine and alerting: `Pipeline.step(inputs, at)` is the one verb that changes state."""

from rtmd.engine.plan import LATENESS
from rtmd.pipeline.inputs import Input, RoomWanted, Samples, WindowFilled, WindowsRestored
from rtmd.pipeline.pipeline import Pipeline, Step

__all__ = ["LATENESS", "Input", "Pipeline", "RoomWanted", "Samples", "Step", "WindowFilled", "WindowsRestored"]
