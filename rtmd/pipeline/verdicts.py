"""What people say of firings and rules afterwards (semantics S14): "noise", "real", and what rtmd missed.

A verdict is kept on the firing, where it goes before a later false start (semantics S2), and in the journal, from
which `alerting.noise` reads it. It may come long after the firing resolved. The latest one counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtmd.model.effects import Answered, Audited, Effect, FiringSaved, Journaled
from rtmd.model.firing import Firing, PersonVerdict
from rtmd.model.inputs import MissReported, VerdictGiven
from rtmd.model.replace import replace


def judged(firing: Firing, given: VerdictGiven, wall: int) -> Firing:
    """The firing with this verdict."""
    return replace(firing, verdict=PersonVerdict(given.by, wall, given.real), version=firing.version + 1)


def told(firing: Firing, given: VerdictGiven, *, at: int, wall: int) -> Iterator[Effect]:
    """What follows from the verdict that `firing` was just given."""
    word = "real" if given.real else "noise"
    yield FiringSaved(firing)
    yield Audited(wall, given.by, "verdict", firing.id, word)
    detail = {"verdict": word, "by": given.by}
    yield Journaled(at, "verdict", firing.rule, firing.id, f"{given.by} says that it was {word}", detail)
    yield Answered(given.request, id=firing.id)


def missed(given: MissReported, *, at: int, wall: int) -> Iterator[Effect]:
    """What follows from the report of something that a rule missed."""
    yield Audited(wall, given.by, "missed", given.rule, given.text)
    detail = {"by": given.by, "text": given.text}
    yield Journaled(at, "missed", given.rule, text=f"missed, says {given.by}: {given.text}", detail=detail)
    yield Answered(given.request, id=given.rule)
