"""From what happened to what is said and run.

What is said goes through `alerting.dispatch`: routes, groups, what mutes, the ledger. Actions run when their stage
fires and are undone when it ends; what is muted, in shadow, or judged with `react = "off"` runs nothing, and the
journal says that it would have run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from rtmd.alerting.correlations import Correlations
from rtmd.alerting.dispatch import Dispatch
from rtmd.alerting.flush import Verdict
from rtmd.alerting.routing import TREE, addressees
from rtmd.alerting.runs import Runs
from rtmd.model.change import Change, ChangeKind
from rtmd.model.effects import Effect, FiringSaved, Journaled, RunAction, RunSaved
from rtmd.model.firing import Firing
from rtmd.model.inputs import ActionDone, ReactionsLoaded, Restored, Undelivered
from rtmd.model.reaction import RunState
from rtmd.model.rule import Correlation, Rule, Stage

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

    A firing of a correlation runs nothing; whom it tells, its correlation says.
    """

    def __init__(
        self,
        firing_of: Callable[[str], Firing | None],
        rule_named: Callable[[str], Rule | None],
        correlations: Correlations,
    ) -> None:
        self.runs = Runs()
        self.dispatch = Dispatch(firing_of, self._notify_of, self.runs.of, correlations.of)
        self.reactions = ReactionsLoaded()
        self._rule_named = rule_named
        self._correlations = correlations

    def __repr__(self) -> str:
        return f"<Reactor {self.dispatch!r}, {self.runs!r}>"

    def load(self, reactions: ReactionsLoaded, firings: Iterable[Firing], at: int) -> None:
        """Another configuration."""
        self.reactions = reactions
        self.dispatch.load(reactions.policy, firings, at)
        self.dispatch.storms.load(reactions.storms, reactions.receivers)

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

    def restore(self, given: Restored, firings: Iterable[Firing], at: int) -> None:
        """Take up what an earlier run left."""
        self.runs.restore(given.runs)
        self.dispatch.restore(given, firings, at)

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
        rule = self.rule_of(firing)
        if change.kind in _PLACED:
            self.dispatch.place(firing, at)
        elif change.kind is ChangeKind.STAGE_FIRED:
            stage = rule.stage(change.stage) if rule else None
            yield from self._run(firing, stage, at=at, wall=wall) if stage else ()
        elif change.kind in (ChangeKind.STAGE_ENDED, ChangeKind.DEFERRED):
            yield from self._undo(firing, rule, at)
        elif change.kind is ChangeKind.RESOLVED:
            yield from self._undo(firing, rule, at)
            yield from self.dispatch.settle(firing, at) if not firing.flaps else ()
        elif change.kind in (ChangeKind.FLAPPING, ChangeKind.CALMED):
            self.dispatch.look_again(firing, at)
            yield from self.dispatch.settle(firing, at) if not (firing.open or firing.flaps) else ()

    def divert(self, given: Undelivered, at: int) -> Effects:
        """Tell the fallback of a receiver what that one could not be told."""
        message = given.notification
        fallback = self.reactions.fallbacks.get(message.receiver)
        if fallback is not None and not message.test:
            yield from self.dispatch.divert(message, fallback, given.error, at)

    def finish_run(self, done: ActionDone, at: int) -> Effects:
        """The result of an action, or of its undoing."""
        run = self.runs.get(done.run_id)
        if run is None:
            return
        run, overtaken = self.runs.finish(run, done.state, done.detail, at)
        yield RunSaved(run)
        detail = {"state": str(done.state), "detail": done.detail}
        yield Journaled(at, "action", run.rule, run.firing_id, f"{run.action}: {done.state}", detail)
        if overtaken:
            yield RunAction(run, undo=True)

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        self.dispatch.forget(firing_id)
        self.runs.forget(firing_id)

    def _run(self, firing: Firing, stage: Stage, *, at: int, wall: int) -> Effects:
        actions = [name for name in stage.run if name in self.reactions.actions]
        if not actions:
            return
        verdict = FLAPPING if stage.name in firing.flapping else self.muting(firing, at, wall)
        if verdict or not self._reacts(firing):
            why = verdict.text if verdict else "not reacting"
            yield Journaled(at, "action", firing.rule, firing.id, f"would have run {', '.join(actions)}: {why}")
            return
        for run in self.runs.start(firing, stage.name, actions, at):
            yield RunSaved(run)
            yield Journaled(at, "action", firing.rule, firing.id, f"{run.action}: {run.state}")
            yield RunAction(run)

    def _undo(self, firing: Firing, rule: Rule | None, at: int) -> Effects:
        """Undo what ended stages ran, but for actions that a burning stage of the firing runs as well."""
        burning = [rule.stage(record.name) for record in firing.stages if record.state.burning] if rule else []
        kept = frozenset(action for stage in burning if stage for action in stage.run)
        for run in self.runs.end(firing, kept, self.reactions.undoable, at):
            yield RunSaved(run)
            yield Journaled(at, "action", firing.rule, firing.id, f"{run.action}: {RunState.UNDOING}")
            yield RunAction(run, undo=True)

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
