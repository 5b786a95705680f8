"""What is run and undone: stages start runs and end them, brakes and the hold stop them (semantics S10).

Nothing is started for a firing that is muted, in shadow or judged with `react = "off"`, while everything is held, or
more often than `at_most` says; the journal says what would have run, and it is not made up for later. Only a brake
makes runs wait: they start when it is lifted and their stage still burns. While everything is held, nothing is undone
either (an undo may let loose what somebody means to stop); it is when the hold is lifted.

Every start is durable before it is performed: `RunSaved` stands before `RunAction` in the same step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from rtmd.alerting.brakes import Brakes
from rtmd.alerting.calendar import clock
from rtmd.alerting.exposed import exposed
from rtmd.alerting.flush import Verdict
from rtmd.alerting.frequency import Frequency
from rtmd.alerting.runs import Event, Runs, after
from rtmd.errors import ConflictError, NotFoundError, RefusedError
from rtmd.model.action import Action, Hold
from rtmd.model.effects import Answered, Audited, Effect, HoldSaved, Journaled, RunAction, RunSaved, Touched
from rtmd.model.firing import Firing
from rtmd.model.inputs import ActionDone, HoldLifted, HoldSet, RunAgain
from rtmd.model.reaction import INTERRUPTED, ActionRun, RunState
from rtmd.model.replace import replace
from rtmd.model.rule import Rule, Stage, StageName

Effects: TypeAlias = Iterator[Effect]

_RESULTS = {RunState.DONE: Event.DONE, RunState.UNDONE: Event.DONE, RunState.UNKNOWN: Event.LOST}
_STANDING = frozenset({RunState.STARTED, RunState.DONE, RunState.UNKNOWN})
# It did what it was for, whatever became of the undo.
_SUCCEEDED = frozenset(
    {
        RunState.DONE,
        RunState.UNDO_WAITING,
        RunState.UNDOING,
        RunState.UNDONE,
        RunState.UNDO_FAILED,
        RunState.UNDO_UNKNOWN,
    }
)


class Acting:
    """All runs, and what may stop them.

    `firing_of` gives a firing by its id, `rule_of` the rule of one, `muting` what mutes a firing (engine and wall
    time); `handled` is told of firings on which an action succeeded. Whoever brings brakes back after a restart puts
    them into `brakes` before `resume`.
    """

    def __init__(
        self,
        firing_of: Callable[[str], Firing | None],
        rule_of: Callable[[Firing], Rule | None],
        muting: Callable[[Firing, int, int], Verdict | None],
        handled: Callable[[str], None],
    ) -> None:
        self.runs = Runs()
        self.brakes = Brakes()
        self.hold: Hold | None = None
        self.actions: Mapping[str, Action] = {}
        self.react = True
        self._frequency = Frequency()
        self._firing_of = firing_of
        self._rule_of = rule_of
        self._muting = muting
        self._handled = handled

    def __repr__(self) -> str:
        return f"<Acting {self.runs!r}, {self.brakes!r}{', held' if self.hold else ''}>"

    def restore(self, runs: Iterable[ActionRun], hold: Hold | None) -> None:
        """Take up what an earlier run left; `resume` says what became of what was under way."""
        known = list(runs)
        self.runs.restore(known)
        for run in known:
            self._note(run)
        self._frequency.restore(known)
        self.hold = hold

    def resume(self, at: int, wall: int) -> Effects:
        """Go on after a restart: nobody knows how far the runs came that were under way.

        They are run again only where the action says that this does no harm; what should have been undone is.
        """
        for run in self.runs.in_state(*INTERRUPTED):
            lost = self.runs.keep(after(run, Event.LOST, at, "rtmd ended before it did"))
            yield from self._saved(lost)
            firing = self._firing_of(run.firing_id)
            again = self.actions[run.action].idempotent if run.action in self.actions else False
            if run.state is RunState.UNDOING:
                yield from self._undo(lost, at) if again and not self.hold else ()
            elif run.ended:
                yield from self._end(lost, at)
            elif again and self._burns(lost, firing) and not self.stopped(firing, run.stage, at, wall):
                yield from self.start(lost, at)
        yield from self.release(at, wall)

    def stopped(self, firing: Firing | None, stage: StageName, at: int, wall: int, *, proposing: bool = False) -> str:
        """Why nothing may be started (or proposed) for a stage by itself now; empty when it may."""
        if firing is None or firing.shadow or not self.react:
            return "not reacting"
        if self.hold and not proposing:
            return held(self.hold)
        if stage in firing.flapping:
            return "flapping"
        verdict = self._muting(firing, at, wall)
        return verdict.text if verdict else ""

    def fired(self, firing: Firing, stage: Stage, at: int, wall: int) -> Effects:
        """A stage fired: run what it runs."""
        names = [name for name in stage.run if name in self.actions]
        why = self.stopped(firing, stage.name, at, wall) if names else ""
        if why:
            yield self.line(firing, at, f"would have run {', '.join(names)}: {why}")
            return
        for name in names:
            alive = self.runs.alive(firing.id, name)
            if alive is None:
                yield from self._run(firing, stage, name, at)
            elif alive.ended or alive.state is RunState.UNDO_WAITING:
                yield from self._saved(self.runs.keep(after(alive, Event.WANT, at)))

    def ended(self, firing: Firing, at: int) -> Effects:
        """A stage of the firing ended: what nothing keeps any more is undone, or called off."""
        for run in self.runs.of(firing.id):
            if (
                not run.ended
                and not self._burns(run, firing)
                and (self._undoable(run) or run.state is RunState.WAITING)
            ):
                yield from self._end(run, at)

    def finish(self, done: ActionDone, at: int) -> Effects:
        """The result of an action, or of its undoing."""
        run = self.runs.get(done.run_id)
        if run is None or run.state not in INTERRUPTED:
            return  # forgotten, or heard of already
        finished = self.runs.keep(after(run, _RESULTS.get(done.state, Event.FAILED), at, done.detail))
        yield from self._saved(finished)
        if run.ended and finished.state in _STANDING and self._undoable(run):
            yield from self._end(finished, at)

    def start(self, run: ActionRun, at: int) -> Effects:
        """Start a run that waits, or that a person wants again."""
        started = self.runs.keep(after(run, Event.START, at))
        self._frequency.add(run.action, at)
        yield from self._saved(started)
        yield RunAction(started, firing=self._firing_of(run.firing_id))

    def check(self, action: str, at: int) -> None:
        """Whether a person may start it now; RefusedError says why not."""
        self._check(action)
        often = self._too_often(action, at)
        if often:
            raise ConflictError(f"{action} runs {often}")

    def release(self, at: int, wall: int) -> Effects:
        """A brake may be off: start what waits for none any more, and can be started."""
        for run in self.runs.in_state(RunState.WAITING):
            firing = self._firing_of(run.firing_id)
            if firing and self.brakes.on(run.action, exposed(firing)):
                continue
            why = self.stopped(firing, run.stage, at, wall) or self._too_often(run.action, at)
            if why or not self._burns(run, firing):
                yield from self._saved(self.runs.keep(after(run, Event.END, at, why or "its stage is over")))
            else:
                yield from self.start(run, at)

    def take_hold(self, given: HoldSet, at: int, wall: int) -> Effects:
        """Somebody stops everything."""
        if self.hold:
            raise ConflictError(held(self.hold))
        self.hold = Hold(given.by, wall, given.reason)
        yield HoldSaved(self.hold)
        yield Audited(wall, given.by, "hold", "everything", given.reason)
        yield Journaled(at, "hold", text=f"{given.by} holds everything: {given.reason}")
        yield Answered(given.request)

    def lift_hold(self, given: HoldLifted, at: int, wall: int) -> Effects:
        """Somebody lets things run again: what should have been undone meanwhile is."""
        if self.hold is None:
            raise RefusedError("nothing is held")
        was, self.hold = self.hold, None
        yield HoldSaved(None)
        yield Audited(wall, given.by, "release", "everything", held(was))
        yield Journaled(at, "hold", text=f"{given.by} lifted the hold; {held(was)}")
        for run in self.runs.in_state(RunState.UNDO_WAITING):
            yield from self._undo(run, at)
        yield Answered(given.request)

    def again(self, given: RunAgain, at: int, wall: int) -> Effects:
        """A person wants a run, or its undoing, once more: it failed, or nobody knows."""
        run = self.runs.get(given.run_id)
        if run is None:
            raise NotFoundError(f"there is no run {given.run_id}")
        undo = run.state in (RunState.UNDO_FAILED, RunState.UNDO_UNKNOWN)
        after(run, Event.UNDO if undo else Event.START, at)  # or it is refused, before anything is written down
        self._check(run.action)
        if not undo:
            self._check_again(run, at)
        yield Audited(wall, given.by, "run again", run.id, run.detail)
        yield self._told(run, at, f"{given.by} runs {'the undo of ' if undo else ''}{run.action} again")
        yield from self._undo(run, at) if undo else self.start(replace(run, by=given.by), at)
        yield Answered(given.request, id=run.id)

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        self.runs.forget(firing_id)

    def line(self, firing: Firing, at: int, text: str, kind: str = "action") -> Journaled:
        """A line of the journal about a firing."""
        return Journaled(at, kind, firing.rule, firing.id, text)

    def _check(self, action: str) -> None:
        """Whether a person may start or undo anything."""
        if action not in self.actions:
            raise RefusedError(f"{action} is not configured any more")
        if not self.react:
            raise RefusedError('rtmd does not react: daemon.react = "off"')
        if self.hold:
            raise ConflictError(held(self.hold))

    def _check_again(self, run: ActionRun, at: int) -> None:
        """Whether it may be started once more: as the first time, and something has to be there that ends it."""
        self.check(run.action, at)
        firing = self._firing_of(run.firing_id)
        brake = self.brakes.on(run.action, exposed(firing)) if firing else None
        if brake is not None:
            raise ConflictError(f"{run.action} is braked by {brake.name}")
        if self._undoable(run) and not self._burns(run, firing):
            raise RefusedError(f"{run.action}: its stage is over, so it would never be undone")

    def _run(self, firing: Firing, stage: Stage, name: str, at: int) -> Effects:
        run_id = f"{firing.id}:{stage.name}:{name}:{firing.episodes}:{firing.version}"
        often = self._too_often(name, at)
        if self.runs.get(run_id):
            return
        if often:
            yield self.line(firing, at, f"would have run {name}: {often}")
            return
        brake = self.brakes.on(name, exposed(firing))
        why = f"braked by {brake.name}" if brake else ""
        run = ActionRun(run_id, name, firing.id, firing.rule, firing.labels, stage.name, RunState.WAITING, at, why)
        yield from self._saved(self.runs.keep(run)) if brake else self.start(run, at)

    def _end(self, run: ActionRun, at: int) -> Effects:
        """Its stage is over: call it off, have it undone when it is done, or undo it."""
        if run.state not in (RunState.WAITING, *_STANDING):
            return
        over = self.runs.keep(after(run, Event.END, at, "its stage is over" if run.state is RunState.WAITING else ""))
        if over.state is RunState.UNDO_WAITING and not self.hold:
            yield from self._undo(over, at)
        elif over.state is RunState.STARTED:
            yield RunSaved(over)
        else:
            yield from self._saved(over)

    def _undo(self, run: ActionRun, at: int) -> Effects:
        undoing = self.runs.keep(after(run, Event.UNDO, at))
        yield from self._saved(undoing)
        yield RunAction(undoing, undo=True, firing=self._firing_of(run.firing_id))

    def _note(self, run: ActionRun) -> None:
        if run.state in _SUCCEEDED:
            self._handled(run.firing_id)

    def _saved(self, run: ActionRun) -> Effects:
        self._note(run)
        yield RunSaved(run)
        yield self._told(run, run.at, f"{run.action}: {run.state}")
        yield Touched(frozenset({run.firing_id}))

    def _told(self, run: ActionRun, at: int, text: str) -> Journaled:
        return Journaled(
            at, "action", run.rule, run.firing_id, text, {"run": run.id, "state": str(run.state), "detail": run.detail}
        )

    def _burns(self, run: ActionRun, firing: Firing | None) -> bool:
        """Whether its own stage still burns, or another one that runs the same."""
        rule = self._rule_of(firing) if firing else None
        burning = [record.name for record in firing.stages if record.state.burning] if firing and firing.open else []
        stages = [rule.stage(name) for name in burning] if rule else []
        return run.stage in burning or any(stage and run.action in stage.run for stage in stages)

    def _undoable(self, run: ActionRun) -> bool:
        action = self.actions.get(run.action)
        return action is not None and bool(action.undo)

    def _too_often(self, name: str, at: int) -> str:
        """Why it may not run now, where it ran too often; in words."""
        limit = self.actions[name].at_most if name in self.actions else None
        free = self._frequency.free_at(name, limit, at) if limit else None
        return "" if free is None else f"at most {limit}: the next one in {(free - at + 999) // 1000} s"


def held(hold: Hold) -> str:
    """That everything is held, by whom, since when and why."""
    return f"everything is held by {hold.by} since {clock(hold.at)}: {hold.reason}"
