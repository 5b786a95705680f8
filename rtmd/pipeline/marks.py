"""Taking in a mark: what is refused, what it replaces, and what is written down of it."""

from __future__ import annotations

from collections.abc import Iterator

from rtmd.engine.marks import Marks
from rtmd.errors import RefusedError
from rtmd.model.effects import Answered, Audited, Effect, Journaled, MarkDropped, MarkSaved
from rtmd.model.inputs import MarkMade
from rtmd.model.labels import show
from rtmd.model.mark import KEPT, Mark, mark_id
from rtmd.model.rule import MINUTE

AHEAD = MINUTE // 2  # ms that the clock of who reports may be fast


def make_mark(marks: Marks, given: MarkMade, at: int) -> Iterator[Effect]:
    """What follows from a report; the same one twice is one mark. Raises RefusedError."""
    wall = marks.wall(at)
    if given.time > wall + AHEAD:
        raise RefusedError("a mark is of what has happened: its time is yet to come")
    if given.time and given.time <= wall - KEPT:
        raise RefusedError(f"a mark may be {KEPT // (24 * 60 * MINUTE)} days old at most")
    time = min(given.time, wall) or wall
    id_ = mark_id(time, given.kind, given.text, given.labels)
    if id_ not in marks:
        mark = Mark(id_, time, given.kind, given.text, given.labels, given.by)
        dropped = marks.add(mark)
        text = f"{mark.kind}: {mark.text}"
        yield MarkSaved(mark)
        yield from (MarkDropped(each.id) for each in dropped)
        yield Audited(wall, given.by, "mark", id_, f"{text} {show(mark.labels)}" if mark.labels else text)
        detail = {"mark": id_, "kind": str(mark.kind), "by": mark.by, "time": str(time)}
        yield Journaled(at, "mark", text=f"{text} (by {mark.by})", detail=detail)
    yield Answered(given.request, id=id_)
