"""What a lost link missed, in one line: how much is different now, and what is new that nobody has.

The stream holds states: what came and went meanwhile is not among it, only what differs from the last picture.
"""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from tui.picture import Picture
from tui.scale import SEVERITIES
from tui.states import Condition
from tui.view.glyphs import Glyphs


class Known(Struct, frozen=True):
    """The picture before: which firings it had, and how often it had changed."""

    ids: frozenset[str]
    shape: int

    @classmethod
    def of(cls, picture: Picture) -> Known:
        """What is known now."""
        return cls(frozenset(picture.firings), picture.shape)


def missed(known: Known, picture: Picture, glyphs: Glyphs) -> str:
    """`missed 312 changes: 4 new ▲, 1 new ●`."""
    changes = picture.shape - known.shape
    if not changes:
        return "missed nothing"
    new = Counter(
        firing.severity
        for firing_id, firing in picture.firings.items()
        if firing_id not in known.ids and picture.conditions[firing_id] is Condition.NEW
    )
    told = [f"{new[name]} new {glyphs.of(name).strip()}" for name in reversed(SEVERITIES) if new[name]]
    return f"missed {changes} change{'' if changes == 1 else 's'}: {', '.join(told) or 'nothing new'}"
