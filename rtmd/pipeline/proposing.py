"""What is proposed to people, and what they decide (semantics S10).

A stage that fires proposes its actions, unless something keeps it from acting by itself (`Acting.stopped`): the journal
says what would have been proposed. While everything is held, proposals are still made; they can be declined, and not
approved. One action is proposed once at a time for a firing, and after somebody decided again only by a higher stage.
A proposal dies so long after the firing's onset; one of an action that can be undone dies with its stage, because there
is nothing left to hold. Both decisions count as handled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from rtmd.alerting.brakes import Brake
from rtmd.alerting.exposed import exposed
from rtmd.alerting.proposals import Event, Proposals, after, standing
from rtmd.errors import ConflictError, NotFoundError, RefusedError
from rtmd.model.action import Action, Proposal, ProposalState
from rtmd.model.display import age
from rtmd.model.effects import Answered, Audited, Effect, Journaled, ProposalSaved, Touched
from rtmd.model.firing import Firing, short_id
from rtmd.model.inputs import ProposalDecided
from rtmd.model.reaction import ActionRun, RunState
from rtmd.model.replace import replace
from rtmd.model.rule import Stage
from rtmd.pipeline.acting import Acting

Effects: TypeAlias = Iterator[Effect]

_DECIDED = frozenset({ProposalState.APPROVED, ProposalState.DECLINED})


class Proposing:
    """All proposals. `firing_of` gives a firing by its id; `handled` is told of those that somebody decided about."""

    def __init__(
        self, acting: Acting, firing_of: Callable[[str], Firing | None], handled: Callable[[str], None]
    ) -> None:
        self.proposals = Proposals()
        self._acting = acting
        self._firing_of = firing_of
        self._handled = handled

    def __repr__(self) -> str:
        return f"<Proposing {self.proposals!r}>"

    def load(self, actions: Mapping[str, Action], at: int, wall: int) -> Effects:
        """Another configuration: who saw a proposal of what is another action now is asked again."""
        before = self._acting.actions
        for proposal in self.proposals.waiting():
            if before.get(proposal.action) != actions.get(proposal.action):
                yield from self._move(proposal, Event.LOOK, at, wall, text="its action is another one now")

    def restore(self, proposals: Iterable[Proposal]) -> None:
        """Take up what an earlier run left."""
        known = list(proposals)
        self.proposals.restore(known)
        for proposal in known:
            if proposal.state in _DECIDED:
                self._handled(proposal.firing_id)

    def fired(self, firing: Firing, stage: Stage, at: int, wall: int) -> Effects:
        """A stage fired: propose what it proposes."""
        names = [name for name in stage.propose if name in self._acting.actions and self._wanted(firing, stage, name)]
        if not names:
            return
        onset = wall - (at - onset_of(firing))
        late = wall - (onset + stage.expires)
        why = self._acting.stopped(firing, stage.name, at, wall, proposing=True)
        if not why and late >= 0:
            why = f"it would have expired {age(late)} ago"
        if why:
            yield self._acting.line(firing, at, f"would have proposed {', '.join(names)}: {why}", "proposal")
            return
        for name in names:
            yield from self._propose(firing, stage, name, onset=onset, at=at, wall=wall)

    def ended(self, firing: Firing, at: int, wall: int) -> Effects:
        """A stage of the firing ended: what could be undone is not proposed any more."""
        burning = {record.name for record in firing.stages if record.state.burning}
        for proposal in self.proposals.of(firing.id):
            action = self._acting.actions.get(proposal.action)
            over = proposal.stage not in burning or not firing.open
            if proposal.state.waits and over and action and action.undo:
                yield from self._move(proposal, Event.END, at, wall, reason="its stage is over")

    def changed(self, firing: Firing, at: int, wall: int) -> Effects:
        """The firing resolved, or fires again: who looked at its proposals saw something else."""
        what = "its firing is open again" if firing.open else "its firing has resolved"
        for proposal in self.proposals.of(firing.id):
            if proposal.state.waits:
                yield from self._move(proposal, Event.LOOK, at, wall, text=what)

    def decide(self, given: ProposalDecided, at: int, wall: int) -> Effects:
        """Somebody approves or declines, as of the version they saw."""
        proposal = self.proposals.get(given.proposal_id)
        if proposal is None:
            raise NotFoundError(f"there is no proposal {given.proposal_id}")
        event = Event.APPROVE if given.approved else Event.DECLINE
        decided = after(proposal, event, wall, by=given.by, reason=given.reason)
        if given.version and given.version != proposal.version:
            raise ConflictError(f"it has changed since you looked: {standing(proposal)}")
        if given.approved:
            decided = replace(decided, run_id=f"{proposal.firing_id}:{proposal.stage}:{proposal.action}:{proposal.id}")
            self._check(proposal, at)
        yield from self._save(decided, at, f"{proposal.action}: {decided.state} by {given.by}{_because(given.reason)}")
        yield Audited(wall, given.by, "approve" if given.approved else "decline", proposal.id, given.reason)
        self._handled(proposal.firing_id)
        if given.approved:
            yield from self._acting.start(_run_of(decided, at), at)
        yield Answered(given.request, id=proposal.id)

    def put_brake(self, brake: Brake, at: int, wall: int) -> Effects:
        """A brake is on: what waits for a decision waits for it too."""
        for proposal in self.proposals.waiting():
            firing = self._firing_of(proposal.firing_id)
            stops = firing is not None and brake.stops(proposal.action, exposed(firing))
            if proposal.state is ProposalState.PENDING and stops:
                yield from self._move(proposal, Event.BRAKE, at, wall, reason=brake.name)

    def release(self, at: int, wall: int) -> Effects:
        """A brake may be off: what no other one stops waits for a decision again, as long as it had left."""
        for proposal in self.proposals.waiting():
            firing = self._firing_of(proposal.firing_id)
            brake = self._acting.brakes.on(proposal.action, exposed(firing)) if firing else None
            if proposal.state is ProposalState.BRAKED and brake is None:
                yield from self._move(proposal, Event.RELEASE, at, wall)
            elif brake and proposal.state is ProposalState.BRAKED and proposal.reason != brake.name:
                moved = replace(proposal, version=proposal.version + 1, reason=brake.name)
                yield from self._save(moved, at, f"{proposal.action}: braked by {brake.name}")

    def expire(self, at: int, wall: int) -> Effects:
        """Let go of what nobody decided in time."""
        for proposal in self.proposals.expire_due(wall):
            yield from self._save(proposal, at, f"{proposal.action}: {proposal.state}{_because(proposal.reason)}")

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        self.proposals.forget(firing_id)

    def _wanted(self, firing: Firing, stage: Stage, name: str) -> bool:
        if self._acting.runs.alive(firing.id, name):
            return False
        mine = [each for each in self.proposals.of(firing.id) if each.action == name]
        return not any(
            each.state.waits or (each.state in _DECIDED and each.stage.rank >= stage.name.rank) for each in mine
        )

    def _propose(self, firing: Firing, stage: Stage, name: str, *, onset: int, at: int, wall: int) -> Effects:
        brake = self._acting.brakes.on(name, exposed(firing))
        proposal = Proposal(
            id=short_id(f"{firing.id}/{stage.name}/{name}@{at}"),
            version=1,
            action=name,
            firing_id=firing.id,
            rule=firing.rule,
            labels=firing.labels,
            title=firing.title,
            stage=stage.name,
            state=ProposalState.PENDING,
            onset=onset,
            made_at=wall,
            expires_at=onset + stage.expires,
        )
        yield from self._save(proposal, at, f"{name}: proposed, for {age(proposal.expires_at - wall)}")
        if brake:
            yield from self._move(proposal, Event.BRAKE, at, wall, reason=brake.name)

    def _check(self, proposal: Proposal, at: int) -> None:
        self._acting.check(proposal.action, at)
        firing = self._firing_of(proposal.firing_id)
        if firing is None or firing.shadow:
            raise RefusedError(f"{proposal.rule} does not react")
        if self._acting.runs.alive(proposal.firing_id, proposal.action):
            raise ConflictError(f"{proposal.action} runs for this firing already")

    def _move(
        self, proposal: Proposal, event: Event, at: int, wall: int, *, reason: str = "", text: str = ""
    ) -> Effects:
        moved = after(proposal, event, wall, reason=reason)
        told = text or f"{moved.state}{' by' if event is Event.BRAKE else ':' if reason else ''} {reason}".rstrip()
        yield from self._save(moved, at, f"{proposal.action}: {told}")

    def _save(self, proposal: Proposal, at: int, text: str) -> Effects:
        yield ProposalSaved(self.proposals.keep(proposal))
        detail = {"proposal": proposal.id, "state": str(proposal.state)}
        yield Journaled(at, "proposal", proposal.rule, proposal.firing_id, text, detail)
        yield Touched(frozenset({proposal.firing_id}))


def onset_of(firing: Firing) -> int:
    """When it began (engine time): where it resolved and fires again, its latest episode counts."""
    burning = [record.fired_at for record in firing.stages if record.keeps_open and record.fired_at is not None]
    return firing.fired_at if firing.episodes == 1 else min(burning, default=firing.fired_at)


def _run_of(approved: Proposal, at: int) -> ActionRun:
    return ActionRun(
        approved.run_id,
        approved.action,
        approved.firing_id,
        approved.rule,
        approved.labels,
        approved.stage,
        RunState.WAITING,
        at,
        by=approved.by,
    )


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
