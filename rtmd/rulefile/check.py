"""`rtmd check`: everything that can be said about rule files without running them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rtmd.errors import Located
from rtmd.model.rule import RuleSet
from rtmd.rulefile.correlation import check_correlations, lint_correlations
from rtmd.rulefile.lint import check_names, lint
from rtmd.rulefile.load import load_rules


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


@dataclass(frozen=True, slots=True)
class Report:
    """Errors keep a file from being used, warnings do not; `rules` are those of the files without errors.

    What correlations name is looked up once all files can be read: the rules may stand in any of them.
    """

    errors: tuple[Located, ...]
    warnings: tuple[Located, ...]
    rules: RuleSet


def check_files(rule_files: Mapping[str, bytes | str], config: Names | None = None) -> Report:
    """Check rule files (name → content); with a configuration also the receivers and actions they name."""
    loaded = load_rules(rule_files)
    rules = tuple(loaded.rules.rules.values())
    errors = loaded.errors or check_correlations(loaded.rules, *((config.receivers, config.actions) if config else ()))
    if config is not None:
        undoable = {name for name, action in config.actions.items() if action.undo}
        errors += check_names(rules, receivers=config.receivers, actions=config.actions, undoable=undoable)
    return Report(errors, (*lint(rules), *lint_correlations(loaded.rules)), loaded.rules)
