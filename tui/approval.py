"""The guard before an action runs: a strip that shows what would run, keys in, a new strip or a verdict out.

⏎ approves what is shown, as of the version that is shown. It does nothing for the first 400 ms, so that a key that was
meant for something else, or is held down, approves nothing. What changed since it was shown is shown anew first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from rtmd.model.replace import replace
from rtmd.wire import FiringView
from rtmd.wire.actions import ProposalView
from tui.states import WAITING

ARMED_AFTER = 400  # ms


class Approval(Struct, frozen=True):
    """An open strip: what waits for the firing, as it was seen; the first of them is asked about."""

    proposals: tuple[ProposalView, ...]
    shown_at: int  # mono
    changed: bool = False  # what is shown is news

    @property
    def proposal(self) -> ProposalView:
        """What ⏎ approves."""
        return self.proposals[0]


class Approved(Struct, frozen=True):
    """Let it run."""

    proposal: ProposalView


class Dropped(Struct, frozen=True):
    """Leave it; `why` when that is not for a key, empty otherwise."""

    why: str = ""


ApprovalVerdict: TypeAlias = Approval | Approved | Dropped


def waiting(proposals: Iterable[ProposalView]) -> list[ProposalView]:
    """What nobody decided yet, the first to expire first."""
    return sorted((each for each in proposals if each.state in WAITING), key=lambda each: (each.expires_at, each.id))


def press_approval(strip: Approval, key: str, firing: FiringView | None, mono: int) -> ApprovalVerdict:
    """What a key makes of the strip; `firing` is that of the proposal as it is now."""
    if key in ("escape", "q"):
        return Dropped()
    if key == "tab":
        return replace(strip, proposals=(*strip.proposals[1:], strip.proposals[0]), shown_at=mono, changed=False)
    if key != "enter":
        return strip
    seen = strip.proposal
    now = next((each for each in (firing.proposals if firing else ()) if each.id == seen.id), None)
    if now is None or now.state not in WAITING:
        return Dropped(f"{now.state} by {now.by}" if now is not None and now.by else "it waits no more")
    if (now.version, now.would_run) != (seen.version, seen.would_run):
        return Approval((now, *strip.proposals[1:]), mono, changed=True)
    return strip if mono - strip.shown_at < ARMED_AFTER else Approved(now)
