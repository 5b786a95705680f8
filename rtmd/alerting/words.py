"""What is said of a firing that resolved, in words; raw, so that sinks make it safe."""

from __future__ import annotations

from rtmd.model.display import age, number
from rtmd.model.firing import Firing


def resolution(firing: Firing) -> str:
    """How long, how high, who had it, and what it turned out to be so far."""
    ended = firing.resolved_at or firing.begun
    parts = [f"after {age(ended - firing.begun)}"]
    peaks = [record.peak for record in firing.stages if record.peak is not None and record.name is firing.stage]
    if peaks:
        parts.append(f"peak {number(peaks[0])} {firing.unit}".rstrip())
    if firing.episodes > 1:
        parts.append(f"fired {firing.episodes} times")
    if firing.ack:
        parts.append(f"{firing.ack.by} had it")
    outcomes = {str(record.outcome) for record in firing.stages if record.outcome}
    if not firing.correlated and firing.origin is None:  # nothing judges those
        parts.append(", ".join(sorted(outcomes)) if outcomes else "not confirmed so far")
    return f"{firing.reason}; {'; '.join(parts)}"
