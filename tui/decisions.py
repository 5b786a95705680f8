"""What people decide about actions, told in one toast each: approve, decline, hold, lift the hold, run again.

Nothing of it can be undone from here, so each is asked about, or typed, before.
"""

from __future__ import annotations

from rtmd.wire.actions import ApproveRequest, DeclineRequest, HoldRequest, ProposalView, RerunRequest, RunView
from tui.desk import Desk
from tui.view.line import lit


async def approve(desk: Desk, proposal: ProposalView) -> None:
    """Let it run, as of the version that was seen."""
    wanted = ApproveRequest(proposal.id, proposal.version)
    if await desk.attempt(desk.client.approve(wanted), "not approved"):
        desk.tell(f"{desk.glyphs.ok} approved {about(proposal)}")


async def decline(desk: Desk, proposal: ProposalView, reason: str) -> None:
    """Have it not run."""
    wanted = DeclineRequest(proposal.id, reason, proposal.version)
    if await desk.attempt(desk.client.decline(wanted), "not declined"):
        desk.tell(f"{desk.glyphs.ok} declined {about(proposal)}")


async def hold(desk: Desk, reason: str) -> None:
    """Stop all runs and approvals."""
    if await desk.attempt(desk.client.hold(HoldRequest(reason)), "not held"):
        desk.tell(f"{desk.glyphs.ok} everything is held: nothing runs until somebody lifts it (H)")


async def release(desk: Desk) -> None:
    """Let things run again."""
    if await desk.attempt(desk.client.release(), "not lifted"):
        desk.tell(f"{desk.glyphs.ok} the hold is lifted")


async def rerun(desk: Desk, run: RunView) -> None:
    """Run something once more."""
    if await desk.attempt(desk.client.rerun(RerunRequest(run.id)), "not run again"):
        desk.tell(f"{desk.glyphs.ok} {lit(run.action, 60)} runs again")


def about(proposal: ProposalView) -> str:
    """The action, and what it is for."""
    return f"{lit(proposal.action, 60)} ({lit(proposal.title or proposal.rule, 80)})"
