"""From what happened to what is said and run.

What is said goes through `alerting.dispatch`: routes, groups, what mutes, the ledger; what is run and undone through
`acting`, what people are asked through `proposing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, assert_never

from rtmd.alerting.brakes import Brake
from rtmd.alerting.correlations import Correlations
from rtmd.alerting.dispatch import Dispatch
from rtmd.alerting.flush import Verdict
from rtmd.alerting.routing import TREE, addressees
from rtmd.model.change import Change, ChangeKind
from rtmd.model.effects import Effect, FiringSaved, Journaled
from rtmd.model.firing import Firing
from rtmd.model.inputs import (
    ActionRequest,
    HoldLifted,
    HoldSet,
    ProposalDecided,
    ReactionsLoaded,
    Restored,
    RunAgain,
    Undelivered,
)
from rtmd.model.rule import Correlation, Rule
from rtmd.pipeline.acting import Acting
from rtmd.pipeline.attending import Attending
from rtmd.pipeline.proposing import Proposing

Effects: TypeAlias = Iterator[Effect]

FLAPPING = Verdict("flapping", "flapping")

_PLACED = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.RAISED})
_JOURNALED = {
    ChangeKind.JUDGED: "outcome",
    ChangeKind.FLAPPING: "flapping",
    ChangeKind.CALMED: "flapping",
}
_RELABELLED = frozenset({ChangeKind.RAISED, ChangeKind.FELL})  # the virtual labels `stage` and `severity` are others


class Reactor:
    """Decides what is said and run. `firing_of` gives a firing by its id, `rule_named` a rule by its name.

    A firing of a correlation runs nothing; whom it tells, its correlation says. `handled` is told of firings that
    somebody, or an action, dealt with; `replace_firing` takes one that changed.
    """

    def __init__(
        self,
        firing_of: Callable[[str], Firing | None],
        rule_named: Callable[[str], Rule | None],
        correlations: Correlations,
        handled: Callable[[str], None],
        replace_firing: Callable[[Firing], None],
    ) -> None:
        self.acting = Acting(firing_of, self.rule_of, self.muting, handled)
        self.proposing = Proposing(self.acting, firing_of, handled)
        self.dispatch = Dispatch(firing_of, self._notify_of, self.acting.runs.of, correlations.of)
        self.attending = Attending(self.dispatch, firing_of, replace_firing, self._silent)
        self.reactions = ReactionsLoaded()
        self._rule_named = rule_named
        self._correlations = correlations

    def __repr__(self) -> str:
        return f"<Reactor {self.dispatch!r}, {self.acting!r}, {self.proposing!r}>"

    def load(self, reactions: ReactionsLoaded, firings: Iterable[Firing], at: int, wall: int) -> Effects:
        """Another configuration."""
        self.reactions = reactions
        self.dispatch.load(reactions.policy, firings, at)
        self.dispatch.storms.load(reactions.storms, reactions.receivers)
        self.attending.load(reactions.policy.escalations, wall)
        yield from self.proposing.load(reactions.actions, at, wall)
        self.acting.actions, self.acting.react = reactions.actions, reactions.react

    def readdress(
        self,
        before: Mapping[str, Rule | Correlation],
        after: Mapping[str, Rule | Correlation],
        firings: Iterable[Firing],
        at: int,
    ) -> None:
        """Other rules: the firings of those that tell others now find their groups anew."""
        is_open = [firing for firing in firings if firing.open and firing.origin is None]
        firing_rules = {firing.rule for firing in is_open} & after.keys()
        moved = {name for name in firing_rules if _addresses(before.get(name)) != _addresses(after[name])}
        self.dispatch.replace((firing for firing in is_open if firing.rule in moved), at)

    def restore(self, given: Restored, firings: Sequence[Firing], at: int, wall: int) -> None:
        """Take up what an earlier run left; `resume` follows when all of it is there."""
        self.acting.restore(given.runs, given.hold)
        self.proposing.restore(given.proposals)
        self.dispatch.restore(given, firings, at)
        self.attending.restore(given.escalations, firings, wall)

    def resume(self, at: int, wall: int) -> Effects:
        """Go on after a restart: what was under way, and what waited for a brake that is not on any more."""
        yield from self.acting.resume(at, wall)
        yield from self.proposing.release(at, wall)

    def rule_of(self, firing: Firing) -> Rule | None:
        """The rule that a firing is of, in force or lately removed; what others raised, or firings make, is of none."""
        return None if firing.origin is not None or firing.correlated else self._rule_named(firing.rule)

    def muting(self, firing: Firing, at: int, wall: int) -> Verdict | None:
        """What mutes the firing now, whoever would be told."""
        if firing.flaps:
            return FLAPPING
        verdict = self.dispatch.suppression.verdict(firing, at, wall)
        storming = self.dispatch.storm_over(firing) if verdict is None else ""
        return Verdict("storm", f"storm towards {storming}") if storming else verdict

    def react(self, change: Change, wall: int) -> Effects:
        """What follows from one change of a firing."""
        firing, at = change.firing, change.at
        yield FiringSaved(firing)
        yield _journal(change)
        self.dispatch.notice(firing, at, relabelled=change.kind in _RELABELLED)
        if change.kind in _PLACED:
            self.dispatch.place(firing, at)
        yield from self._act(change, wall)
        yield from self.attending.follow(change, self.rule_of(firing), wall)
        if change.kind is ChangeKind.RESOLVED:
            yield from self.dispatch.settle(firing, at) if not firing.flaps else ()
        elif change.kind in (ChangeKind.FLAPPING, ChangeKind.CALMED):
            self.dispatch.look_again(firing, at)
            yield from self.dispatch.settle(firing, at) if not (firing.open or firing.flaps) else ()

    def brake(self, brake: Brake, at: int, wall: int) -> Effects:
        """A correlation fires: what it brakes waits from now on, proposals that are there and all that come.

        In place of an older brake of its own, what that one stopped and this one does not goes on.
        """
        self.acting.brakes.put(brake)
        yield from self.proposing.put_brake(brake, at, wall)
        yield from self._let_go(at, wall)

    def release(self, brake_id: str, at: int, wall: int) -> Effects:
        """A correlation ended: what no other one brakes goes on."""
        if self.acting.brakes.lift(brake_id):
            yield from self._let_go(at, wall)

    def _let_go(self, at: int, wall: int) -> Effects:
        yield from self.acting.release(at, wall)
        yield from self.proposing.release(at, wall)

    def ask(self, given: ActionRequest, at: int, wall: int) -> Effects:
        """A person decides about what is run; RefusedError says why not, and who was first."""
        match given:
            case ProposalDecided():
                yield from self.proposing.decide(given, at, wall)
            case HoldSet():
                yield from self.acting.take_hold(given, at, wall)
            case HoldLifted():
                yield from self.acting.lift_hold(given, at, wall)
            case RunAgain():
                yield from self.acting.again(given, at, wall)
            case _:
                assert_never(given)

    def next_deadline(self) -> int | None:
        """The wall time at which something that people did not do is over."""
        due = (self.proposing.proposals.next_due(), self.attending.next_due())
        return min((each for each in due if each is not None), default=None)

    def flush(self, at: int, wall: int) -> Effects:
        """Let go of what nobody decided, or has, in time; and say what is due."""
        yield from self.proposing.expire(at, wall)
        yield from self.attending.advance(at, wall)
        yield from self.dispatch.flush(at, wall)

    def divert(self, given: Undelivered, at: int) -> Effects:
        """Tell the fallback of a receiver what that one could not be told."""
        message = given.notification
        fallback = self.reactions.fallbacks.get(message.receiver)
        if fallback is not None and not message.test:
            yield from self.dispatch.divert(message, fallback, given.error, at)

    def holds(self, firing_id: str) -> bool:
        """Whether something of this firing is to be decided or done yet: it must not be forgotten."""
        return self.proposing.proposals.holds(firing_id) or self.acting.runs.holds(firing_id)

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        self.dispatch.forget(firing_id)
        self.acting.forget(firing_id)
        self.proposing.forget(firing_id)
        self.attending.forget(firing_id)

    def _act(self, change: Change, wall: int) -> Effects:
        """What a change starts, ends and proposes."""
        firing, at = change.firing, change.at
        if change.kind is ChangeKind.STAGE_FIRED:
            rule = self.rule_of(firing)
            stage = rule.stage(change.stage) if rule else None
            if stage is not None:
                yield from self.acting.fired(firing, stage, at, wall)
                yield from self.proposing.fired(firing, stage, at, wall)
        elif change.kind in (ChangeKind.STAGE_ENDED, ChangeKind.DEFERRED, ChangeKind.RESOLVED):
            yield from self.acting.ended(firing, at)
            yield from self.proposing.ended(firing, at, wall)
        if change.kind in (ChangeKind.RESOLVED, ChangeKind.REOPENED):
            yield from self.proposing.changed(firing, at, wall)

    def _silent(self, firing: Firing, at: int, wall: int) -> Verdict | None:
        """Why nothing is said of the firing now, whoever would be told."""
        return self.muting(firing, at, wall) if self._reacts(firing) else Verdict("off", "not reacting")

    def _notify_of(self, firing: Firing) -> tuple[str, ...]:
        """Whom a firing tells at its stage."""
        if not self._reacts(firing):
            return ()
        if firing.origin is not None:
            return (TREE,)
        if firing.correlated:
            correlation = self._correlations.correlation(firing.rule)
            return addressees(correlation) if correlation else ()
        rule = self.rule_of(firing)
        stage = rule.stage(firing.stage) if rule else None
        return addressees(stage) if stage else ()

    def _reacts(self, firing: Firing) -> bool:
        return self.reactions.react and not firing.shadow


def _addresses(rule: Rule | Correlation | None) -> object:
    """Whom a correlation, or the stages of a rule, tell."""
    match rule:
        case None:
            return None
        case Correlation():
            return (rule.shadow, rule.notify)
        case Rule():
            return (rule.shadow, *((stage.name, stage.notify) for stage in rule.stages))


def _journal(change: Change) -> Journaled:
    firing = change.firing
    record = firing.record(change.stage)
    detail = {"change": str(change.kind), "stage": str(change.stage), "reason": change.reason}
    if record is not None and record.value is not None:
        detail["value"] = f"{record.value:.6g}"
    kind = _JOURNALED.get(change.kind, "transition")
    return Journaled(change.at, kind, firing.rule, firing.id, f"{change.stage}: {change.kind}, {change.reason}", detail)
