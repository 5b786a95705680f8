"""`rtmd tui`: a module of its own, since nobody should wait for what the other verbs need before the first paint."""

from __future__ import annotations

import click

from rtmd.cli.target import find_target


@click.command()
@click.option("--connect", metavar="PATH|URL", default=None, help="Socket path or URL of the daemon.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with plain ASCII only.")
@click.option("--readonly", "read_only", is_flag=True, help="Change nothing; the daemon refuses it too.")
@click.option(
    "--open", "open_at", metavar="LINK", default="", help="Begin at firing/ID or a screen: live, rules, audit …"
)
@click.option("--theme", metavar="NAME", default="", help="Colours: rtmd-dark, rtmd-light, rtmd-hc, ansi.")
@click.option("--bell", is_flag=True, help="Ring for what is critical, new and nobody's: once in 10s at most.")
@click.option("--wall", is_flag=True, help="For a display on a wall: large figures, no cursor; changes nothing.")
def tui(  # noqa: PLR0913  # one parameter an option
    *,
    connect: str | None,
    ascii_only: bool,
    read_only: bool,
    open_at: str,
    theme: str,
    bell: bool,
    wall: bool,
) -> None:
    """Open the screen of a running daemon."""
    if wall and open_at:
        raise click.UsageError("--wall shows everything at once: there is nothing to --open")
    from tui.app import main as open_screen
    from tui.options import Options

    options = Options(ascii_only=ascii_only, read_only=read_only, open_at=open_at, theme=theme, bell=bell, wall=wall)
    code = open_screen(find_target(connect), options)
    click.get_current_context().exit(code)
