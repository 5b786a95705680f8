"""`rtmd import`: rules of other systems as rule files of ours, and a report of what came along and what did not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtmd.cli.operate import DURATION

if TYPE_CHECKING:
    from rtmd.rulefile.prometheus.translate import Translation

_HEADER = """\
# Imported from {source} by `rtmd import prometheus`: one stage a rule, evaluated when Prometheus would evaluate it.
# What makes a protocol of it is up to you: clear levels, more stages, who is told.

"""


@click.group("import")
def importing() -> None:
    """Carry over rules of other systems."""


@importing.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write here [default: stdout].")
@click.option("--force", is_flag=True, help="Replace the output if it is there.")
@click.option(
    "--stage",
    type=click.Choice(["seconds", "minutes", "hours"]),
    default="minutes",
    show_default=True,
    help="The stage that rules become.",
)
@click.option("--interval", type=DURATION, help="Evaluation interval of groups that name none [default: 1m].")
def prometheus(file: Path, *, output: Path | None, force: bool, stage: str, interval: int | None) -> None:
    """Carry over the alerting rules of a Prometheus rule file.

    The rules go to the output; a line for everything that does not come along, and why, to stderr. Exits with 1
    if an alert had to be left out.
    """
    from rtmd.errors import FileErrors
    from rtmd.model.display import safe
    from rtmd.model.rule import StageName
    from rtmd.rulefile.prometheus.groups import read_groups
    from rtmd.rulefile.prometheus.translate import translate

    if output is not None and output.exists() and not force:
        raise click.ClickException(f"{safe(str(output))} is there already: --force replaces it")
    try:
        groups = read_groups(file.read_bytes(), file=str(file))
        done = translate({str(file): groups}, stage=StageName(stage), interval=interval)
        text = _checked(done, file, output)
    except FileErrors as errors:
        for problem in errors.problems:
            click.echo(safe(str(problem)), err=True)
        sys.exit(1)
    except OSError as error:
        raise click.ClickException(f"{safe(str(file))}: {error.strerror}") from None
    for remark in sorted((*done.remarks, *done.left_out)):
        click.echo(safe(str(remark)), err=True)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
    click.echo(f"{len(done.rules)} rules carried over, {done.alerts_left_out} alerts left out", err=True)
    sys.exit(1 if done.alerts_left_out else 0)


def _checked(done: Translation, source: Path, output: Path | None) -> str:
    """The file to write; FileErrors where it could not be used, because it is too large."""
    from rtmd.errors import FileErrors
    from rtmd.rulefile import load_rules

    text = _HEADER.format(source=source.name.replace("\n", " ")) + done.document()
    problems = load_rules({str(output or source): text}).errors
    if problems:
        raise FileErrors(problems)
    return text
