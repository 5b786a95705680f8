"""Proposals (semantics S10): actions that wait for a person, as a table of states.

                  approve    decline    expire     end        brake     release    look
    pending       approved   declined   expired    expired    braked               pending
    braked                   declined              expired              pending    braked

A cell that is empty is refused, and nothing changes. `expire`: its time is over; `end`: what it is for is. While a
brake is on, its time stands still. `look`: who looked at it before would see something else now (its firing resolved,
or it is another action), so that their answer is not taken for one to this.

Time is people's: wall time. A proposal's id is the same in every replay.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from rtmd.alerting.calendar import clock
from rtmd.errors import ConflictError
from rtmd.model.action import Proposal, ProposalState
from rtmd.model.replace import replace


class Event(StrEnum):
    """What happens to a proposal."""

    APPROVE = "approve"
    DECLINE = "decline"
    EXPIRE = "expire"
    END = "end"
    BRAKE = "brake"
    RELEASE = "release"
    LOOK = "look"


_PENDING, _BRAKED = ProposalState.PENDING, ProposalState.BRAKED
_APPROVED, _DECLINED, _EXPIRED = ProposalState.APPROVED, ProposalState.DECLINED, ProposalState.EXPIRED

TRANSITIONS: Mapping[ProposalState, Mapping[Event, ProposalState]] = {
    _PENDING: {
        Event.APPROVE: _APPROVED,
        Event.DECLINE: _DECLINED,
        Event.EXPIRE: _EXPIRED,
        Event.END: _EXPIRED,
        Event.BRAKE: _BRAKED,
        Event.LOOK: _PENDING,
    },
    _BRAKED: {
        Event.DECLINE: _DECLINED,
        Event.END: _EXPIRED,
        Event.RELEASE: _PENDING,
        Event.LOOK: _BRAKED,
    },
    _APPROVED: {},
    _DECLINED: {},
    _EXPIRED: {},
}


def after(proposal: Proposal, event: Event, wall: int, *, by: str = "", reason: str = "") -> Proposal:
    """The proposal after this; ConflictError, in words and with who was first, when it cannot happen any more."""
    state = TRANSITIONS[proposal.state].get(event)
    if state is None:
        raise ConflictError(standing(proposal))
    moved = replace(proposal, state=state, version=proposal.version + 1)
    match event:
        case Event.BRAKE:
            return replace(moved, braked_since=wall, reason=reason)
        case Event.RELEASE:
            return replace(moved, expires_at=proposal.expires_by(wall), braked_since=None, reason="")
        case Event.LOOK:
            return moved
        case _:
            return replace(moved, by=by, decided_at=wall, reason=reason, braked_since=None)


def standing(proposal: Proposal) -> str:
    """How it stands, in words."""
    why = f": {proposal.reason}" if proposal.reason else ""
    match proposal.state:
        case ProposalState.BRAKED:
            return f"{proposal.id} ({proposal.action}) waits, braked by {proposal.reason}"
        case ProposalState.EXPIRED:
            return f"{proposal.id} ({proposal.action}) has expired{why}"
        case ProposalState.PENDING:
            return f"{proposal.id} ({proposal.action}) waits for a decision (version {proposal.version})"
        case decided:
            when = clock(proposal.decided_at or proposal.made_at)
            return f"{proposal.id} ({proposal.action}) was {decided} by {proposal.by} at {when}{why}"


class Proposals:
    """All proposals of the firings that are remembered."""

    def __init__(self) -> None:
        self._by_id: dict[str, Proposal] = {}
        self._of_firing: dict[str, list[str]] = {}
        self._deadlines: list[tuple[int, str]] = []

    def __repr__(self) -> str:
        return f"<Proposals {sum(each.state.waits for each in self._by_id.values())} waiting, {len(self._by_id)} known>"

    def restore(self, proposals: Iterable[Proposal]) -> None:
        """Take in what the store kept."""
        for proposal in proposals:
            self.keep(proposal)

    def keep(self, proposal: Proposal) -> Proposal:
        """A new one, or a known one as it is now."""
        if proposal.id not in self._by_id:
            self._of_firing.setdefault(proposal.firing_id, []).append(proposal.id)
        self._by_id[proposal.id] = proposal
        if proposal.state is ProposalState.PENDING:
            heapq.heappush(self._deadlines, (proposal.expires_at, proposal.id))
        return proposal

    def get(self, proposal_id: str) -> Proposal | None:
        """One proposal."""
        return self._by_id.get(proposal_id)

    def of(self, firing_id: str) -> list[Proposal]:
        """The proposals of a firing, oldest first."""
        found = (self._by_id[each] for each in self._of_firing.get(firing_id, ()))
        return sorted(found, key=lambda each: (each.made_at, each.id))

    def waiting(self) -> list[Proposal]:
        """What nobody decided yet, first to expire first."""
        found = (each for each in self._by_id.values() if each.state.waits)
        return sorted(found, key=lambda each: (each.expires_at, each.id))

    def holds(self, firing_id: str) -> bool:
        """Whether something of this firing waits: it must not be forgotten."""
        return any(self._by_id[each].state.waits for each in self._of_firing.get(firing_id, ()))

    def next_due(self) -> int | None:
        """The wall time at which the next one expires."""
        while self._deadlines:
            due, proposal_id = self._deadlines[0]
            proposal = self._by_id.get(proposal_id)
            if proposal and proposal.state is ProposalState.PENDING and proposal.expires_at == due:
                return due
            heapq.heappop(self._deadlines)  # superseded
        return None

    def expire_due(self, wall: int) -> Iterator[Proposal]:
        """Those whose time is over by `wall`, in order."""
        while (due := self.next_due()) is not None and due <= wall:
            _, proposal_id = heapq.heappop(self._deadlines)
            yield self.keep(after(self._by_id[proposal_id], Event.EXPIRE, wall, reason="nobody decided in time"))

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        for proposal_id in self._of_firing.pop(firing_id, ()):
            del self._by_id[proposal_id]
