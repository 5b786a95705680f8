"""`rtmd check`: everything that can be said about rule files without running them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from rtmd.errors import Located
from rtmd.model.rule import RuleSet
from rtmd.rulefile.correlation import check_correlations, lint_correlations
from rtmd.rulefile.lint import lint
from rtmd.rulefile.load import load_rules
from rtmd.rulefile.named import Names, check_names


class Report(Struct, frozen=True):
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
        errors += check_names(rules, config)
    return Report(errors, (*lint(rules), *lint_correlations(loaded.rules)), loaded.rules)
