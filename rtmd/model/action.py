"""Actions as values: what rtmd may run, how often, what waits for a person, and the word that stops all of it.

What an action really is (a program, an address) only `receivers.actions` knows; here stands what is decided by, and
`what`, which tells a person what would be run.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from rtmd.model.labels import Labels
from rtmd.model.rule import HOUR, MINUTE, SECOND, StageName

UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": 24 * HOUR}


class AtMost(Struct, frozen=True):
    """So many runs in any time of `per` ms, over all firings."""

    count: int
    per: int

    def __str__(self) -> str:
        return f"{self.count}/{next(unit for unit, length in UNITS.items() if length == self.per)}"


class Action(Struct, frozen=True):
    """Something that rtmd can run. `{label}` in `what` and `undo` stands for a label's value.

    Without `undo` it cannot be reversed. An `idempotent` one may be run again when nobody knows whether it was.
    """

    name: str
    what: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    idempotent: bool = False
    at_most: AtMost | None = None


class ProposalState(StrEnum):
    """Waiting for a person, stopped by a brake, or decided: by somebody, or by time."""

    PENDING = "pending"
    BRAKED = "braked"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"

    @property
    def waits(self) -> bool:
        """Nothing was decided yet."""
        return self in (ProposalState.PENDING, ProposalState.BRAKED)


class Proposal(Struct, frozen=True):
    """An action that waits for a person, for one stage of one firing. All times are wall time.

    `version` rises whenever somebody who looked at it would see something else. `reason` is that of who declined it,
    why it expired, or what brakes it. `run_id` is the run that came of it.
    """

    id: str
    version: int
    action: str
    firing_id: str
    rule: str
    labels: Labels
    title: str
    stage: StageName
    state: ProposalState
    onset: int  # of the firing
    made_at: int
    expires_at: int
    by: str = ""  # who decided
    decided_at: int | None = None
    reason: str = ""
    braked_since: int | None = None  # its time stands still since then
    run_id: str = ""

    def expires_by(self, wall: int) -> int:
        """When it expires, were a brake that is on lifted at that time."""
        return self.expires_at + (0 if self.braked_since is None else max(0, wall - self.braked_since))


class Hold(Struct, frozen=True):
    """Nothing runs and nothing can be approved until somebody lifts it; `at` is wall time."""

    by: str
    at: int
    reason: str
