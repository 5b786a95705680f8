"""Action runs: what a stage runs when it fires, and undoes when it ends.

A run is started at most once: its id names firing, stage, action and episode, and a run that is known is never
started again. When the stage ends, what it ran is undone once, unless a higher burning stage of the firing runs
the same action: then that stage keeps it, and its end undoes it. A run that is still going when its stage ends is
undone as soon as it is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rtmd.model.firing import Firing
from rtmd.model.reaction import ActionRun, RunState
from rtmd.model.rule import StageName

# What may have left something behind that wants undoing.
_STANDING = frozenset({RunState.DONE, RunState.UNKNOWN})
_ALIVE = _STANDING | {RunState.STARTED}


class Runs:
    """All runs of the firings that are remembered."""

    def __init__(self) -> None:
        self._by_id: dict[str, ActionRun] = {}
        self._of_firing: dict[str, list[str]] = {}
        self._ended: set[str] = set()  # runs whose stage ended while they were still going

    def __repr__(self) -> str:
        return f"<Runs {len(self._by_id)}>"

    def restore(self, runs: Iterable[ActionRun]) -> None:
        """Take in what the store kept."""
        for run in runs:
            self._keep(run)

    def get(self, run_id: str) -> ActionRun | None:
        """One run."""
        return self._by_id.get(run_id)

    def of(self, firing_id: str) -> list[ActionRun]:
        """The runs of a firing, in order of their ids: by stage, action, episode."""
        return [self._by_id[run_id] for run_id in sorted(self._of_firing.get(firing_id, ()))]

    def start(self, firing: Firing, stage: StageName, actions: Iterable[str], at: int) -> Iterator[ActionRun]:
        """New runs for a stage that fired: one an action that does not stand already."""
        for action in actions:
            alive = [run.id for run in self.of(firing.id) if run.action == action and run.state in _ALIVE]
            if alive:
                self._ended.difference_update(alive)  # still going, and wanted again
                continue
            run_id = f"{firing.id}:{stage}:{action}:{firing.episodes}:{firing.version}"
            if run_id not in self._by_id:
                yield self._keep(
                    ActionRun(run_id, action, firing.id, firing.rule, firing.labels, stage, RunState.STARTED, at)
                )

    def end(self, firing: Firing, kept: frozenset[str], undoable: frozenset[str], at: int) -> Iterator[ActionRun]:
        """A stage of the firing ended: runs to undo now, all but actions in `kept` (burning stages run them too)."""
        for run in self.of(firing.id):
            if run.action in kept or run.action not in undoable:
                continue
            if run.state in _STANDING:
                yield self._keep(replace(run, state=RunState.UNDOING, at=at))
            elif run.state is RunState.STARTED:
                self._ended.add(run.id)

    def finish(self, run: ActionRun, state: RunState, detail: str, at: int) -> tuple[ActionRun, bool]:
        """The result of a run or its undoing; the second says whether it is to be undone right away."""
        overtaken = run.id in self._ended and state is RunState.DONE
        self._ended.discard(run.id)
        after = RunState.UNDOING if overtaken else state
        return self._keep(replace(run, state=after, detail=detail, at=at)), overtaken

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        for run_id in self._of_firing.pop(firing_id, ()):
            del self._by_id[run_id]

    def _keep(self, run: ActionRun) -> ActionRun:
        if run.id not in self._by_id:
            self._of_firing.setdefault(run.firing_id, []).append(run.id)
        self._by_id[run.id] = run
        return run
