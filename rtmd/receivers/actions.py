"""Runs actions and their reversals: a program, its arguments filled from the labels of the instance.

`{name}` in an element stands for the label `name`; `{rule}`, `{stage}` and `{firing}` for what the run belongs to.
The value is passed on raw, as part of one argument and never through a shell. Labels come from outside, so:

1. A value that begins with "-" is refused (a program would take it for an option), and so is one with a NUL.
2. A label that the instance does not have is refused: an empty argument means something else.
3. The program itself (the first element) is never filled in.

Nothing is retried here: an action runs at most once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rtmd.config import CommandAction
from rtmd.errors import PermanentError
from rtmd.model.reaction import ActionRun
from rtmd.receivers.body import action_body
from rtmd.receivers.program import run_program

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class CommandActions:
    """`ports.ActionRunner` for the configured actions, by name."""

    def __init__(self, actions: Mapping[str, CommandAction]) -> None:
        self._actions = actions

    def __repr__(self) -> str:
        return f"<CommandActions {', '.join(sorted(self._actions)) or 'none'}>"

    def replace(self, actions: Mapping[str, CommandAction]) -> None:
        """Use other actions from the next run on."""
        self._actions = actions

    async def run(self, run: ActionRun, *, undo: bool) -> str:
        """Run the action of this run, or its reversal; returns what the program said, at most 1 KiB.

        Raises DeliveryError when it could not be started, did not end in time, or exited with anything but 0.
        """
        action = self._actions.get(run.action)
        if action is None:
            raise PermanentError(f"no action {run.action} is configured any more")
        argv = action.undo if undo else action.argv
        if not argv:
            raise PermanentError(f"{run.action} cannot be undone")
        filled = fill(argv, run)
        finished = await run_program(filled, action_body(run, undo=undo), timeout_ms=action.timeout)
        if finished.code != 0:
            raise PermanentError(f"{argv[0]}: {finished}")
        return finished.output


def fill(argv: Sequence[str], run: ActionRun) -> tuple[str, ...]:
    """The arguments of a run; PermanentError when a value may not be one."""
    values = dict(run.labels) | {"rule": run.rule, "stage": str(run.stage), "firing": run.firing_id}

    def value(found: re.Match[str]) -> str:
        name = found[1]
        text = values.get(name)
        if text is None:
            raise PermanentError(f"{run.action}: the instance has no label {name}")
        if text.startswith("-") or "\0" in text:
            raise PermanentError(
                f'{run.action}: the value of {name} may not be an argument: it has a leading "-" or a NUL'
            )
        return text

    return (argv[0], *(_PLACE.sub(value, element) for element in argv[1:]))
