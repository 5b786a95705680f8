"""How long an instance may go without data (semantics S3)."""

from __future__ import annotations

from rtmd.engine.plan import Plan
from rtmd.model.rule import MINUTE

UNFED_AFTER = 5 * MINUTE  # at least this long without a sample


def patience(signal: Plan) -> int:
    """How long an instance may go without a sample before it is unfed, ms."""
    return max(signal.window(), UNFED_AFTER)
