"""`rtmd token`: how programs show who they are."""

from __future__ import annotations

import click

from rtmd.cli import output
from rtmd.config import Role


@click.group()
def token() -> None:
    """Tokens: how programs show who they are."""


@token.command("new")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="view", help="What it may do (view).")
@click.option("--expires", metavar="YYYY-MM-DD", default="", help="Its last day, UTC (default: never).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def token_new(*, name: str, role: str, expires: str, as_json: bool) -> None:
    """Make a token for NAME. It is shown once; rtmd.toml gets its hash."""
    from rtmd.api.tokens import new_token
    from rtmd.config.access import token_problem

    problem = token_problem(name, expires)
    if problem:
        raise click.UsageError(problem)
    made, digest = new_token()
    lines = [f"[tokens.{name}]", f'role = "{role}"', f'hash = "{digest}"']
    toml = "\n".join([*lines, *([f'expires = "{expires}"'] if expires else [])])

    def shown() -> None:
        click.echo(f"{made}\n\nThe token is shown this once. Put this into rtmd.toml:\n\n{toml}")

    output.either({"token": made, "toml": toml}, as_json=as_json, shown=shown)
