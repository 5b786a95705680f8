"""What rules name and a configuration has to have: receivers, actions, escalations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from rtmd.errors import Located
from rtmd.model.rule import Rule, Stage, StageName
from rtmd.rulefile.table import nearest

ALWAYS_THERE = frozenset({"log", "@route"})


class Action(Protocol):
    """Of an action only this matters here: whether it can be undone."""

    @property
    def undo(self) -> Sequence[str]:
        """What reverses it; empty: nothing does."""
        ...


class Names(Protocol):
    """What rules may refer to: `rtmd.config.Config` is one of these."""

    @property
    def receivers(self) -> Mapping[str, object]:
        """Receivers by name."""
        ...

    @property
    def actions(self) -> Mapping[str, Action]:
        """Actions by name."""
        ...

    @property
    def escalations(self) -> Mapping[str, object]:
        """Escalations by name."""
        ...


def check_names(rules: Iterable[Rule], names: Names) -> tuple[Located, ...]:
    """Errors for what rules name and nobody has, and for `run` under seconds that cannot be undone."""
    problems = [
        Located(rule.file, stage.line, 0, f"{rule.name}: {problem}")
        for rule in rules
        for stage in rule.stages
        if stage.notify or stage.run or stage.propose or stage.escalate
        for problem in _of_stage(stage, names)
    ]
    return tuple(sorted(problems))


def _of_stage(stage: Stage, names: Names) -> Iterator[str]:
    at = stage.name
    yield from _unknown(f"{at}.notify", "receiver", stage.notify or (), {*names.receivers, *ALWAYS_THERE})
    yield from _unknown(f"{at}.run", "action", stage.run, names.actions)
    yield from _unknown(f"{at}.propose", "action", stage.propose, names.actions)
    yield from _unknown(f"{at}.escalate", "escalation", (stage.escalate,) * bool(stage.escalate), names.escalations)
    for name in stage.run if at is StageName.SECONDS else ():
        if name in names.actions and not names.actions[name].undo:
            yield f'seconds.run: the action "{name}" has no undo, and what seconds do must be reversible'


def _unknown(key: str, what: str, found: Iterable[str], known: Collection[str]) -> Iterator[str]:
    for name in found:
        if name not in known:
            yield f'{key} names the {what} "{name}", which the configuration does not have{nearest(name, known)}'
