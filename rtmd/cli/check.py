"""`rtmd check`: rule files and rtmd.toml, offline; one `file:line: problem` line each, exit 1 if there is an error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rtmd.model.rule import RuleSet


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The configuration to check with the rules [default: rtmd.toml, if it is there].",
)
@click.option("--explain", metavar="RULE", help="Show what a rule does, stage by stage, or a correlation.")
def check(paths: tuple[Path, ...], config_path: Path | None, explain: str | None) -> None:
    """Check rule files (or folders of them) and the configuration, offline.

    Without PATHS: the rule folders that the configuration names.
    """
    from datetime import UTC, datetime

    from rtmd.cli.run import read_config
    from rtmd.config.policy import clock_changes
    from rtmd.errors import FileErrors
    from rtmd.rulefile.check import check_files
    from rtmd.rulefile.files import read_rule_files

    found = config_path or Path("rtmd.toml")
    problems: list[str] = []
    config = None
    if config_path or found.exists():
        try:
            config = read_config(found)
        except FileErrors as errors:
            problems += map(str, errors.problems)
    folders = paths or (config.daemon.rules if config else (Path("rules"),))
    try:
        files = read_rule_files(folders)
    except FileErrors as errors:
        files, problems = {}, [*problems, *map(str, errors.problems)]
    report = check_files(files, config)
    if explain:
        sys.exit(_explain(explain, report.rules))
    problems += map(str, report.errors)
    warnings = [*map(str, report.warnings)]
    if config:
        warnings += [f"{config.file}: {change}" for change in clock_changes(config.policy, datetime.now(UTC).year)]
    _print(problems, [f"{warning} (warning)" for warning in warnings])
    click.echo(f"{len(files)} files, {len(report.rules.rules)} rules, {len(problems)} errors", err=True)
    sys.exit(1 if problems else 0)


def _print(problems: list[str], warnings: list[str]) -> None:
    from rtmd.model.display import safe

    for line in [*problems, *warnings]:
        click.echo(safe(line))


def _explain(name: str, rules: RuleSet) -> int:
    from rtmd.model.display import safe
    from rtmd.model.rule import Rule
    from rtmd.rulefile.explain import explain_correlation, explain_rule

    rule = rules.entries.get(name)
    if rule is None:
        click.echo(f"there is no rule {safe(name)}", err=True)
        return 1
    explained = explain_rule(rule) if isinstance(rule, Rule) else explain_correlation(rule)
    for line in explained.splitlines():
        click.echo(safe(line))
    return 0
