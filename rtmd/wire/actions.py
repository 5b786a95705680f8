"""What rtmd ran, what it proposes, and what people say to that."""

from __future__ import annotations

import msgspec


class RunView(msgspec.Struct, frozen=True, gc=False):
    """An action run of a firing."""

    id: str
    action: str
    stage: str
    # waiting | called off | started | done | failed | unknown | undo waits | undoing | undone | undo failed |
    # undo unknown
    state: str
    at: int
    detail: str = ""
    by: str = ""  # who approved it


class ProposalView(msgspec.Struct, frozen=True, gc=False):
    """An action that waits for a person. Times are wall time."""

    id: str
    version: int
    action: str
    firing: str
    rule: str
    title: str
    labels: dict[str, str]
    stage: str
    state: str  # pending | braked | approved | declined | expired
    onset: int  # of the firing
    made_at: int
    expires_at: int  # braked: as if the brake were lifted now
    would_run: str  # what an approval runs, or why it cannot be run
    by: str = ""  # who decided
    decided_at: int | None = None
    reason: str = ""  # of who declined it, why it expired, or what brakes it
    run: str = ""  # the run that came of it


class HoldView(msgspec.Struct, frozen=True):
    """Nothing runs and nothing can be approved until somebody lifts it; `at` is wall time."""

    by: str
    at: int
    reason: str


class ApproveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/approve`: `version` is the one that was seen (0: any)."""

    id: str
    version: int = 0


class DeclineRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/decline`."""

    id: str
    reason: str
    version: int = 0


class HoldRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/hold`."""

    reason: str


class RerunRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/rerun`: a run (or its undoing) that failed, or of which nobody knows, by its id."""

    run: str
