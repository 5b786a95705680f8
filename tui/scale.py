"""Stages and severities in their order, and units of time, as the screen needs them before its first paint.

The same stands in `rtmd.model.rule`, with the whole of what a rule is, which takes a tenth of the time to the first
paint to import. A test holds both equal.
"""

from __future__ import annotations

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
STAGES = ("seconds", "minutes", "hours")
SEVERITIES = ("info", "warning", "critical")
