"""The arguments of an action, filled from the labels of the instance that it is run for.

`{name}` in an element stands for the label `name`; `{rule}`, `{stage}` and `{firing}` for what the run belongs to.
The value is passed on raw, as part of one argument and never through a shell. Labels come from outside, so:

1. A value that begins with "-" is refused (a program would take it for an option), and so is one with a NUL.
2. A label that the instance does not have is refused: an empty argument means something else.
3. The program itself (the first element) is never filled in.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from rtmd.errors import PermanentError
from rtmd.model.action import Action, Proposal
from rtmd.model.reaction import ActionRun

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def fill(argv: Sequence[str], run: ActionRun | Proposal) -> tuple[str, ...]:
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


def would_run(action: Action | None, proposal: Proposal) -> str:
    """What an approval would run, as people read it; why it could not be run, where that is known."""
    if action is None:
        return f"{proposal.action} is not configured any more"
    try:
        return shlex.join(fill(action.what, proposal)) if action.what else action.name
    except PermanentError as error:
        return f"cannot be run: {error}"
