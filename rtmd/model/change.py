"""What happens to firings, one thing at a time: who decides says it, and who reacts goes by it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from rtmd.model.firing import Firing
from rtmd.model.rule import StageName


class ChangeKind(StrEnum):
    """What happened to a firing."""

    OPENED = "opened"
    REOPENED = "reopened"
    RAISED = "raised"
    STAGE_FIRED = "stage fired"
    STAGE_MOVED = "stage moved"  # firing ⇄ recovering, or a pending entry beside a firing stage
    STAGE_ENDED = "stage ended"
    DEFERRED = "deferred"  # pending again, because `for` became longer: it ended, but for the firing
    FELL = "fell back"
    JUDGED = "judged"
    DISTURBED = "disturbed"  # its judgement can no longer be a false start
    RESOLVED = "resolved"
    FLAPPING = "flapping"  # a stage comes and goes from now on
    CALMED = "calmed"  # … no longer does
    JOINED = "joined"  # of a correlation: more firings take part


class Change(Struct, frozen=True):
    """One thing that happened to a firing at engine time `at`; `firing` is its state after it."""

    kind: ChangeKind
    firing: Firing
    at: int
    stage: StageName
    reason: str = ""
