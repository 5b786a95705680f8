"""From what happened to what is said and run: one firing at a time, silences and the ledger in between.

Order of the limiters (semantics S5, as far as it is built): shadow and `react = "off"` → silenced → ledger → send.
Muting is judged at the moment something is to be said, never stored on the firing. Messages go out when a firing
opens, reopens, rises or resolves; falling back is shown, not announced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from rtmd.alerting.exposed import exposed
from rtmd.alerting.ledger import Ledger
from rtmd.alerting.runs import Runs
from rtmd.alerting.silences import Silences
from rtmd.engine.episodes import Change, ChangeKind
from rtmd.model.display import age, number
from rtmd.model.effects import Effect, FiringSaved, Journaled, LedgerSaved, Notify, RunAction, RunSaved
from rtmd.model.firing import Firing
from rtmd.model.inputs import ActionDone, ReactionsLoaded, Undelivered
from rtmd.model.reaction import Notification, RunState, Told
from rtmd.model.rule import Rule, Stage
from rtmd.model.silence import Silence

ECHO = 5_000  # ms a firing must burn on after its suppression ended, before it is announced

Effects: TypeAlias = Iterator[Effect]


class Reactor:
    """Decides what is said and run; the ledger, the runs and the silences are its memory."""

    def __init__(self) -> None:
        self.silences = Silences()
        self.ledger = Ledger()
        self.runs = Runs()
        self.reactions = ReactionsLoaded()

    def muting(self, firing: Firing, wall: int) -> list[Silence]:
        """The active silences that cover the firing now."""
        return self.silences.muting(exposed(firing), wall)

    def react(self, change: Change, rule: Rule | None, wall: int) -> Effects:
        """What follows from one change of a firing."""
        firing, at = change.firing, change.at
        yield FiringSaved(firing)
        yield _journal(change)
        stage = rule.stage(change.stage) if rule else None
        match change.kind:
            case ChangeKind.OPENED | ChangeKind.REOPENED if stage:
                yield from self._announce(firing, stage, Told.FIRING, at=at, wall=wall, reason=change.reason)
            case ChangeKind.RAISED if stage:
                yield from self._announce(firing, stage, Told.RAISED, at=at, wall=wall, reason=change.reason)
            case ChangeKind.STAGE_FIRED if stage:
                yield from self._run(firing, stage, at=at, wall=wall)
            case ChangeKind.STAGE_ENDED | ChangeKind.DEFERRED:
                yield from self._undo(firing, rule, at)
            case ChangeKind.RESOLVED:
                yield from self._undo(firing, rule, at)
                yield from self._send(self.ledger.resolve(firing, at=at, reason=resolution(firing)))
                yield from map(LedgerSaved, self.ledger.settle(firing, at))
            case _:
                pass

    def unsilence(self, firings: Callable[[str], Firing | None], at: int, wall: int) -> Effects:
        """Say what was withheld of firings that nothing has muted for a while and that still burn."""
        for firing_id, withheld in list(self.ledger.withheld()):
            firing = firings(firing_id)
            if firing is None or not firing.open or not self._reacts(firing):
                continue
            labels = exposed(firing)
            if self.silences.covering(labels, wall - ECHO, wall):
                continue
            past = self.silences.covering(labels, 0, wall)
            reason = f"still firing, was silenced by {past[0].created_by}" if past else "still firing, was silenced"
            yield from self._send(self.ledger.tell(firing, withheld, Told.STILL_FIRING, at=at, reason=reason))

    def divert(self, given: Undelivered, firings: Callable[[str], Firing | None], at: int) -> Effects:
        """Tell the fallback of a receiver what that one could not be told, unless it knows already.

        The ledger remembers it like everything that is told: so it is said once, also over restarts, and whoever
        heard of a firing this way hears of its end.
        """
        message = given.notification
        fallback = self.reactions.fallbacks.get(message.receiver)
        if fallback is None or message.test:
            return
        for alert in message.alerts:
            current = firings(alert.firing.id)
            over = current is None or not current.open
            if self.ledger.knows(alert, fallback, message.at) or (over and not alert.resolved):
                continue  # of what is over already, only the end is worth a message
            told = self.ledger.tell(alert.firing, [fallback], alert.told, at=at, reason=alert.reason)
            yield from self._send([replace(each, instead_of=message.receiver, because=given.error) for each in told])

    def finish_run(self, done: ActionDone, at: int) -> Effects:
        """The result of an action, or of its undoing."""
        run = self.runs.get(done.run_id)
        if run is None:
            return
        run, overtaken = self.runs.finish(run, done.state, done.detail, at)
        yield RunSaved(run)
        yield Journaled(at, "action", run.rule, run.firing_id, f"{run.action}: {done.state}", {"detail": done.detail})
        if overtaken:
            yield RunAction(run, undo=True)

    def receivers(self, stage: Stage) -> tuple[str, ...]:
        """Whom a stage tells: exactly its `notify`, or the tree of the configuration."""
        if stage.notify is None:
            return self.reactions.default_receivers
        named = [name for name in stage.notify if name != "@route"]
        tree = self.reactions.default_receivers if "@route" in stage.notify else ()
        return tuple(dict.fromkeys([*named, *tree]))

    def _announce(self, firing: Firing, stage: Stage, told: Told, *, at: int, wall: int, reason: str) -> Effects:
        if not self._reacts(firing):
            return
        receivers = self.receivers(stage)
        silences = self.muting(firing, wall)
        if silences:
            yield from map(LedgerSaved, self.ledger.withhold(firing, receivers, at))
            text = f"not told to {', '.join(receivers)}: silenced by {silences[0].created_by}"
            yield Journaled(at, "suppressed", firing.rule, firing.id, text, {"silence": silences[0].id})
            return
        yield from self._send(self.ledger.tell(firing, receivers, told, at=at, reason=reason))

    def _send(self, notifications: list[Notification]) -> Effects:
        for notification in notifications:
            for alert in notification.alerts:
                yield LedgerSaved(self.ledger.entry(alert.firing.id, notification.receiver))
            told = tuple(replace(alert, runs=tuple(self.runs.of(alert.firing.id))) for alert in notification.alerts)
            yield Notify(replace(notification, alerts=told))
            for alert in notification.alerts:
                text = f"{alert.told} to {notification.receiver}: {alert.reason}"
                detail = {"key": notification.key}
                yield Journaled(notification.at, "told", alert.firing.rule, alert.firing.id, text, detail)

    def _run(self, firing: Firing, stage: Stage, *, at: int, wall: int) -> Effects:
        actions = [name for name in stage.run if name in self.reactions.actions]
        if not actions:
            return
        silences = self.muting(firing, wall)
        if silences or not self._reacts(firing):
            why = f"silenced by {silences[0].created_by}" if silences else "not reacting"
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

    def _reacts(self, firing: Firing) -> bool:
        return self.reactions.react and not firing.shadow


def resolution(firing: Firing) -> str:
    """What a resolved message says: how long, how high, who had it, and what it turned out to be so far."""
    ended = firing.resolved_at or firing.fired_at
    parts = [f"after {age(ended - firing.fired_at)}"]
    peaks = [record.peak for record in firing.stages if record.peak is not None and record.name is firing.stage]
    if peaks:
        parts.append(f"peak {number(peaks[0])} {firing.unit}".rstrip())
    if firing.ack:
        parts.append(f"{firing.ack.by} had it")
    outcomes = {str(record.outcome) for record in firing.stages if record.outcome}
    parts.append(", ".join(sorted(outcomes)) if outcomes else "not confirmed so far")
    return f"{firing.reason}; {'; '.join(parts)}"


def _journal(change: Change) -> Journaled:
    firing = change.firing
    record = firing.record(change.stage)
    detail = {"change": str(change.kind), "stage": str(change.stage), "reason": change.reason}
    if record is not None and record.value is not None:
        detail["value"] = f"{record.value:.6g}"
    kind = "outcome" if change.kind is ChangeKind.JUDGED else "transition"
    return Journaled(change.at, kind, firing.rule, firing.id, f"{change.stage}: {change.kind}, {change.reason}", detail)
