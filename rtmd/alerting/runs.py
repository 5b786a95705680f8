"""Action runs: what a stage runs when it fires, and undoes when it ends, as a table of states (semantics S10).

                  start     done     failed        lost           end          want      undo
    waiting       started                                         called off
    started                 done     failed        unknown        (marked)     (unmarked)
    done                                                          undo waits
    unknown       started                                         undo waits
    failed        started
    undo waits                                                                 done      undoing
    undoing                 undone   undo failed   undo unknown
    undo failed                                                                          undoing
    undo unknown                                                                         undoing

A run is started at most once: its id names firing, stage, action and episode, and a run that is known is never
started again, but by a person, or where the action says that this does no harm. When the stage ends, what it ran is
undone once, unless a higher burning stage of the firing runs the same action: then that stage keeps it, and its end
undoes it. A run that is still going when its stage ends is undone as soon as it is done. What is to be undone and still
waits stands after all when it is wanted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from rtmd.errors import ConflictError
from rtmd.model.reaction import UNDER_WAY, ActionRun, RunState
from rtmd.model.replace import replace


class Event(StrEnum):
    """What happens to a run."""

    START = "start"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    END = "end"
    WANT = "want"
    UNDO = "undo"


_S = RunState

TRANSITIONS: Mapping[RunState, Mapping[Event, RunState]] = {
    _S.WAITING: {Event.START: _S.STARTED, Event.END: _S.CALLED_OFF},
    _S.CALLED_OFF: {},
    _S.STARTED: {
        Event.DONE: _S.DONE,
        Event.FAILED: _S.FAILED,
        Event.LOST: _S.UNKNOWN,
        Event.END: _S.STARTED,
        Event.WANT: _S.STARTED,
    },
    _S.DONE: {Event.END: _S.UNDO_WAITING},
    _S.UNKNOWN: {Event.START: _S.STARTED, Event.END: _S.UNDO_WAITING},
    _S.FAILED: {Event.START: _S.STARTED},
    _S.UNDO_WAITING: {Event.WANT: _S.DONE, Event.UNDO: _S.UNDOING},
    _S.UNDOING: {Event.DONE: _S.UNDONE, Event.FAILED: _S.UNDO_FAILED, Event.LOST: _S.UNDO_UNKNOWN},
    _S.UNDONE: {},
    _S.UNDO_FAILED: {Event.UNDO: _S.UNDOING},
    _S.UNDO_UNKNOWN: {Event.UNDO: _S.UNDOING},
}

# It stands, or will: the same action is not run for the firing once more.
_ALIVE = frozenset({_S.WAITING, _S.STARTED, _S.DONE, _S.UNKNOWN, _S.UNDO_WAITING})


def after(run: ActionRun, event: Event, at: int, detail: str = "") -> ActionRun:
    """The run after this; ConflictError when that cannot happen to it, and it stays as it is."""
    state = TRANSITIONS[run.state].get(event)
    if state is None:
        raise ConflictError(f"{run.action} is {run.state}: {event} is not for that")
    if state is run.state:
        return replace(run, ended=event is Event.END)
    started_at = at if state is RunState.STARTED else run.started_at
    return replace(run, state=state, at=at, detail=detail, started_at=started_at, ended=False)


class Runs:
    """All runs of the firings that are remembered."""

    def __init__(self) -> None:
        self._by_id: dict[str, ActionRun] = {}
        self._of_firing: dict[str, list[str]] = {}

    def __repr__(self) -> str:
        return f"<Runs {len(self._by_id)}>"

    def restore(self, runs: Iterable[ActionRun]) -> None:
        """Take in what the store kept."""
        for run in runs:
            self.keep(run)

    def get(self, run_id: str) -> ActionRun | None:
        """One run."""
        return self._by_id.get(run_id)

    def of(self, firing_id: str) -> list[ActionRun]:
        """The runs of a firing, in order of their ids: by stage, action, episode."""
        return [self._by_id[run_id] for run_id in sorted(self._of_firing.get(firing_id, ()))]

    def alive(self, firing_id: str, action: str) -> ActionRun | None:
        """The run of this action that stands for the firing, or will."""
        found = (run for run in self.of(firing_id) if run.action == action and run.state in _ALIVE)
        return next(found, None)

    def holds(self, firing_id: str) -> bool:
        """Whether something of this firing is still under way: it must not be forgotten."""
        return any(self._by_id[each].state in UNDER_WAY for each in self._of_firing.get(firing_id, ()))

    def in_state(self, *states: RunState) -> list[ActionRun]:
        """All runs in one of these states, in order of their ids."""
        return [run for _, run in sorted(self._by_id.items()) if run.state in states]

    def keep(self, run: ActionRun) -> ActionRun:
        """A new run, or a known one as it is now."""
        if run.id not in self._by_id:
            self._of_firing.setdefault(run.firing_id, []).append(run.id)
        self._by_id[run.id] = run
        return run

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        for run_id in self._of_firing.pop(firing_id, ()):
            del self._by_id[run_id]
